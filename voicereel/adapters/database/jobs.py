"""Jobs with their lines, takes and artifacts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database import rows
from voicereel.adapters.database.artifacts import Artifacts
from voicereel.adapters.database.columns import db_now
from voicereel.adapters.database.connections import Connections
from voicereel.adapters.database.dialect import dialect_of, first
from voicereel.adapters.database.tables import artifacts, jobs, lines, stage_runs, takes
from voicereel.adapters.database.takes import Takes
from voicereel.domain.job import (
    FINISHED,
    Artifact,
    Claim,
    Job,
    JobStatus,
    LineRecord,
    Result,
    StageView,
    Take,
)
from voicereel.domain.script import Warn
from voicereel.ports import Page


class Jobs:
    """`JobRepository` over SQLAlchemy Core."""

    def __init__(self, tx: Connections) -> None:
        self._connections = tx
        self._artifacts = Artifacts(tx)

    @property
    def _connection(self) -> sa.Connection:
        return self._connections.connection

    def lock(self, job_id: str) -> bool:
        """Keep others from changing this job until the commit; False when there is no such job.

        Whoever changes a job's stage runs, lines or events holds this first: two shards that end at
        the same moment would else each see the other as unfinished, and nobody would go on.
        """
        return self._lock(job_id, dialect_of(self._connection).lock_row)

    def try_lock(self, job_id: str) -> bool:
        """As `lock`, without waiting: False also while somebody else holds it."""
        return self._lock(job_id, dialect_of(self._connection).try_lock_row)

    def _lock(self, job_id: str, how: str) -> bool:
        statement = dialect_of(self._connection).statement(f"SELECT 1 FROM jobs WHERE id = :job_id {how}")
        return first(self._connection, statement, job_id=job_id) is not None

    def get(self, job_id: str, *, tenant_id: str) -> Job | None:
        found = self._read(sa.select(jobs).where(jobs.c.id == job_id, jobs.c.tenant_id == tenant_id))
        return found[0] if found else None

    def page(
        self,
        tenant_id: str,
        *,
        limit: int,
        cursor: str | None,
        status: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Page[Job]:
        """Speech jobs, newest first; ids are ULIDs, so their order is the order of creation."""
        query = sa.select(jobs).where(jobs.c.tenant_id == tenant_id, jobs.c.kind == "speech")
        if cursor:
            query = query.where(jobs.c.id < cursor)
        if status:
            query = query.where(jobs.c.status == status)
        if created_after:
            query = query.where(jobs.c.created_at >= created_after)
        if created_before:
            query = query.where(jobs.c.created_at < created_before)
        found = self._read(query.order_by(jobs.c.id.desc()).limit(limit + 1))
        return Page(
            data=tuple(found[:limit]), next_cursor=found[limit - 1].id if len(found) > limit else None
        )

    def _read(self, query: sa.Select[Any]) -> list[Job]:
        found = self._connection.execute(query).mappings().all()
        ids = [row["id"] for row in found]
        stages, files = self._stages(ids), self._files(ids)
        return [
            rows.job_of(row, stages=stages.get(row["id"], ()), artifacts=files.get(row["id"], ()))
            for row in found
        ]

    def _stages(self, job_ids: Sequence[str]) -> dict[str, tuple[StageView, ...]]:
        c = stage_runs.c
        query = (
            sa.select(c.job_id, c.stage, c.status, c.attempt, c.progress)
            .where(c.job_id.in_(job_ids))
            .order_by(c.job_id, c.ordinal, c.shard)
        )
        found = self._connection.execute(query).mappings().all()
        return {
            job_id: tuple(
                rows.stage_view(stage, list(shards))
                for stage, shards in groupby(runs, lambda r: str(r["stage"]))
            )
            for job_id, runs in groupby(found, lambda r: str(r["job_id"]))
        }

    def _files(self, job_ids: Sequence[str]) -> dict[str, tuple[Artifact, ...]]:
        query = sa.select(artifacts).where(artifacts.c.job_id.in_(job_ids))
        found = self._connection.execute(query.order_by(artifacts.c.job_id, artifacts.c.id)).mappings().all()
        return {
            job_id: tuple(rows.artifact_of(row) for row in files)
            for job_id, files in groupby(found, lambda r: str(r["job_id"]))
        }

    def lines(
        self, job_id: str, *, first: int = 0, last: int | None = None, words: bool = True
    ) -> tuple[LineRecord, ...]:
        """Lines ``[first, last)`` in script order with their takes; ``words`` False reads none."""
        where = lines.c.ordinal >= first
        return self._lines(job_id, where if last is None else where & (lines.c.ordinal < last), words=words)

    def line(self, job_id: str, line_id: str, *, words: bool = True) -> LineRecord | None:
        """One line of the script as `lines` gives it."""
        found = self._lines(job_id, (lines.c.line_id == line_id) & (lines.c.ordinal >= 0), words=words)
        return found[0] if found else None

    def _lines(self, job_id: str, where: sa.ColumnElement[bool], *, words: bool) -> tuple[LineRecord, ...]:
        columns = [
            column.label(f"of_take_{column.name}")
            for column in takes.c
            if words or column.name not in ("words", "warnings")
        ]
        query = (
            sa.select(lines, *columns)
            .join(takes, takes.c.id == lines.c.take_id, isouter=True)
            .where(lines.c.job_id == job_id, where)
            .order_by(lines.c.ordinal)
        )
        found = self._connection.execute(query).mappings()
        return tuple(rows.line_of(row, _take_of_line(row, words=words)) for row in found)

    def recast(self, job_id: str, records: Sequence[LineRecord]) -> None:
        """Have lines spoken by other voices: what was made of them, and why, is forgotten."""
        for record in records:
            where = (lines.c.job_id == job_id) & (lines.c.ordinal == record.ordinal)
            row = rows.line_row(job_id, record)
            names = ("spec", "status", "warnings")
            values = {name: row[name] for name in names} | {"error": None, "take_id": None}
            self._connection.execute(lines.update().where(where).values(values))

    def warn(self, job_id: str, warnings: Sequence[Warn]) -> None:
        """Add warnings to a job, each once."""
        if warnings:
            known = self._connection.execute(
                sa.select(jobs.c.warnings).where(jobs.c.id == job_id)
            ).scalar_one()
            new = [warning for warning in rows.warnings_json(warnings) if warning not in known]
            values = {"warnings": [*known, *new]}
            self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))

    def record(self, claim: Claim, result: Result) -> None:
        """Write what a run made; call in the transaction in which `finish` held the fence."""
        for artifact in result.artifacts:
            made = replace(artifact, revision=claim.revision)
            self._artifacts.add(made, stage_run_id=claim.stage_run_id, fence=claim.fence)
        if result.takes:
            self._record_takes(claim, result.takes)
            Takes(self._connection).note_use({take.copied_from for take in result.takes if take.copied_from})
        if result.segments:
            self._place_lines(claim.job_id, result)
        self._count(claim.job_id, result)

    def _record_takes(self, claim: Claim, made: Sequence[Take]) -> None:
        """Write takes and point their lines at them: two statements, however many there are."""
        facts = {"tenant_id": claim.tenant_id, "job_id": claim.job_id, "revision": claim.revision}
        values = [{**rows.take_row(take), **facts} for take in made]
        insert = takes.insert().returning(takes.c.id, sort_by_parameter_order=True)
        ids = self._connection.execute(insert, values).scalars().all()
        update = (
            lines.update()
            .where(lines.c.job_id == claim.job_id, lines.c.line_id == sa.bindparam("spoken"))
            .values(
                {name: sa.bindparam(f"new_{name}") for name in ("status", "warnings", "error", "take_id")}
            )
        )
        self._connection.execute(
            update,
            [
                {
                    "spoken": take.line_id,
                    "new_status": "failed" if take.error else "succeeded",
                    "new_warnings": rows.warnings_json(take.warnings),
                    "new_error": take.error,
                    "new_take_id": take_id,
                }
                for take, take_id in zip(made, ids, strict=True)
            ],
        )

    def _place_lines(self, job_id: str, result: Result) -> None:
        statement = (
            lines.update()
            .where(lines.c.job_id == job_id, lines.c.line_id == sa.bindparam("placed"))
            .values(start_ms=sa.bindparam("placed_start"), end_ms=sa.bindparam("placed_end"))
        )
        self._connection.execute(
            statement,
            [
                {"placed": line_id, "placed_start": segment.start_ms, "placed_end": segment.end_ms}
                for line_id, segment in result.segments.items()
            ],
        )

    def _count(self, job_id: str, result: Result) -> None:
        self.warn(job_id, [*(w for take in result.takes for w in take.warnings), *result.warnings])
        if result.takes:
            done = jobs.c.lines_done + len(result.takes)
            self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(lines_done=done))

    def start(self, job_id: str) -> bool:
        """Queued becomes running; False when it had started before."""
        where = (jobs.c.id == job_id) & (jobs.c.status == "queued")
        values = {"status": "running", "started_at": db_now()}
        return self._connection.execute(jobs.update().where(where).values(**values)).rowcount == 1

    def end(
        self,
        job_id: str,
        *,
        status: JobStatus,
        error: Mapping[str, Any] | None = None,
        billable_ms: int | None = None,
    ) -> bool:
        """Close a live job; False when it was closed already. Its retention begins now."""
        where = (jobs.c.id == job_id) & jobs.c.status.not_in(FINISHED)
        hours = jobs.c.request["retention_hours"].as_integer()
        values = {
            "status": status,
            "error": error,
            "billable_ms": billable_ms,
            "finished_at": db_now(),
            "expires_at": db_now(hours * 3600),
        }
        return self._connection.execute(jobs.update().where(where).values(**values)).rowcount == 1

    def approve(self, job_id: str, *, billable_ms: int) -> None:
        """A job that waited for review has succeeded; it is kept as long as one that did at once."""
        hours = jobs.c.request["retention_hours"].as_integer()
        values = {
            "status": "succeeded",
            "billable_ms": billable_ms,
            "expires_at": db_now(hours * 3600),
        }
        where = (jobs.c.id == job_id) & (jobs.c.status == "needs_review")
        self._connection.execute(jobs.update().where(where).values(values))

    def closing_fence(self, job_id: str) -> int:
        """The fence under which the last stage of a job was finished."""
        c = stage_runs.c
        last = sa.select(sa.func.max(c.ordinal)).where(c.job_id == job_id).scalar_subquery()
        query = sa.select(sa.func.max(c.fence)).where(c.job_id == job_id, c.ordinal == last)
        return int(self._connection.execute(query).scalar_one())

    def delete(self, job_id: str) -> None:
        """Forget a job and all it holds; the ledger is not touched."""
        self._connection.execute(jobs.delete().where(jobs.c.id == job_id))

    def forget_made(self, job_id: str) -> None:
        """Forget whatever stages have made of a job; their files are then nobody's."""
        for table in (takes, artifacts):
            self._connection.execute(table.delete().where(table.c.job_id == job_id))
        untouched = {"status": "queued", "error": None, "take_id": None, "start_ms": None, "end_ms": None}
        self._connection.execute(lines.update().where(lines.c.job_id == job_id).values(untouched))
        self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(lines_done=0))

    def is_expired(self, job_id: str) -> bool:
        where = (jobs.c.id == job_id) & (jobs.c.expires_at < db_now())
        return self._connection.scalar(sa.select(jobs.c.id).where(where)) is not None

    def expired(self, limit: int) -> tuple[tuple[str, str], ...]:
        """``(tenant_id, job_id)`` of speech jobs whose retention has ended."""
        query = sa.select(jobs.c.tenant_id, jobs.c.id).where(
            jobs.c.expires_at < db_now(), jobs.c.kind == "speech"
        )
        found = self._connection.execute(query.limit(limit))
        return tuple((tenant_id, job_id) for tenant_id, job_id in found)


def _take_of_line(row: rows.Row, *, words: bool) -> Take | None:
    if row["take_id"] is None:
        return None
    return rows.take_of(
        {key[8:]: value for key, value in row.items() if key.startswith("of_take_")}, words=words
    )
