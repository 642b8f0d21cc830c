"""Accepting and reading a job on SQLite: the hot path, as plain SQL.

SQLAlchemy's Core costs several times what SQLite does on statements this small; everything that is
not asked for hundreds of times a second stays with it, in `Jobs`.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from voicereel.adapters.database import rows
from voicereel.adapters.database.columns import SQLITE_FORMAT, from_text, to_text
from voicereel.adapters.database.jobs import Jobs
from voicereel.adapters.database.tables import jobs, lines
from voicereel.domain.job import Artifact, Job, LineRecord, StageRun, StageView

_MOMENTS = ("created_at", "started_at", "finished_at", "expires_at")
_JSON = ("request", "metadata", "warnings", "error")
_COLUMNS = tuple(column.name for column in jobs.c)

_GET = f"""
SELECT {", ".join(f"j.{name}" for name in _COLUMNS)},
  (SELECT json_group_array(json_array(stage, status, attempt, progress))
     FROM (SELECT * FROM stage_runs WHERE job_id = j.id ORDER BY ordinal, shard)),
  (SELECT json_group_array(json_array({", ".join(rows.ARTIFACT_COLUMNS[:-1])}, json(facts)))
     FROM (SELECT * FROM artifacts WHERE job_id = j.id ORDER BY id))
  FROM jobs j WHERE j.id = ? AND j.tenant_id = ?"""


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"


_UNSET = {"stale": 0, "revision": 0, "lines_done": 0}
_JOB_COLUMNS = tuple(name for name in _COLUMNS if name not in ("started_at", "finished_at", "expires_at"))
_LINE_COLUMNS = ("job_id", "ordinal", "line_id", "role", "text", "spec", "status", "warnings")
_RUN_COLUMNS = (
    "job_id", "tenant_id", "stage", "shard", "ordinal", "pool", "payload", "status", "priority", "attempt",
    "max_attempts", "fence", "progress",
)  # fmt: skip
_NEW_RUN = {"priority": 0, "attempt": 0, "fence": 0, "progress": 0.0}

_INSERT_JOB = _insert(jobs.name, _JOB_COLUMNS)
_INSERT_LINE = _insert(lines.name, _LINE_COLUMNS)
# Due as of now by the database's clock, which leases are measured by too.
_INSERT_RUN = f"""
INSERT INTO stage_runs ({", ".join(_RUN_COLUMNS)}, next_run_at)
VALUES ({"?, " * len(_RUN_COLUMNS)} strftime('{SQLITE_FORMAT}', 'now'))"""


class SqliteJobs(Jobs):
    """`JobRepository` with its two hot methods in SQLite's dialect."""

    def add(self, job: Job, *, lines: Sequence[LineRecord], stage_runs: Sequence[StageRun]) -> None:
        self._many(
            _INSERT_JOB, _JOB_COLUMNS, [{"error": None, "billable_ms": None, **_UNSET, **rows.job_row(job)}]
        )
        self._many(_INSERT_LINE, _LINE_COLUMNS, [rows.line_row(job.id, record) for record in lines])
        runs = [{**_NEW_RUN, **self._stage_row(job, run)} for run in stage_runs]
        self._many(_INSERT_RUN, _RUN_COLUMNS, runs)

    def _many(self, statement: str, columns: Sequence[str], values: Sequence[Mapping[str, Any]]) -> None:
        if values:
            parameters = [tuple(_stored(name, row[name]) for name in columns) for row in values]
            self._connection.exec_driver_sql(statement, parameters)

    def get(self, job_id: str, *, tenant_id: str) -> Job | None:
        found = self._connection.exec_driver_sql(_GET, (job_id, tenant_id)).first()
        if found is None:
            return None
        row = {name: _read(name, value) for name, value in zip(_COLUMNS, found, strict=False)}
        return rows.job_of(
            row, stages=_stages(json.loads(found[-2])), artifacts=_artifacts(json.loads(found[-1]))
        )


def _stored(name: str, value: Any) -> Any:
    """A value as the column keeps it: JSON and moments are text."""
    if name in (*_JSON, "spec", "payload"):
        return None if value is None else json.dumps(value)
    return to_text(value) if name == "created_at" else value


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _JSON:
        return json.loads(value)
    return from_text(value) if name in _MOMENTS else bool(value) if name == "stale" else value


def _stages(found: Sequence[Sequence[Any]]) -> tuple[StageView, ...]:
    shards = [dict(zip(("stage", "status", "attempt", "progress"), run, strict=True)) for run in found]
    return tuple(
        rows.stage_view(stage, list(runs)) for stage, runs in groupby(shards, lambda run: run["stage"])
    )


def _artifacts(found: Sequence[Sequence[Any]]) -> tuple[Artifact, ...]:
    return tuple(rows.artifact_of(dict(zip(rows.ARTIFACT_COLUMNS, file, strict=True))) for file in found)
