"""The database as a unit of work: transactions that hand out repositories."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from voicereel.adapters.database.accounts import Accounts
from voicereel.adapters.database.artifacts import Artifacts
from voicereel.adapters.database.dialect import Hot
from voicereel.adapters.database.drafts import Drafts
from voicereel.adapters.database.engines import Engines
from voicereel.adapters.database.events import Events, Outbox
from voicereel.adapters.database.hot_pool import KEEPALIVE, HotPool, HotPoolError
from voicereel.adapters.database.jobs_hot import Accepting, HotJobs
from voicereel.adapters.database.ledger import Ledger
from voicereel.adapters.database.lexicons import Lexicons
from voicereel.adapters.database.quotes import Paces, Quotes
from voicereel.adapters.database.signals import PollingListener, PostgresqlListener, Signals
from voicereel.adapters.database.sources import Sources
from voicereel.adapters.database.speakers import Speakers
from voicereel.adapters.database.takes import Takes
from voicereel.adapters.database.turns import Turns
from voicereel.adapters.database.work import Work
from voicereel.domain.errors import Unavailable
from voicereel.ports import Accepted, Channel, Listener
from voicereel.telemetry import log

# How long SQLite waits for another writer, its turn having come or not, before it says: try again.
_BUSY_MS = 5_000
# No statement of ours takes long: what hangs is cut off, and tried again by who asked for it.
_LIMITS = "-c statement_timeout=30s -c lock_timeout=10s"
_IDLE_S = 10.0


@dataclass(frozen=True)
class DatabaseTransaction:
    """The repositories over one transaction. ``told`` goes out after the commit.

    ``hot`` is what the hot statements run on: the same connection, or where every statement is a commit
    of its own, one that costs less. Neither is taken from its pool before it is needed.
    """

    max_attempts: int
    connect: Callable[[], sa.Connection]
    connect_hot: Callable[[], Hot] | None = None
    accepting: Accepting | None = None
    told: set[tuple[Channel, str]] = field(default_factory=set)

    @cached_property
    def connection(self) -> sa.Connection:
        return self.connect()

    @cached_property
    def hot(self) -> Hot:
        return self.connection if self.connect_hot is None else self.connect_hot()

    @cached_property
    def jobs(self) -> HotJobs:
        return HotJobs(self, tell=self._outbox_grew, accepting=self.accepting)

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(self)

    @cached_property
    def takes(self) -> Takes:
        return Takes(self.connection)

    @cached_property
    def artifacts(self) -> Artifacts:
        return Artifacts(self)

    @cached_property
    def work(self) -> Work:
        return Work(self.hot, max_attempts=self.max_attempts)

    @cached_property
    def speakers(self) -> Speakers:
        return Speakers(self.connection)

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.connection)

    @cached_property
    def lexicons(self) -> Lexicons:
        return Lexicons(self)

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(self.connection)

    @cached_property
    def events(self) -> Events:
        return Events(self.connection, tell=lambda job_id: self.told.add(("events", job_id)))

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.connection, tell=self._outbox_grew)

    @cached_property
    def engines(self) -> Engines:
        return Engines(self.connection)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.connection)

    @cached_property
    def quotes(self) -> Quotes:
        return Quotes(self.connection)

    @cached_property
    def paces(self) -> Paces:
        return Paces(self.connection)

    def _outbox_grew(self) -> None:
        self.told.add(("outbox", ""))


class Database:
    """`UnitOfWork` over SQLAlchemy Core. One pool a process; safe to share between threads."""

    def __init__(self, url: str, *, max_attempts: int = 5, lease_s: float = 20.0) -> None:
        self.engine = make_engine(url, idle_s=_idle_s(lease_s))
        is_sqlite = self.engine.dialect.name == "sqlite"
        alone = {} if is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._writing = self.engine.execution_options(voicereel_writing=True)
        self._reading = self.engine.execution_options(**alone)
        self._max_attempts = max_attempts
        self._turns = _turns(self.engine)
        self._hot = None if is_sqlite else HotPool(self.engine.url, options=_LIMITS)
        self._accepting = None if self._hot is None else Accepting(self._accept_together)
        self._signals = None if self._hot is None else Signals(self._hot.connection)

    @contextmanager
    def reading(self) -> Iterator[DatabaseTransaction]:
        """For reads: a consistent view that never waits for a writer on SQLite, newest first elsewhere."""
        with _named_errors(), ExitStack() as stack:
            yield self._separate(stack)

    @contextmanager
    def writing(self) -> Iterator[DatabaseTransaction]:
        """Commits when the block ends, rolls back when it raises."""
        with _named_errors(), self._turn(), self._writing.begin() as connection:
            tx = DatabaseTransaction(self._max_attempts, lambda: connection)
            yield tx
        self._tell(tx)

    @contextmanager
    def at_once(self) -> Iterator[DatabaseTransaction]:
        """As `writing`, where each statement may be a commit of its own: for blocks of one statement."""
        if self._hot is None:
            with self.writing() as tx:
                yield tx
            return
        with _named_errors(), ExitStack() as stack:
            tx = self._separate(stack)
            yield tx
        self._tell(tx)

    def _separate(self, stack: ExitStack) -> DatabaseTransaction:
        """Each statement by itself, over connections that go back when the stack is closed."""
        hot = self._hot
        return DatabaseTransaction(
            self._max_attempts,
            connect=lambda: stack.enter_context(self._reading.begin()),
            connect_hot=None if hot is None else lambda: stack.enter_context(hot.connection()),
            accepting=self._accepting,
        )

    def _accept_together(self, items: Sequence[bytes]) -> Sequence[Accepted]:
        with _named_errors(), ExitStack() as stack:
            return self._separate(stack).jobs.accept_together(items)

    def _tell(self, tx: DatabaseTransaction) -> None:
        if self._signals is not None and tx.told:
            self._signals.tell(tx.told)

    def listen(self, channel: Channel) -> Listener:
        """Hear what the commits of other processes tell of; to be closed by the caller."""
        if self._signals is not None:
            return PostgresqlListener(self.engine.url, channel)
        return PollingListener(self._changed_since, hears=channel == "events")

    def _changed_since(self, seen: int) -> tuple[int, frozenset[str]]:
        with _named_errors(), self._reading.begin() as connection:
            found = connection.exec_driver_sql(_CHANGED, {"seen": seen}).all()
        return max((row[0] for row in found), default=seen), frozenset(row[1] for row in found)

    def ping(self) -> bool:
        """Whether the database answers; raises `Unavailable` when it does not."""
        with _named_errors(), self.engine.connect() as connection:
            return bool(connection.scalar(sa.text("SELECT 1")))

    def close(self) -> None:
        if self._signals is not None:
            self._signals.close()
        if self._hot is not None:
            self._hot.close()
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()

    def _turn(self) -> AbstractContextManager[None]:
        return self._turns.turn() if self._turns is not None else nullcontext()


# The newest event of each job that has one after what was seen. At the first look only the number counts.
_CHANGED = """SELECT max(seq), job_id FROM events WHERE seq > CASE WHEN :seen = 0
    THEN (SELECT coalesce(max(seq), 0) - 1 FROM events) ELSE :seen END GROUP BY job_id"""


def _turns(engine: sa.Engine) -> Turns | None:
    """How writers queue up: PostgreSQL needs no help."""
    file = engine.url.database
    return Turns(Path(f"{file}-turn")) if engine.dialect.name == "sqlite" and file else None


_OUT_OF_REACH = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.InternalError,
    sa.exc.TimeoutError,
    sa.exc.NotSupportedError,  # a prepared statement that the schema has outgrown
    HotPoolError,
)


@contextmanager
def _named_errors() -> Iterator[None]:
    """An unreachable or busy database is a reason to try again, not a fault of ours."""
    try:
        yield
    except _OUT_OF_REACH as error:
        cause = getattr(error, "orig", None)
        log().warning("database_unavailable", error=getattr(cause, "sqlite_errorname", type(error).__name__))
        raise Unavailable("The database is busy; try again.", code="database_busy") from error
    except sa.exc.ProgrammingError as error:
        if type(error.orig).__name__ not in ("UndefinedTable", "UndefinedColumn"):
            raise
        raise Unavailable("The database schema is not current.", code="not_ready") from error


def _idle_s(lease_s: float) -> float:
    """How long a transaction may stand still: who stopped in it lets go before another may have its work."""
    return min(_IDLE_S, max(1.0, lease_s / 2))


def make_engine(url: str, *, idle_s: float = _IDLE_S) -> sa.Engine:
    """An engine for SQLite (WAL, every commit on disk) or PostgreSQL.

    ``idle_s``: after so long PostgreSQL ends a transaction in which nobody asks anything more.
    """
    if not url.startswith("sqlite"):
        return _postgresql_engine(url, idle_s)
    engine = sa.create_engine(
        url,
        hide_parameters=True,  # an error's text must not quote what a customer wrote
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=64,
        connect_args={"isolation_level": None, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(url: str, idle_s: float) -> sa.Engine:
    idle_ms = round(idle_s * 1000)
    return sa.create_engine(
        url,
        pool_size=8,
        max_overflow=4,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "options": f"{_LIMITS} -c idle_in_transaction_session_timeout={idle_ms}",
            **KEEPALIVE,
        },
    )


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """The driver's own BEGIN is off: a writer takes its lock first, so it can never deadlock."""
    writing = connection.get_execution_options().get("voicereel_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
