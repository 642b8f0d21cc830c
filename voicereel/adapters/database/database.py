"""The database as a unit of work: transactions that hand out repositories."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from voicereel.adapters.database.accounts import Accounts
from voicereel.adapters.database.engines import Engines
from voicereel.adapters.database.events import Events, Outbox
from voicereel.adapters.database.jobs import Jobs
from voicereel.adapters.database.jobs_sqlite import SqliteJobs
from voicereel.adapters.database.speakers import Speakers
from voicereel.adapters.database.turns import Turns
from voicereel.adapters.database.work_sqlite import SqliteWork
from voicereel.domain.errors import Unavailable
from voicereel.ports import WorkRepository
from voicereel.telemetry import log

# How long SQLite waits for another writer, its turn having come or not, before it says: try again.
_BUSY_MS = 5_000


@dataclass(frozen=True)
class DatabaseTransaction:
    """The repositories over one open connection."""

    connection: sa.Connection
    max_attempts: int

    @cached_property
    def jobs(self) -> Jobs:
        kind = SqliteJobs if self.connection.dialect.name == "sqlite" else Jobs
        return kind(self.connection, max_attempts=self.max_attempts)

    @cached_property
    def work(self) -> WorkRepository:
        if self.connection.dialect.name != "sqlite":
            raise NotImplementedError("claims on PostgreSQL come with the durability milestone")
        return SqliteWork(self.connection)

    @cached_property
    def speakers(self) -> Speakers:
        return Speakers(self.connection)

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(self.connection)

    @cached_property
    def events(self) -> Events:
        return Events(self.connection)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.connection)

    @cached_property
    def engines(self) -> Engines:
        return Engines(self.connection)


class Database:
    """`UnitOfWork` over SQLAlchemy Core. One pool a process; safe to share between threads."""

    def __init__(self, url: str, *, max_attempts: int = 5) -> None:
        self.engine = make_engine(url)
        self._writing = self.engine.execution_options(voicereel_writing=True)
        self._max_attempts = max_attempts
        self._turns = _turns(self.engine)

    @contextmanager
    def reading(self) -> Iterator[DatabaseTransaction]:
        """A consistent view; never waits for a writer on SQLite."""
        with _named_errors(), self.engine.begin() as connection:
            yield DatabaseTransaction(connection, self._max_attempts)

    @contextmanager
    def writing(self) -> Iterator[DatabaseTransaction]:
        """Commits when the block ends, rolls back when it raises."""
        with _named_errors(), self._turn(), self._writing.begin() as connection:
            yield DatabaseTransaction(connection, self._max_attempts)

    def ping(self) -> bool:
        """Whether the database answers; raises `Unavailable` when it does not."""
        with _named_errors(), self.engine.connect() as connection:
            return bool(connection.scalar(sa.text("SELECT 1")))

    def close(self) -> None:
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()

    def _turn(self) -> AbstractContextManager[None]:
        return self._turns.turn() if self._turns is not None else nullcontext()


def _turns(engine: sa.Engine) -> Turns | None:
    """How writers queue up: PostgreSQL needs no help."""
    file = engine.url.database
    return Turns(Path(f"{file}-turn")) if engine.dialect.name == "sqlite" and file else None


_OUT_OF_REACH = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError, sa.exc.TimeoutError)


@contextmanager
def _named_errors() -> Iterator[None]:
    """An unreachable or busy database is a reason to try again, not a fault of ours."""
    try:
        yield
    except _OUT_OF_REACH as error:
        cause = getattr(error, "orig", None)
        log().warning("database_unavailable", error=getattr(cause, "sqlite_errorname", type(error).__name__))
        raise Unavailable("The database is busy; try again.", code="database_busy") from error


def make_engine(url: str) -> sa.Engine:
    """An engine for SQLite (WAL, every commit on disk) or PostgreSQL."""
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=8, pool_pre_ping=True, hide_parameters=True)
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
