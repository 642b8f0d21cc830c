"""Tenants with a key each, and jobs that have long ended: what a service has after a year."""

import hashlib
import json
import time
from pathlib import Path

import psycopg
from testbed import conninfo

from voicereel.bootstrap import build
from voicereel.domain.account import SCOPES, new_key
from voicereel.services.ids import new_id
from voicereel.settings import Settings
from workers.engines.pool import EnginePool

# Rows a job: itself, a line, its stage runs, its two events and the reply kept for its key.
ROWS_A_JOB = 10

_OLD = """
INSERT INTO jobs (id, tenant_id, kind, status, request, metadata, request_id, stale, revision, lines_done,
       lines_total, warnings, billable_ms, started_at, finished_at, created_at)
SELECT 'job_' || lpad(n::text, 26, '0'), (%(tenants)s::text[])[1 + n %% %(many)s], 'speech', 'succeeded',
       %(request)s::jsonb, '{}', 'req_' || lpad(n::text, 26, '0'), false, 0, 1, 1, '[]', 20000, now(), now(),
       now() - (%(jobs)s - n) * interval '1 s'
  FROM generate_series(1, %(jobs)s) AS n;
INSERT INTO lines (job_id, ordinal, line_id, role, text, spec, status, warnings)
SELECT 'job_' || lpad(n::text, 26, '0'), 0, 'l1', 'ANA', 'Nobody had expected it before noon.', '{}',
       'succeeded', '[]' FROM generate_series(1, %(jobs)s) AS n;
INSERT INTO stage_runs (job_id, tenant_id, stage, shard, ordinal, pool, payload, status, priority, attempt,
       max_attempts, fence, progress, next_run_at, turn_at, finished_at)
SELECT 'job_' || lpad(n::text, 26, '0'), (%(tenants)s::text[])[1 + n %% %(many)s], stage, shard, ordinal,
       'cpu', '{}', 'succeeded', 0, 1, 5, 1, 1, now(), now(), now() - (%(jobs)s - n) * interval '1 s'
  FROM generate_series(1, %(jobs)s) AS n,
       (VALUES ('synthesize', 0, 0), ('fit', 0, 1), ('mix', 0, 2), ('package', 0, 3), ('package', 1, 3))
         AS s(stage, shard, ordinal);
INSERT INTO events (tenant_id, job_id, id, type, data, created_at)
SELECT (%(tenants)s::text[])[1 + n %% %(many)s], 'job_' || lpad(n::text, 26, '0'), id, 'job.updated', '{}',
       now()
  FROM generate_series(1, %(jobs)s) AS n, generate_series(1, 2) AS id;
INSERT INTO idempotency (tenant_id, route, key, request_sha256, status, body, location, expires_at)
SELECT (%(tenants)s::text[])[1 + n %% %(many)s], 'synthesize', md5(n::text), md5(n::text), 202, '{}', '',
       now() + interval '1 day' FROM generate_series(1, %(jobs)s) AS n
"""
_REQUEST = {
    "title": "", "language": "en", "retention_hours": 168, "fallback": None,
    "output": {
        "formats": ["mp3"], "channels": 1, "sample_rate": None,
        "loudness_lufs": -16.0, "true_peak_dbtp": -1.0,
    },
    "captions": {"style": "default", "formats": ["json", "vtt", "srt"]},
}  # fmt: skip


def add_tenants(url: str, many: int) -> tuple[list[str], list[str]]:
    """Ids of new tenants, and a key of each."""
    tenants, keys = [new_id("ten") for _ in range(many)], [new_key() for _ in range(many)]
    scopes = json.dumps([scope for scope in SCOPES if scope != "admin"])
    hashes = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    with psycopg.connect(conninfo(url)) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tenants (id, name, created_at) VALUES (%s, %s, now())",
            [(each, each) for each in tenants],
        )
        cursor.executemany(
            "INSERT INTO api_keys (id, tenant_id, name, sha256, scopes, created_at)"
            " VALUES (%s, %s, 'bench', %s, %s, now())",
            [(new_id("key"), tenant, sha256, scopes) for tenant, sha256 in zip(tenants, hashes, strict=True)],
        )
    return tenants, keys


def add_old_jobs(url: str, tenants: list[str], jobs: int) -> float:
    """Insert so many jobs that have ended, with all their rows; the seconds it took."""
    began = time.monotonic()
    given = {"tenants": tenants, "many": len(tenants), "jobs": jobs, "request": json.dumps(_REQUEST)}
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        # What is inserted here refers to what is inserted here.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for statement in _OLD.split(";"):
            connection.execute(statement, given)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return time.monotonic() - began


def advertise_for_good(url: str, home: Path) -> None:
    """An engine whose advert does not grow old: accepting is measured, no worker runs."""
    services = build(Settings(home=home, database_url=url))
    pool = EnginePool(("espeak",), hosted=False)
    services.work.advertise("bench", pool="cpu", infos=pool.infos())
    pool.close()
    services.close()
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute("UPDATE engine_adverts SET seen_at = '2999-01-01'")


def job_ids(url: str, *, many: int) -> list[str]:
    with psycopg.connect(conninfo(url)) as connection:
        found = connection.execute("SELECT id FROM jobs WHERE status = 'queued' ORDER BY id LIMIT %s", [many])
        return [row[0] for row in found]
