"""Accepting jobs on PostgreSQL: one statement for all that came together, one round trip, one commit."""

from functools import cache

from voicereel.adapters.database.constants import BACKLOG_CAP, FAIR_SHARE_S, REPLIES_KEPT_S
from voicereel.adapters.database.dialect import POSTGRESQL

_ITEM_FIELDS = """job_id text, tenant_id text, created_at timestamptz, job jsonb, lines jsonb, runs jsonb,
    queued integer, event_type text, view jsonb, wake jsonb, speaker_ids text[], lexicons jsonb, route text,
    key text, request_sha256 text, reply_status integer, reply_body jsonb, location text"""
_JOB_FIELDS = """kind text, status text, request jsonb, metadata jsonb, speaker_id text, request_id text,
    key_id text, trace text, lines_total integer, warnings jsonb"""
_LINE_FIELDS = "ordinal integer, line_id text, role text, text text, spec jsonb, status text, warnings jsonb"
_RUN_FIELDS = """stage text, shard integer, ordinal integer, pool text, payload jsonb, status text,
    position integer"""


@cache
def statement() -> str:
    """Takes ``items``, a JSON array; a row for each: whether it is accepted, whether all of its speakers are
    there, and whether its tenant's default lexicons are those it was prepared with."""
    text = f"""
        WITH item AS MATERIALIZED (
          SELECT i.* FROM ROWS FROM (jsonb_to_recordset(CAST(:items AS jsonb)) AS ({_ITEM_FIELDS}))
            WITH ORDINALITY AS i),
        -- A speaker's row is held until the commit: it cannot be deleted under a job that uses it. One that
        -- is being deleted is not there: nobody's job waits for it.
        there AS MATERIALIZED (
          SELECT item.*, speaker_ids IS NULL OR cardinality(speaker_ids) = (
            SELECT count(*) FROM (
              SELECT s.id FROM speakers s WHERE s.tenant_id = item.tenant_id AND s.id = ANY(item.speaker_ids)
                 FOR KEY SHARE SKIP LOCKED) AS held) AS has_speakers, lexicons = (
            SELECT coalesce(jsonb_agg(jsonb_build_array(l.id, l.version) ORDER BY l.id), '[]') FROM lexicons l
             WHERE l.tenant_id = item.tenant_id AND l.is_default AND l.deleted_at IS NULL) AS has_lexicons
            FROM item),
        whole AS MATERIALIZED (SELECT * FROM there WHERE has_speakers AND has_lexicons),
        -- In the order of their keys: two such statements never wait for each other.
        once AS (
          INSERT INTO idempotency (tenant_id, route, key, request_sha256, status, body, location, expires_at)
          SELECT tenant_id, route, key, request_sha256, reply_status, coalesce(reply_body, view), location,
                 clock_timestamp() + make_interval(secs => {REPLIES_KEPT_S})
            FROM whole WHERE key IS NOT NULL ORDER BY tenant_id, route, key
          ON CONFLICT (tenant_id, route, key) DO UPDATE
            SET request_sha256 = excluded.request_sha256, status = excluded.status, body = excluded.body,
                location = excluded.location, expires_at = excluded.expires_at
          WHERE idempotency.expires_at <= clock_timestamp()
          RETURNING tenant_id, route, key),
        go AS MATERIALIZED (
          SELECT whole.*, coalesce(sum(queued) OVER (PARTITION BY tenant_id ORDER BY ordinality
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead
            FROM whole WHERE key IS NULL OR (tenant_id, route, key) IN (SELECT * FROM once)),
        job AS (
          INSERT INTO jobs (id, tenant_id, kind, status, request, metadata, speaker_id, request_id, key_id,
                 trace, stale, revision, lines_done, lines_total, warnings, created_at)
          SELECT job_id, tenant_id, kind, status, request, metadata, speaker_id, request_id, key_id, trace,
                 false, 0, 0, lines_total, warnings, created_at
            FROM go, jsonb_to_record(go.job) AS j({_JOB_FIELDS})),
        line AS (
          INSERT INTO lines (job_id, ordinal, line_id, role, text, spec, status, warnings)
          SELECT job_id, ordinal, line_id, role, text, spec, status, warnings
            FROM go, jsonb_to_recordset(go.lines) AS l({_LINE_FIELDS})),
        backlog AS (
          SELECT tenant_id, (SELECT count(*) FROM (
            SELECT 1 FROM stage_runs r
             WHERE r.tenant_id = t.tenant_id AND r.ordinal = 0 AND r.finished_at IS NULL
             LIMIT {BACKLOG_CAP}) AS live) AS before
            FROM (SELECT DISTINCT tenant_id FROM go) AS t),
        runs AS (
          INSERT INTO stage_runs (job_id, tenant_id, stage, shard, ordinal, pool, payload, status, priority,
                 attempt, max_attempts, fence, progress, next_run_at, turn_at, dispatched_at)
          SELECT job_id, tenant_id, stage, shard, ordinal, pool, payload, status, 0, 0, :max_attempts,
                 0, 0, clock_timestamp(), clock_timestamp() + make_interval(
                   secs => {FAIR_SHARE_S} * (least(before + ahead, {BACKLOG_CAP}) + position)),
                 clock_timestamp()
            FROM go JOIN backlog USING (tenant_id), jsonb_to_recordset(go.runs) AS r({_RUN_FIELDS})),
        event AS (
          INSERT INTO events (tenant_id, job_id, id, type, data, created_at)
          SELECT tenant_id, job_id, 1, event_type, view, clock_timestamp() FROM go),
        woken AS (
          INSERT INTO outbox (topic, payload, created_at)
          SELECT 'wake', wake, clock_timestamp() FROM go)
        SELECT EXISTS (SELECT 1 FROM go WHERE go.ordinality = there.ordinality), has_speakers, has_lexicons
          FROM there ORDER BY ordinality"""
    return POSTGRESQL.statement(text)
