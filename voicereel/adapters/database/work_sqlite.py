"""Stage runs on SQLite: claim, heartbeat, finish, retry, sweep. Every write names its fence.

The statements are plain SQL because they are the hot path and must be read as one thing each.
A writer holds the database's only write lock (``BEGIN IMMEDIATE``), so no row lock is needed.
"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from voicereel.domain.job import Claim
from voicereel.ports import PoolState

_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_LATER = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ? || ' seconds')"

_DUE = f"""pool = ? AND status IN ('queued', 'running') AND attempt < max_attempts
       AND ((status = 'queued' AND next_run_at <= {_NOW})
         OR (status = 'running' AND lease_until < {_NOW}))"""

_HAS_DUE = f"SELECT 1 FROM stage_runs WHERE {_DUE} LIMIT 1"

_CLAIM = f"""
UPDATE stage_runs
   SET status = 'running', fence = fence + 1, attempt = attempt + 1, worker_id = ?,
       lease_until = {_LATER}, started_at = coalesce(started_at, {_NOW})
 WHERE id = (SELECT id FROM stage_runs WHERE {_DUE} ORDER BY priority DESC, id LIMIT 1)
RETURNING id, fence, attempt, job_id, tenant_id, stage, shard, payload, attempt >= max_attempts"""

_HEARTBEAT = f"""
UPDATE stage_runs SET lease_until = {_LATER}, progress = ?
 WHERE id = ? AND fence = ? AND status = 'running' RETURNING id"""

_FINISH = f"""
UPDATE stage_runs SET status = 'succeeded', progress = 1, lease_until = NULL, error = NULL,
       finished_at = {_NOW}
 WHERE id = ? AND fence = ? AND status = 'running' RETURNING id"""

_RETRY = f"""
UPDATE stage_runs SET status = 'queued', lease_until = NULL, error = ?, next_run_at = {_LATER}
 WHERE id = ? AND fence = ? AND status = 'running' AND attempt < max_attempts RETURNING id"""

_FAIL = f"""
UPDATE stage_runs SET status = 'failed', lease_until = NULL, error = ?, finished_at = {_NOW}
 WHERE id = ? AND fence = ? AND status = 'running' RETURNING id"""

# A worker that stops on purpose gives its attempt back: the next claim counts it again.
_RELEASE = f"""
UPDATE stage_runs
   SET status = 'queued', attempt = attempt - 1, lease_until = NULL, next_run_at = {_NOW}
 WHERE id = ? AND fence = ? AND status = 'running' RETURNING id"""

# Workers of a former life of this machine are dead: what they held is due at once.
_RELEASE_WORKERS = f"""
UPDATE stage_runs SET status = 'queued', lease_until = NULL, next_run_at = {_NOW}
 WHERE status = 'running' AND substr(worker_id, 1, length(?1)) = ?1 AND attempt < max_attempts"""

_UNBLOCK = f"""
UPDATE stage_runs SET status = 'queued', next_run_at = {_NOW}
 WHERE job_id = ?1 AND status = 'blocked'
   AND ordinal = (SELECT min(ordinal) FROM stage_runs WHERE job_id = ?1 AND status = 'blocked')
   AND NOT EXISTS (SELECT 1 FROM stage_runs
                    WHERE job_id = ?1 AND status IN ('queued', 'running', 'failed', 'canceled'))
RETURNING pool"""

_CANCEL = f"""
UPDATE stage_runs SET status = 'canceled', fence = fence + 1, lease_until = NULL, finished_at = {_NOW}
 WHERE job_id = ? AND status IN ('blocked', 'queued', 'running')"""

# Only expired rows are read: healthy ones can never hide them.
_LOST = f"""
SELECT id, fence, attempt, job_id, tenant_id, stage, shard, payload, attempt >= max_attempts
  FROM stage_runs WHERE status = 'running' AND lease_until < {_NOW} ORDER BY id LIMIT ?"""

_IS_LOST = f"""
SELECT 1 FROM stage_runs WHERE id = ? AND fence = ? AND status = 'running' AND lease_until < {_NOW}"""

_POOLS = f"""
SELECT pool,
       sum(status = 'queued' AND next_run_at <= {_NOW}),
       sum(status = 'running'),
       coalesce(max(CASE WHEN status = 'queued' AND next_run_at <= {_NOW}
                         THEN (julianday('now') - julianday(next_run_at)) * 86400000 END), 0)
  FROM stage_runs WHERE status IN ('queued', 'running') GROUP BY pool"""

_MEAN_RUN = """
SELECT avg((julianday(finished_at) - julianday(started_at)) * 86400000)
  FROM (SELECT started_at, finished_at FROM stage_runs
         WHERE status = 'succeeded' AND pool = ? ORDER BY finished_at DESC LIMIT 100)"""

_WORKERS = """
SELECT pool, count(DISTINCT worker_id) FROM engine_adverts
 WHERE seen_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 seconds') GROUP BY pool"""


class SqliteWork:
    """`WorkRepository` in SQLite's dialect."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def has_due(self, pool: str) -> bool:
        """Whether a claim may find something; reads only, so that idle polls write nothing."""
        return self._one(_HAS_DUE, pool) is not None

    def claim(self, pool: str, *, worker_id: str, lease_s: float) -> Claim | None:
        row = self._one(_CLAIM, worker_id, lease_s, pool)
        return None if row is None else _claim(row)

    def heartbeat(self, claim: Claim, *, lease_s: float, progress: float) -> bool:
        return self._hit(_HEARTBEAT, lease_s, progress, claim.stage_run_id, claim.fence)

    def finish(self, claim: Claim) -> bool:
        return self._hit(_FINISH, claim.stage_run_id, claim.fence)

    def retry_later(self, claim: Claim, *, delay_s: float, error: Mapping[str, Any]) -> bool:
        return self._hit(_RETRY, json.dumps(error), delay_s, claim.stage_run_id, claim.fence)

    def fail(self, claim: Claim, *, error: Mapping[str, Any]) -> bool:
        return self._hit(_FAIL, json.dumps(error), claim.stage_run_id, claim.fence)

    def release(self, claim: Claim) -> bool:
        return self._hit(_RELEASE, claim.stage_run_id, claim.fence)

    def release_workers(self, worker_prefix: str) -> int:
        return self._connection.exec_driver_sql(_RELEASE_WORKERS, (worker_prefix,)).rowcount

    def unblock_next(self, job_id: str) -> tuple[str, ...]:
        """Make the next stage due once all of this one's shards are done; the pools to wake."""
        found = self._connection.exec_driver_sql(_UNBLOCK, (job_id,)).all()
        return tuple(sorted({row[0] for row in found}))

    def cancel(self, job_id: str) -> None:
        """End every live run; the raised fence refuses whatever its worker still writes."""
        self._connection.exec_driver_sql(_CANCEL, (job_id,))

    def lost(self, limit: int) -> tuple[Claim, ...]:
        """Runs whose lease has ended, as their late owners hold them."""
        return tuple(_claim(row) for row in self._connection.exec_driver_sql(_LOST, (limit,)))

    def is_lost(self, claim: Claim) -> bool:
        return self._hit(_IS_LOST, claim.stage_run_id, claim.fence)

    def pools(self) -> tuple[PoolState, ...]:
        workers: dict[str, int] = {row[0]: row[1] for row in self._connection.exec_driver_sql(_WORKERS)}
        live = {row[0]: row for row in self._connection.exec_driver_sql(_POOLS).all()}
        return tuple(
            self._pool_state(pool, live.get(pool, (pool, 0, 0, 0)), workers.get(pool, 0))
            for pool in sorted({*workers, *live})
        )

    def _pool_state(self, pool: str, row: Any, workers: int) -> PoolState:
        mean = self._connection.exec_driver_sql(_MEAN_RUN, (pool,)).scalar()
        return PoolState(
            pool=pool,
            waiting=row[1] or 0,
            running=row[2] or 0,
            workers=workers,
            oldest_due_ms=round(row[3]),
            mean_run_ms=None if mean is None else round(mean),
        )

    def _one(self, statement: str, *parameters: Any) -> Any:
        return self._connection.exec_driver_sql(statement, parameters).first()

    def _hit(self, statement: str, *parameters: Any) -> bool:
        """Run a fenced write; False means that the fence has moved on and nothing was written."""
        return self._one(statement, *parameters) is not None


def _claim(row: Any) -> Claim:
    return Claim(
        stage_run_id=row[0],
        fence=row[1],
        attempt=row[2],
        job_id=row[3],
        tenant_id=row[4],
        stage=row[5],
        shard=row[6],
        payload=json.loads(row[7]),
        is_last_attempt=bool(row[8]),
    )
