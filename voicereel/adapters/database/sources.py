"""Uploaded sources."""

import sqlalchemy as sa

from voicereel.adapters.database.rows import shallow
from voicereel.adapters.database.tables import sources
from voicereel.domain.sources import Source
from voicereel.ports import Page


class Sources:
    """`SourceRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, source: Source) -> None:
        self._connection.execute(sources.insert(), shallow(source))

    def get(self, source_id: str, *, tenant_id: str) -> Source | None:
        query = sa.select(sources).where(sources.c.id == source_id, sources.c.tenant_id == tenant_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else Source(**row)

    def page(self, tenant_id: str, *, limit: int, cursor: str | None) -> Page[Source]:
        query = sa.select(sources).where(sources.c.tenant_id == tenant_id)
        if cursor:
            query = query.where(sources.c.id < cursor)
        rows = self._connection.execute(query.order_by(sources.c.id.desc()).limit(limit + 1)).mappings()
        found = [Source(**row) for row in rows]
        return Page(
            data=tuple(found[:limit]), next_cursor=found[limit - 1].id if len(found) > limit else None
        )

    def delete(self, source_id: str, *, tenant_id: str) -> str | None:
        where = (sources.c.id == source_id) & (sources.c.tenant_id == tenant_id)
        return self._connection.scalar(sources.delete().where(where).returning(sources.c.key))
