"""Accepting and reading a job: the hot paths, as plain SQL.

SQLAlchemy's Core costs several times what the database does on statements this small; everything
that is not asked for hundreds of times a second stays with it, in `Jobs`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from pydantic_core import to_json

from voicereel.adapters.database import accept_postgresql, accept_sqlite, rows
from voicereel.adapters.database.columns import from_text, to_text
from voicereel.adapters.database.connections import Connections
from voicereel.adapters.database.dialect import Dialect, dialect_of, every, first, run
from voicereel.adapters.database.group_commit import GroupCommit
from voicereel.adapters.database.jobs import Jobs
from voicereel.adapters.database.lexicons import Lexicons
from voicereel.adapters.database.tables import jobs
from voicereel.domain.job import Artifact, Job, StageRun, StageView
from voicereel.ports import Accepted, Submission

# Submissions as JSON that are written together, and what came of each.
Accepting = GroupCommit[bytes, Accepted]

_MOMENTS = ("created_at", "started_at", "finished_at", "expires_at", "revised_at")
_JSON = ("request", "metadata", "warnings", "error")
_COLUMNS = tuple(column.name for column in jobs.c)


def dump(value: Any) -> str:
    return to_json(value).decode()


@cache
def _get_statement(dialect: Dialect) -> str:
    columns = ", ".join(f"j.{name}" for name in _COLUMNS)
    facts = ", ".join(rows.ARTIFACT_COLUMNS[:-1])
    if dialect.is_sqlite:
        return f"""
            SELECT {columns},
              (SELECT json_group_array(json_array(stage, status, attempt, progress))
                 FROM (SELECT * FROM stage_runs WHERE job_id = j.id ORDER BY ordinal, shard)),
              (SELECT json_group_array(json_array({facts}, json(facts)))
                 FROM (SELECT * FROM artifacts WHERE job_id = j.id ORDER BY id))
              FROM jobs j WHERE j.id = :job_id AND j.tenant_id = :tenant_id"""
    return dialect.statement(f"""
        SELECT {columns},
          (SELECT jsonb_agg(jsonb_build_array(stage, status, attempt, progress) ORDER BY ordinal, shard)
             FROM stage_runs WHERE job_id = j.id),
          (SELECT jsonb_agg(jsonb_build_array({facts}, facts) ORDER BY id)
             FROM artifacts WHERE job_id = j.id)
          FROM jobs j WHERE j.id = :job_id AND j.tenant_id = :tenant_id""")


class HotJobs(Jobs):
    """`JobRepository` whose hot methods are one statement each, as far as the database can."""

    def __init__(self, tx: Connections, *, tell: Callable[[], None], accepting: Accepting | None) -> None:
        super().__init__(tx)
        self._tx, self._tell, self._accepting = tx, tell, accepting

    def get(self, job_id: str, *, tenant_id: str) -> Job | None:
        hot = self._tx.hot
        found = first(hot, _get_statement(dialect_of(hot)), job_id=job_id, tenant_id=tenant_id)
        if found is None:
            return None
        row = {name: _read(name, value) for name, value in zip(_COLUMNS, found, strict=False)}
        stages, artifacts = _list(found[-2]), _list(found[-1])
        return rows.job_of(row, stages=_stages(stages), artifacts=_artifacts(artifacts))

    def accept(self, submission: Submission) -> Accepted:
        """Write a job with all that belongs to it; says why not where it must not be written."""
        self._tell()
        if self._accepting is not None:  # no connection is taken before it is this one's turn
            item = as_item(submission)
            return self._accepting.submit(item, key=_once_key(submission), weight=len(item))
        if dialect_of(self._tx.hot).is_sqlite:
            return self._accept_in_steps(submission)
        return self.accept_together([as_item(submission)])[0]

    def accept_together(self, items: Sequence[bytes]) -> list[Accepted]:
        """Write several submissions made by `as_item` in one commit; the outcome of each."""
        statement = accept_postgresql.statement()
        array = b"[%s]" % b",".join(items)
        found = every(self._tx.hot, statement, items=array.decode(), max_attempts=self._tx.max_attempts)
        return [_outcome(*row) for row in found]

    def _accept_in_steps(self, submission: Submission) -> Accepted:
        parameters = {name: _flat(value) for name, value in _facts(submission).items()}
        parameters["max_attempts"] = self._tx.max_attempts
        if submission.once is not None:
            known = first(self._connection, accept_sqlite.KNOWN_REPLY, **parameters)
            if known is not None:
                return "repeated"
        if submission.speaker_ids and not self._all_there(submission):
            return "speaker_gone"
        if Lexicons(self._tx).defaults(submission.job.tenant_id) != submission.default_lexicons:
            return "lexicons_changed"
        for statement in accept_sqlite.STEPS:
            run(self._connection, statement, **parameters)
        if submission.once is not None:
            run(self._connection, accept_sqlite.REMEMBER, **parameters)
        return "accepted"

    def _all_there(self, submission: Submission) -> bool:
        ids = dump(sorted(submission.speaker_ids))
        (found,) = first(
            self._connection,
            accept_sqlite.SPEAKERS_THERE,
            tenant_id=submission.job.tenant_id,
            speaker_ids=ids,
        )
        return bool(found == len(submission.speaker_ids))


def as_item(submission: Submission) -> bytes:
    """A submission as JSON, as PostgreSQL takes it."""
    return to_json(_facts(submission))


def _once_key(submission: Submission) -> object:
    """What no two submissions of one commit may have in common."""
    return (submission.job.tenant_id, *submission.once[:2]) if submission.once else None


def _facts(submission: Submission) -> dict[str, Any]:
    """A submission as JSON-ready values, one for each name that the statements use."""
    job, (event_type, view) = submission.job, submission.event
    runs = [_run(position, each) for position, each in enumerate(submission.stage_runs)]
    at_once = [each["pool"] for each in runs if each["status"] == "queued"]
    route, key, reply = submission.once or (None, None, None)
    return {
        "job_id": job.id,
        "tenant_id": job.tenant_id,
        "created_at": to_text(job.created_at),
        "job": {**rows.job_row(job), "created_at": None},
        "lines": [rows.line_row(job.id, record) for record in submission.lines],
        "runs": runs,
        "queued": len(at_once),
        "event_type": event_type,
        "view": view,
        "wake": {"pools": at_once},
        "speaker_ids": sorted(submission.speaker_ids) or None,
        "lexicons": [(each.id, each.version) for each in submission.default_lexicons],
        "route": route,
        "key": key,
        "request_sha256": reply and reply.request_sha256,
        "reply_status": reply and reply.status,
        "reply_body": None if reply is None or reply.body is view else reply.body,
        "location": reply and reply.location,
    }


def _run(position: int, stage_run: StageRun) -> dict[str, Any]:
    return {
        "stage": stage_run.stage,
        "shard": stage_run.shard,
        "ordinal": stage_run.ordinal,
        "pool": stage_run.pool,
        "payload": stage_run.payload,
        "status": "queued" if stage_run.ordinal == 0 else "blocked",
        "position": position,
    }


def _flat(value: Any) -> Any:
    return dump(value) if isinstance(value, Mapping | list) else value


def _outcome(accepted: bool, has_speakers: bool, has_lexicons: bool) -> Accepted:
    if not has_speakers:
        return "speaker_gone"
    if not has_lexicons:
        return "lexicons_changed"
    return "accepted" if accepted else "repeated"


def _list(value: Any) -> Sequence[Any]:
    found: Sequence[Any] = json.loads(value) if isinstance(value, str) else value or ()
    return found


def _read(name: str, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return bool(value) if name == "stale" else value
    if name in _JSON:
        return json.loads(value)
    return from_text(value) if name in _MOMENTS else value


def _stages(found: Sequence[Sequence[Any]]) -> tuple[StageView, ...]:
    shards = [dict(zip(("stage", "status", "attempt", "progress"), run, strict=True)) for run in found]
    return tuple(
        rows.stage_view(stage, list(runs)) for stage, runs in groupby(shards, lambda shard: shard["stage"])
    )


def _artifacts(found: Sequence[Sequence[Any]]) -> tuple[Artifact, ...]:
    return tuple(rows.artifact_of(dict(zip(rows.ARTIFACT_COLUMNS, file, strict=True))) for file in found)
