"""Brings a database to the newest schema, and tells whether it is there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from voicereel.adapters.database.database import make_engine
from voicereel.domain.errors import Unavailable

# While a migration waits for a lock, everybody who comes after it waits too: not for long.
LOCK_TIMEOUT_S = 2.0
IDLE_S = 60
_TRIES = 5
PAUSE_S = 2.0
# Names our migrations among a PostgreSQL server's advisory locks; each database has its own.
TURN = 0x564F494345
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED")
_LOCKED_OUT = ("55P03", "40P01")  # lock_not_available, deadlock_detected


def upgrade(url: str, *, only_empty: bool = False) -> str:
    """Run every migration that is missing, all or none; the revision the database is at now.

    With ``only_empty`` a database that has tables is left at the revision it is at.

    Several may be asked for it at once: one works, the others wait for it. `Unavailable` when others
    hold what it needs for longer than it tries.
    """
    engine = make_engine(url)
    try:
        for pause_s in [PAUSE_S] * (_TRIES - 1) + [0.0]:
            try:
                return _upgrade(engine, only_empty=only_empty)
            except sa.exc.OperationalError as error:
                if not _is_locked_out(error):
                    raise _out_of_reach(error) from error
                time.sleep(pause_s)
    finally:
        engine.dispose()
    raise Unavailable(
        "The database is busy, and nothing was changed: try again when long transactions have ended.",
        code="database_busy",
    )


def _upgrade(engine: sa.Engine, *, only_empty: bool) -> str:
    found = current(engine)
    if found is not None and (only_empty or is_enough(found)):
        return found
    config = alembic_config()
    with _alone(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest()


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction around everything, and no other migration beside it."""
    with engine.execution_options(voicereel_writing=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            # Filling a new column or index may take long; whoever migrates already, too.
            for setting in ("statement_timeout", "lock_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
            # Between two statements it may have to wait for a processor, with all that it locked.
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_S * 1000}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(LOCK_TIMEOUT_S * 1000)}")
        yield connection


def _is_locked_out(error: sa.exc.OperationalError) -> bool:
    sqlite_name = getattr(error.orig, "sqlite_errorname", "")
    return sqlite_name in _SQLITE_BUSY or getattr(error.orig, "sqlstate", "") in _LOCKED_OUT


def is_enough(revision: str | None) -> bool:
    """Whether a database at this revision can be served: the newest we know, or newer than that.

    While versions are rolled the schema is migrated first: the old version must go on serving, so a
    revision that is not one of ours is one that was added to ours.
    """
    older = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    return revision is not None and revision not in older - {newest()}


def newest() -> str:
    return ScriptDirectory.from_config(alembic_config()).get_current_head() or ""


def revision(url: str) -> str | None:
    """The revision a database is at, None for an empty one; `Unavailable` says why it cannot be told."""
    engine = make_engine(url)
    try:
        return current(engine)
    except sa.exc.DBAPIError as error:
        raise _out_of_reach(error) from error
    finally:
        engine.dispose()


def _out_of_reach(error: sa.exc.DBAPIError) -> Unavailable:
    """Drivers name host, user and what is wrong, in their first line, and no password."""
    reason = str(error.orig).partition("\n")[0]
    return Unavailable(f"The database cannot be used: {reason}", code="database_busy")


def current(engine: sa.Engine) -> str | None:
    """The revision a database is at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def alembic_config() -> Config:
    """Alembic's own settings; it runs on the connection in ``attributes``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
