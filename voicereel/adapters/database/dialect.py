"""How the hot statements differ between SQLite and PostgreSQL; all else in them is the same text."""

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.columns import SQLITE_FORMAT

_NAMED = re.compile(r"(?<!:):(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a statement's text is filled in with.

    ``now`` is the database's own clock, ``later`` that clock plus ``:seconds``-like parameters, and
    ``ms_since`` the milliseconds from a column's moment until now.
    """

    is_sqlite: bool
    now: str
    skip_locked: str
    lock_row: str

    @property
    def try_lock_row(self) -> str:
        return f"{self.lock_row} SKIP LOCKED" if self.lock_row else ""

    def later(self, seconds: str) -> str:
        """The moment ``seconds`` (an SQL expression) from now."""
        if self.is_sqlite:
            return f"strftime('{SQLITE_FORMAT}', 'now', ({seconds}) || ' seconds')"
        return f"(clock_timestamp() + make_interval(secs => {seconds}))"

    def ms_between(self, start: str, end: str) -> str:
        """Milliseconds from one moment to another, as a number."""
        if self.is_sqlite:
            return f"((julianday({end}) - julianday({start})) * 86400000)"
        return f"(extract(epoch FROM {end} - {start}) * 1000)"

    def json(self, parameter: str) -> str:
        """A parameter that holds JSON text, as the column stores it."""
        return parameter if self.is_sqlite else f"CAST({parameter} AS jsonb)"

    def member(self, column: str, name: str) -> str:
        """A member of a JSON column as text; NULL where it is absent or null."""
        if self.is_sqlite:
            return f"json_extract({column}, '$.{name}')"
        return f"jsonb_extract_path_text({column}, '{name}')"

    def statement(self, text: str) -> str:
        """A statement written with ``:names``, in the driver's own style."""
        return text if self.is_sqlite else _NAMED.sub(r"%(\1)s", text.replace("%", "%%"))


SQLITE = Dialect(is_sqlite=True, now=f"strftime('{SQLITE_FORMAT}', 'now')", skip_locked="", lock_row="")
POSTGRESQL = Dialect(
    is_sqlite=False,
    now="clock_timestamp()",
    skip_locked="FOR UPDATE SKIP LOCKED",
    # Enough to keep others from changing the row; rows that refer to it may still be added.
    lock_row="FOR NO KEY UPDATE",
)


# A connection of SQLAlchemy, or psycopg's own.
Hot = Any


def dialect_of(connection: Hot) -> Dialect:
    is_sqlite = isinstance(connection, sa.Connection) and connection.dialect.name == "sqlite"
    return SQLITE if is_sqlite else POSTGRESQL


def run(connection: Hot, statement: str, /, **parameters: Any) -> Any:
    """Execute a statement made by `Dialect.statement`; its cursor, rows as tuples."""
    if isinstance(connection, sa.Connection):
        return connection.exec_driver_sql(statement, parameters)
    return connection.execute(statement, parameters)


def first(connection: Hot, statement: str, /, **parameters: Any) -> Any:
    """The first row, or None."""
    return run(connection, statement, **parameters).fetchone()


def every(connection: Hot, statement: str, /, **parameters: Any) -> list[Any]:
    """All rows."""
    rows: list[Any] = run(connection, statement, **parameters).fetchall()
    return rows
