"""Accepting a job on SQLite: a statement a table, all in the one transaction that may write."""

from collections.abc import Sequence

from voicereel.adapters.database.constants import BACKLOG_CAP, FAIR_SHARE_S, REPLIES_KEPT_S
from voicereel.adapters.database.dialect import SQLITE

_NOW = SQLITE.now


def _of(parameter: str, names: Sequence[str]) -> str:
    """The fields of a JSON object as a list of columns; objects in it stay JSON."""
    return ", ".join(f"json_extract({parameter}, '$.{name}')" for name in names)


_JOB_NAMES = (
    "kind", "status", "request", "metadata", "speaker_id", "request_id", "key_id", "trace", "lines_total",
    "warnings",
)  # fmt: skip
_LINE_NAMES = ("ordinal", "line_id", "role", "text", "spec", "status", "warnings")
_RUN_NAMES = ("stage", "shard", "ordinal", "pool", "payload", "status")

_BACKLOG = f"""(SELECT count(*) FROM (SELECT 1 FROM stage_runs
    WHERE tenant_id = :tenant_id AND ordinal = 0 AND finished_at IS NULL LIMIT {BACKLOG_CAP}))"""

STEPS = (
    f"""INSERT INTO jobs (id, tenant_id, {", ".join(_JOB_NAMES)}, stale, revision, lines_done, created_at)
        SELECT :job_id, :tenant_id, {_of(":job", _JOB_NAMES)},
               0, 0, 0, :created_at""",
    f"""INSERT INTO lines (job_id, {", ".join(_LINE_NAMES)})
        SELECT :job_id, {_of("value", _LINE_NAMES)} FROM json_each(:lines)""",
    f"""INSERT INTO stage_runs (job_id, tenant_id, {", ".join(_RUN_NAMES)}, priority, attempt, max_attempts,
               fence, progress, next_run_at, turn_at, dispatched_at)
        SELECT :job_id, :tenant_id, {_of("value", _RUN_NAMES)}, 0, 0, :max_attempts, 0, 0,
               {_NOW},
               {SQLITE.later(f"{FAIR_SHARE_S} * (json_extract(value, '$.position') + {_BACKLOG})")},
               {_NOW}
          FROM json_each(:runs)""",
    f"""INSERT INTO events (tenant_id, job_id, id, type, data, created_at)
        VALUES (:tenant_id, :job_id, 1, :event_type, :view, {_NOW})""",
    f"INSERT INTO outbox (topic, payload, created_at) VALUES ('wake', :wake, {_NOW})",
)
KNOWN_REPLY = f"""SELECT 1 FROM idempotency
    WHERE tenant_id = :tenant_id AND route = :route AND key = :key AND expires_at > {_NOW}"""
REMEMBER = f"""
    INSERT OR REPLACE INTO idempotency
           (tenant_id, route, key, request_sha256, status, body, location, expires_at)
    VALUES (:tenant_id, :route, :key, :request_sha256, :reply_status, coalesce(:reply_body, :view), :location,
            strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{REPLIES_KEPT_S} seconds'))"""
SPEAKERS_THERE = """SELECT count(*) FROM speakers
    WHERE tenant_id = :tenant_id AND id IN (SELECT value FROM json_each(:speaker_ids))"""
