"""Connections for the hot statements on PostgreSQL: psycopg itself, a commit a statement.

SQLAlchemy's own cost, and the ping it sends before each use, are more than such a statement takes.
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic_core import from_json

if TYPE_CHECKING:
    import psycopg

_SIZE = 8
# A host that vanishes without a word is given up on within seconds, not when TCP does.
KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# Planning takes as long as the statement itself, and no value in it changes the best plan.
_PLAN_ONCE = "-c plan_cache_mode=force_generic_plan"
_PATIENCE_S = 10.0


class HotPoolError(Exception):
    """The database cannot be reached, or gave up on what was asked."""


class HotPool:
    """Eight connections at most, opened when they are first needed."""

    def __init__(self, url: sa.URL, *, options: str) -> None:
        import psycopg
        from psycopg_pool import ConnectionPool

        self._errors = (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            psycopg.InternalError,
            psycopg.errors.UndefinedTable,  # not migrated yet
            psycopg.errors.UndefinedColumn,
        )
        self._pool = ConnectionPool(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=0,
            max_size=_SIZE,
            timeout=_PATIENCE_S,
            kwargs={
                **KEEPALIVE,
                "autocommit": True,
                "prepare_threshold": 0,
                "connect_timeout": 5,
                "options": f"{options} {_PLAN_ONCE}",
            },
            configure=_read_json_fast,
            check=_refuse_if_cut,
            reconnect_timeout=_PATIENCE_S,
            open=False,
        )

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection on which each statement commits; `HotPoolError` where that is not to be had."""
        try:
            self._pool.open()
            with self._pool.connection() as connection:
                yield from _given(connection)
        except self._errors as error:
            raise HotPoolError(type(error).__name__) from error

    def close(self) -> None:
        self._pool.close()


def _given(connection: "psycopg.Connection[Any]") -> Iterator[Any]:
    """Lend a connection; one whose prepared statements the schema has outgrown is not used again."""
    import psycopg

    try:
        yield connection
    except psycopg.NotSupportedError as error:
        connection.close()
        raise psycopg.OperationalError("a prepared statement is no longer valid") from error


def _read_json_fast(connection: "psycopg.Connection[Any]") -> None:
    from psycopg.types.json import set_json_loads

    set_json_loads(from_json, connection)


def _refuse_if_cut(connection: "psycopg.Connection[Any]") -> None:
    """Nobody asked anything, so whatever there is to read is the server's goodbye."""
    import psycopg

    said = select.poll()  # select() knows no descriptor above 1023
    said.register(connection.fileno(), select.POLLIN)
    if said.poll(0):
        connection.close()  # the pool would take back one that looks idle, and hand it out again
        raise psycopg.OperationalError("the connection was cut")
