"""Lexicons and their versions."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.columns import db_now
from voicereel.adapters.database.connections import Connections
from voicereel.adapters.database.dialect import Dialect, dialect_of, every
from voicereel.adapters.database.rows import shallow
from voicereel.adapters.database.tables import lexicon_versions, lexicons
from voicereel.domain.lexicons import Entry, Lexicon, LexiconRef
from voicereel.ports import Page

_COPIED = ("id", "tenant_id", "name", "version", "entry_count", "created_at", "updated_at")


@cache
def _defaults_statement(dialect: Dialect) -> str:
    return dialect.statement(
        "SELECT id, version FROM lexicons"
        " WHERE tenant_id = :tenant_id AND is_default AND deleted_at IS NULL ORDER BY id"
    )


class Lexicons:
    """`LexiconRepository`: SQLAlchemy Core, but for what every script that is sent asks."""

    def __init__(self, tx: Connections) -> None:
        self._connections = tx

    @property
    def _connection(self) -> sa.Connection:
        return self._connections.connection

    def add(self, lexicon: Lexicon, entries: Iterable[Entry]) -> None:
        values = {name: getattr(lexicon, name) for name in _COPIED}
        self._connection.execute(lexicons.insert(), {**values, "is_default": lexicon.default})
        self._write(lexicon.id, lexicon.version, entries)

    def _write(self, lexicon_id: str, version: int, entries: Iterable[Entry]) -> None:
        values = [shallow(entry) for entry in entries]
        self._connection.execute(
            lexicon_versions.insert(), {"lexicon_id": lexicon_id, "version": version, "entries": values}
        )

    def lock(self, lexicon_id: str, *, tenant_id: str) -> Lexicon | None:
        """As `get`; nobody else can write it until the commit."""
        where = _one(lexicon_id, tenant_id)
        touched = self._connection.execute(lexicons.update().where(where).values(updated_at=db_now()))
        return self.get(lexicon_id, tenant_id=tenant_id) if touched.rowcount else None

    def get(self, lexicon_id: str, *, tenant_id: str) -> Lexicon | None:
        query = sa.select(lexicons).where(_one(lexicon_id, tenant_id))
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _lexicon(row)

    def entries(self, lexicon_id: str, version: int) -> tuple[Entry, ...] | None:
        """What a version says, also of a lexicon that was deleted since; None if there is no such version."""
        c = lexicon_versions.c
        query = sa.select(c.entries).where(c.lexicon_id == lexicon_id, c.version == version)
        found = self._connection.scalar(query)
        return None if found is None else tuple(Entry(**entry) for entry in found)

    def page(self, tenant_id: str, *, limit: int, cursor: str | None) -> Page[Lexicon]:
        c = lexicons.c
        query = sa.select(lexicons).where(c.tenant_id == tenant_id, c.deleted_at.is_(None))
        if cursor:
            query = query.where(c.id < cursor)
        rows = self._connection.execute(query.order_by(c.id.desc()).limit(limit + 1)).mappings()
        found = [_lexicon(row) for row in rows]
        return Page(
            data=tuple(found[:limit]), next_cursor=found[limit - 1].id if len(found) > limit else None
        )

    def defaults(self, tenant_id: str) -> tuple[LexiconRef, ...]:
        """The lexicons that a tenant's scripts are spoken by, oldest first, each at its newest version."""
        hot = self._connections.hot
        found = every(hot, _defaults_statement(dialect_of(hot)), tenant_id=tenant_id)
        return tuple(LexiconRef(id=lexicon_id, version=version) for lexicon_id, version in found)

    def change(self, lexicon: Lexicon, entries: Iterable[Entry] | None) -> None:
        """Write a lexicon that is locked; with ``entries``, which are those of its new version."""
        values = {"name": lexicon.name, "is_default": lexicon.default, "version": lexicon.version}
        where = _one(lexicon.id, lexicon.tenant_id)
        self._connection.execute(
            lexicons.update().where(where).values(**values, entry_count=lexicon.entry_count)
        )
        if entries is not None:
            self._write(lexicon.id, lexicon.version, entries)

    def delete(self, lexicon_id: str, *, tenant_id: str) -> bool:
        """Hide a lexicon; its versions stay for the jobs that were accepted with them."""
        where = _one(lexicon_id, tenant_id)
        return (
            self._connection.execute(lexicons.update().where(where).values(deleted_at=db_now())).rowcount == 1
        )

    def forget_deleted(self, *, older_than_s: float) -> int:
        """Remove what was deleted so long ago."""
        where = lexicons.c.deleted_at < db_now(-older_than_s)
        return self._connection.execute(lexicons.delete().where(where)).rowcount


def _one(lexicon_id: str, tenant_id: str) -> sa.ColumnElement[bool]:
    c = lexicons.c
    return (c.id == lexicon_id) & (c.tenant_id == tenant_id) & c.deleted_at.is_(None)


def _lexicon(row: Any) -> Lexicon:
    return Lexicon(**{name: row[name] for name in _COPIED}, default=bool(row["is_default"]))
