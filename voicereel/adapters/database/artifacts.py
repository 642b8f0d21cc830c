"""Files that are rows."""

from collections.abc import Sequence

import sqlalchemy as sa

from voicereel.adapters.database import rows
from voicereel.adapters.database.columns import db_now
from voicereel.adapters.database.connections import Connections
from voicereel.adapters.database.tables import artifacts, jobs, sources
from voicereel.domain.job import HEARD, Artifact


class Artifacts:
    """`ArtifactRepository` over SQLAlchemy Core."""

    def __init__(self, tx: Connections) -> None:
        self._connections = tx

    @property
    def _connection(self) -> sa.Connection:
        return self._connections.connection

    def of_job(self, job_id: str, *, kind: str | None = None) -> tuple[Artifact, ...]:
        query = sa.select(artifacts).where(artifacts.c.job_id == job_id).order_by(artifacts.c.id)
        if kind is not None:
            query = query.where(artifacts.c.kind == kind)
        return tuple(rows.artifact_of(row) for row in self._connection.execute(query).mappings())

    def get(self, artifact_id: str, *, tenant_id: str) -> Artifact | None:
        query = sa.select(artifacts).where(artifacts.c.id == artifact_id, artifacts.c.tenant_id == tenant_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else rows.artifact_of(row)

    def drop(self, job_id: str, *, kind: str) -> tuple[str, ...]:
        """Forget the files of one kind; their keys, so that somebody removes the bytes."""
        where = (artifacts.c.job_id == job_id) & (artifacts.c.kind == kind)
        dropped = self._connection.execute(artifacts.delete().where(where).returning(artifacts.c.key))
        return tuple(dropped.scalars())

    def owner(self, artifact_id: str) -> str | None:
        """The tenant of a file: a presigned URL is checked against it before the file is read."""
        return self._connection.scalar(sa.select(artifacts.c.tenant_id).where(artifacts.c.id == artifact_id))

    def add(self, artifact: Artifact, *, stage_run_id: int | None, fence: int) -> None:
        row = rows.artifact_row(artifact, stage_run_id=stage_run_id, fence=fence)
        self._connection.execute(artifacts.insert(), row)

    def jobs_with_intermediates(self, *, older_than_s: float, limit: int) -> tuple[tuple[str, str], ...]:
        """``(tenant_id, job_id)`` of jobs that ended so long ago, with nothing to hear, and still have takes.

        What was paid for is the cache, or will be.
        """
        query = (
            sa.select(jobs.c.tenant_id, jobs.c.id)
            .where(jobs.c.finished_at < db_now(-older_than_s))
            .where(jobs.c.status.not_in(HEARD), jobs.c.finished_revision.is_(None))
            .where(jobs.c.id.in_(sa.select(artifacts.c.job_id).where(artifacts.c.kind.in_(("mix", "takes")))))
        )
        found = self._connection.execute(query.limit(limit))
        return tuple((tenant_id, job_id) for tenant_id, job_id in found)

    def jobs_with_originals(self, *, older_than_s: float, limit: int) -> tuple[tuple[str, str], ...]:
        """``(tenant_id, job_id)`` of enrolments that ended so long ago and still have recordings."""
        query = (
            sa.select(jobs.c.tenant_id, jobs.c.id)
            .where(jobs.c.finished_at < db_now(-older_than_s), jobs.c.kind == "enroll")
            .where(
                sa.exists().where(
                    artifacts.c.job_id == jobs.c.id, artifacts.c.kind.in_(("sample", "reference"))
                )
            )
        )
        found = self._connection.execute(query.limit(limit))
        return tuple((tenant_id, job_id) for tenant_id, job_id in found)

    def forget(self, keys: Sequence[str]) -> None:
        """Drop the rows of files that are gone."""
        self._connection.execute(artifacts.delete().where(artifacts.c.key.in_(keys)))

    def unknown_keys(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys that no artifact and no source has."""
        named = [sa.select(table.c.key).where(table.c.key.in_(keys)) for table in (artifacts, sources)]
        found = self._connection.execute(sa.union_all(*named))
        return frozenset(keys) - frozenset(found.scalars())

    def all_keys(self) -> Sequence[tuple[str, str, str, str]]:
        """``(tenant_id, job_id, kind, key)`` of every file that a job has, a tenant's together."""
        c = artifacts.c
        query = sa.select(c.tenant_id, c.job_id, c.kind, c.key).order_by(c.tenant_id, c.job_id)
        found = self._connection.execute(query)
        return [(tenant_id, job_id, kind, key) for tenant_id, job_id, kind, key in found]
