"""Takes that were made before: what is kept of them, and what may be used again."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database import rows
from voicereel.adapters.database.dialect import dialect_of, run
from voicereel.adapters.database.tables import artifacts, jobs, ledger, takes
from voicereel.domain.job import FINISHED
from voicereel.domain.prices import RENDER
from voicereel.ports import CachedTake, CacheFile, CacheSize

# A use is noted this often (seconds): what was used today need not be told apart from what was used now.
_NOTED_EACH_S = 3600


class Takes:
    """`TakeRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def cached(self, tenant_id: str, fingerprints: Collection[str]) -> dict[str, CachedTake]:
        """Takes of a tenant that were paid for and whose files are there, the newest by each fingerprint."""
        c, a, paid = takes.c, artifacts.c, ledger.c
        query = (
            sa.select(takes, *(column.label(f"file_{column.name}") for column in a))
            .join(artifacts, a.id == c.artifact_id)
            .join(
                ledger,
                (paid.job_id == c.job_id) & (paid.revision == c.revision) & (paid.kind == RENDER),
            )
            .where(c.tenant_id == tenant_id, c.fingerprint.in_(fingerprints))
            .where(c.length_samples > 0, c.sha256 != "")
            .order_by(c.id)
        )
        found = self._connection.execute(query).mappings()
        return {row["fingerprint"]: _cached(row) for row in found}

    def note_use(self, artifact_ids: Collection[str]) -> None:
        """Those files were used now. Nobody is waited for: who holds a row has used it, or removes it."""
        if not artifact_ids:
            return
        dialect = dialect_of(self._connection)
        names = [f"id{at}" for at in range(len(artifact_ids))]
        statement = dialect.statement(f"""
            UPDATE artifacts SET used_at = {dialect.now}
             WHERE id IN (SELECT id FROM artifacts WHERE id IN ({", ".join(f":{name}" for name in names)})
                             AND (used_at IS NULL OR used_at < {dialect.later(f"-{_NOTED_EACH_S}")})
                           ORDER BY id {dialect.skip_locked})""")
        run(self._connection, statement, **dict(zip(names, sorted(artifact_ids), strict=True)))

    def sizes(self) -> tuple[CacheSize, ...]:
        """What each tenant's takes come to."""
        a = artifacts.c
        query = sa.select(a.tenant_id, sa.func.sum(a.size_bytes)).where(
            a.kind == sa.literal_column("'takes'")
        )
        found = self._connection.execute(query.group_by(a.tenant_id))
        return tuple(CacheSize(tenant_id=tenant_id, size_bytes=int(size)) for tenant_id, size in found)

    def oldest(self, tenant_id: str, *, limit: int) -> tuple[CacheFile, ...]:
        """Files of takes of jobs that rest, those that were not used for longest first."""
        a = artifacts.c
        query = (
            sa.select(a.job_id, a.id, a.size_bytes)
            .join(jobs, jobs.c.id == a.job_id)
            .where(a.tenant_id == tenant_id, a.kind == sa.literal_column("'takes'"))
            .where(jobs.c.status.in_(FINISHED))
            .order_by(sa.func.coalesce(a.used_at, a.created_at), a.id)
            .limit(limit)
        )
        found = self._connection.execute(query)
        return tuple(
            CacheFile(job_id=job_id, artifact_id=artifact_id, size_bytes=size)
            for job_id, artifact_id, size in found
        )

    def evict(self, job_id: str, artifact_id: str) -> str | None:
        """Forget a file while its job rests: its key, or None if it is gone or in use."""
        at_rest = sa.select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.status.in_(FINISHED))
        a = artifacts.c
        where = (a.id == artifact_id) & (a.kind == "takes") & a.job_id.in_(at_rest)
        return self._connection.scalar(artifacts.delete().where(where).returning(a.key))


def _cached(row: sa.RowMapping) -> CachedTake:
    file: dict[str, Any] = {key[5:]: value for key, value in row.items() if key.startswith("file_")}
    return CachedTake(take=rows.take_of(row, words=True), file=rows.artifact_of(file))
