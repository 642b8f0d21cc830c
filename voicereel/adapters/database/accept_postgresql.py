"""Accepting a job on PostgreSQL: one statement, so one round trip and one commit."""

from functools import cache

from voicereel.adapters.database.constants import BACKLOG_CAP, FAIR_SHARE_S, REPLIES_KEPT_S
from voicereel.adapters.database.dialect import POSTGRESQL

_JOB_FIELDS = """kind text, status text, request jsonb, metadata jsonb, speaker_id text, request_id text,
    key_id text, trace text, lines_total integer, warnings jsonb"""
_LINE_FIELDS = "ordinal integer, line_id text, role text, text text, spec jsonb, status text, warnings jsonb"
_RUN_FIELDS = """stage text, shard integer, ordinal integer, pool text, payload jsonb, status text,
    position integer"""


@cache
def statement(*, once: bool, speakers: bool) -> str:
    """How a job is accepted: with an idempotency key or without, with enrolled speakers or none."""
    # A speaker's row is held until the commit: it cannot be deleted under a job that uses it.
    there = """SELECT count(*) AS found FROM (
        SELECT id FROM speakers WHERE tenant_id = :tenant_id AND id = ANY(:speaker_ids)
           FOR KEY SHARE) AS held"""
    found = f"({there})" if speakers else "(SELECT 0 AS found)"
    complete = "found = cardinality(CAST(:speaker_ids AS text[]))" if speakers else "true"
    remember = f"""
        once AS (
          INSERT INTO idempotency (tenant_id, route, key, request_sha256, status, body, location, expires_at)
          SELECT :tenant_id, :route, :key, :request_sha256, :reply_status,
                 CAST(coalesce(:reply_body, :view) AS jsonb), :location,
                 clock_timestamp() + make_interval(secs => {REPLIES_KEPT_S})
            FROM there WHERE {complete}
          ON CONFLICT (tenant_id, route, key) DO UPDATE
            SET request_sha256 = excluded.request_sha256, status = excluded.status, body = excluded.body,
                location = excluded.location, expires_at = excluded.expires_at
          WHERE idempotency.expires_at <= clock_timestamp()
          RETURNING 1),
        go AS (SELECT 1 FROM once),"""
    always = f"go AS (SELECT 1 FROM there WHERE {complete}),"
    text = f"""
        WITH there AS {found}, {remember if once else always}
        job AS (
          INSERT INTO jobs (id, tenant_id, kind, status, request, metadata, speaker_id, request_id, key_id,
                 trace, stale, revision, lines_done, lines_total, warnings, created_at)
          SELECT :job_id, :tenant_id, kind, status, request, metadata, speaker_id, request_id, key_id, trace,
                 false, 0, 0, lines_total, warnings, CAST(:created_at AS timestamptz)
            FROM go, jsonb_to_record(CAST(:job AS jsonb)) AS j({_JOB_FIELDS})),
        line AS (
          INSERT INTO lines (job_id, ordinal, line_id, role, text, spec, status, warnings)
          SELECT :job_id, ordinal, line_id, role, text, spec, status, warnings
            FROM go, jsonb_to_recordset(CAST(:lines AS jsonb)) AS l({_LINE_FIELDS})),
        run AS (
          SELECT r.* FROM go, jsonb_to_recordset(CAST(:runs AS jsonb)) AS r({_RUN_FIELDS})),
        backlog AS (
          SELECT count(*) AS before FROM (
            SELECT 1 FROM stage_runs WHERE tenant_id = :tenant_id AND ordinal = 0 AND finished_at IS NULL
             LIMIT {BACKLOG_CAP}) AS live),
        runs AS (
          INSERT INTO stage_runs (job_id, tenant_id, stage, shard, ordinal, pool, payload, status, priority,
                 attempt, max_attempts, fence, progress, next_run_at, turn_at, dispatched_at)
          SELECT :job_id, :tenant_id, stage, shard, ordinal, pool, payload, status, 0, 0, :max_attempts,
                 0, 0, clock_timestamp(),
                 clock_timestamp() + make_interval(secs => {FAIR_SHARE_S} * (before + position)),
                 clock_timestamp()
            FROM run, backlog),
        event AS (
          INSERT INTO events (tenant_id, job_id, id, type, data, created_at)
          SELECT :tenant_id, :job_id, 1, :event_type, CAST(:view AS jsonb), clock_timestamp() FROM go),
        woken AS (
          INSERT INTO outbox (topic, payload, created_at)
          SELECT 'wake', CAST(:wake AS jsonb), clock_timestamp() FROM go)
        SELECT (SELECT count(*) FROM go), (SELECT found FROM there)"""
    return POSTGRESQL.statement(text)
