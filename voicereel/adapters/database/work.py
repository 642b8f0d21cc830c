"""Stage runs: claim, heartbeat, finish, retry, sweep. Every write names its fence.

The statements are plain SQL because they are the hot path and must be read as one thing each. They
are written once and filled in for SQLite, where a writer holds the only write lock, and for
PostgreSQL, where a claim skips the rows that others are about to take.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from voicereel.adapters.database.dialect import Dialect, Hot, dialect_of, every, first, run
from voicereel.domain.job import Claim, StageRun
from voicereel.ports import Backlog, PoolState

_CLAIM_COLUMNS = """id, fence, attempt, job_id, tenant_id, stage, shard, payload, attempt >= max_attempts,
       (SELECT request_id FROM jobs WHERE jobs.id = stage_runs.job_id),
       (SELECT trace FROM jobs WHERE jobs.id = stage_runs.job_id), pool"""


class _Statements:
    """Every statement in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        now, later, text = dialect.now, dialect.later, dialect.statement
        due = f"""pool = :pool AND status IN ('queued', 'running') AND attempt < max_attempts
               AND ((status = 'queued' AND next_run_at <= {now})
                 OR (status = 'running' AND lease_until < {now}))"""
        held = "id = :id AND fence = :fence AND status = 'running'"

        self.has_due = text(f"SELECT 1 FROM stage_runs WHERE {due} LIMIT 1")
        self.claim = text(f"""
            UPDATE stage_runs
               SET status = 'running', fence = fence + 1, attempt = attempt + 1, worker_id = :worker_id,
                   lease_until = {later(":lease_s")}, started_at = coalesce(started_at, {now})
             WHERE id = (SELECT id FROM stage_runs WHERE {due}
                          ORDER BY priority DESC, turn_at, id {dialect.skip_locked} LIMIT 1)
            RETURNING {_CLAIM_COLUMNS}, {dialect.ms_between("next_run_at", now)}""")
        self.heartbeat = text(f"""
            UPDATE stage_runs SET lease_until = {later(":lease_s")}, progress = :progress
             WHERE {held} RETURNING id""")
        self.finish = text(f"""
            UPDATE stage_runs SET status = 'succeeded', progress = 1, lease_until = NULL, error = NULL,
                   finished_at = {now}
             WHERE {held} RETURNING id""")
        self.retry = text(f"""
            UPDATE stage_runs
               SET status = 'queued', lease_until = NULL, error = {dialect.json(":error")},
                   payload = coalesce({dialect.json(":payload")}, payload),
                   next_run_at = {later(":delay_s")}, dispatched_at = NULL
             WHERE {held} AND attempt < max_attempts RETURNING id""")
        self.fail = text(f"""
            UPDATE stage_runs SET status = 'failed', lease_until = NULL, error = {dialect.json(":error")},
                   finished_at = {now}
             WHERE {held} RETURNING id""")
        # A worker that stops on purpose gives its attempt back: the next claim counts it again.
        self.release = text(f"""
            UPDATE stage_runs SET status = 'queued', attempt = attempt - 1, lease_until = NULL,
                   next_run_at = {now}, dispatched_at = NULL
             WHERE {held} RETURNING id""")
        # Workers of a former life of this machine are dead: what they held is due at once.
        self.release_workers = text(f"""
            UPDATE stage_runs
               SET status = 'queued', lease_until = NULL, next_run_at = {now}, dispatched_at = NULL
             WHERE status = 'running' AND substr(worker_id, 1, length(CAST(:prefix AS text))) = :prefix
               AND attempt < max_attempts""")
        self.unblock = text(f"""
            UPDATE stage_runs
               SET status = 'queued', next_run_at = {now}, turn_at = {now}, dispatched_at = {now}
             WHERE job_id = :job_id AND status = 'blocked'
               AND ordinal = (SELECT min(ordinal) FROM stage_runs
                               WHERE job_id = :job_id AND status = 'blocked')
               AND NOT EXISTS (SELECT 1 FROM stage_runs WHERE job_id = :job_id
                                  AND status IN ('queued', 'running', 'failed', 'canceled'))
            RETURNING pool""")
        self.cancel = text(f"""
            UPDATE stage_runs SET status = 'canceled', fence = fence + 1, lease_until = NULL,
                   finished_at = {now}
             WHERE job_id = :job_id AND status IN ('blocked', 'queued', 'running')""")
        # Only expired rows are read: healthy ones can never hide them.
        self.lost = text(f"""
            SELECT {_CLAIM_COLUMNS}, 0 FROM stage_runs
             WHERE status = 'running' AND lease_until < {now} ORDER BY id LIMIT :most""")
        self.is_held = text(f"SELECT 1 FROM stage_runs WHERE {held}")
        self.is_lost = text(f"SELECT 1 FROM stage_runs WHERE {held} AND lease_until < {now}")
        # Likewise: only those that nobody was told of, or that nobody took in time.
        self.redispatch = text(f"""
            UPDATE stage_runs SET dispatched_at = {now}
             WHERE id IN (SELECT id FROM stage_runs WHERE status = 'queued' AND next_run_at <= {now}
                             AND (dispatched_at IS NULL OR dispatched_at < {later("-:after_s")})
                           ORDER BY id {dialect.skip_locked} LIMIT :most)
            RETURNING pool""")
        self.add_run = text(f"""
            INSERT INTO stage_runs (job_id, tenant_id, stage, shard, ordinal, pool, payload, status, priority,
                   attempt, max_attempts, fence, progress, next_run_at, turn_at, dispatched_at)
            SELECT id, tenant_id, CAST(:stage AS varchar),
                   (SELECT coalesce(max(shard), -1) + 1 FROM stage_runs
                     WHERE job_id = :job_id AND stage = CAST(:stage AS varchar)),
                   CAST(:ordinal AS integer), :pool, {dialect.json(":payload")}, 'queued', 0,
                   0, CAST(:max_attempts AS integer), 0, 0, {now}, {now}, {now}
              FROM jobs WHERE id = :job_id""")
        self.stranded = text(f"""
            SELECT {_CLAIM_COLUMNS}, 0 FROM stage_runs
             WHERE status = 'queued' AND stage = 'synthesize' AND next_run_at < {later("-:after_s")}
               AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = stage_runs.job_id
                              AND {dialect.member("j.request", "fallback")} IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM engine_adverts a
                                WHERE a.pool = stage_runs.pool AND a.seen_at > {later("-30")})
             ORDER BY id LIMIT :most""")
        self.give_up = text(f"""
            UPDATE stage_runs SET status = 'succeeded', fence = fence + 1, progress = 1, finished_at = {now}
             WHERE id = :id AND fence = :fence AND status = 'queued' RETURNING id""")
        # After a restore: whoever still renders from before must find that it has lost.
        self.outdate = text("""
            UPDATE stage_runs SET fence = fence + 1000, dispatched_at = NULL
             WHERE status IN ('blocked', 'queued', 'running')""")
        self.requeue_all = text(f"""
            UPDATE stage_runs SET status = 'queued', attempt = attempt - 1, lease_until = NULL,
                   next_run_at = {now}
             WHERE status = 'running'""")
        # Ids that were given after the back-up are not given again: a late worker may hold one.
        self.skip_ids = text(
            "UPDATE sqlite_sequence SET seq = seq + 1000000 WHERE name = 'stage_runs'"
            if dialect.is_sqlite
            else """SELECT setval(ids, nextval(ids) + 1000000)
                      FROM CAST(pg_get_serial_sequence('stage_runs', 'id') AS regclass) AS ids"""
        )
        self.forget_first = text(
            "DELETE FROM stage_runs WHERE job_id = :job_id AND ordinal = 0 RETURNING payload, pool"
        )
        self.block_rest = text("""
            UPDATE stage_runs SET status = 'blocked', attempt = 0, progress = 0, error = NULL,
                   worker_id = NULL, lease_until = NULL, started_at = NULL, finished_at = NULL,
                   dispatched_at = NULL, fence = fence + 1000
             WHERE job_id = :job_id""")

        waiting = f"status = 'queued' AND next_run_at <= {now}"
        waited = dialect.ms_between("next_run_at", now)
        self.pools = text(f"""
            SELECT pool, sum(CASE WHEN {waiting} THEN 1 ELSE 0 END),
                   sum(CASE WHEN status = 'running' THEN 1 ELSE 0 END),
                   coalesce(max(CASE WHEN {waiting} THEN {waited} END), 0)
              FROM stage_runs WHERE status IN ('queued', 'running') GROUP BY pool""")
        self.mean_run = text(f"""
            SELECT avg({dialect.ms_between("started_at", "finished_at")})
              FROM (SELECT started_at, finished_at FROM stage_runs
                     WHERE status = 'succeeded' AND pool = :pool AND started_at IS NOT NULL
                     ORDER BY finished_at DESC LIMIT 100) AS latest""")
        self.workers = text(f"""
            SELECT pool, count(DISTINCT worker_id) FROM engine_adverts
             WHERE seen_at > {later("-30")} GROUP BY pool""")
        oldest = dialect.ms_between("min(created_at)", now)
        self.backlog = text(f"""
            SELECT (SELECT count(*) FROM stage_runs WHERE status = 'running' AND lease_until < {now}),
                   (SELECT count(*) FROM outbox), (SELECT coalesce({oldest}, 0) FROM outbox)""")


@cache
def _statements(dialect: Dialect) -> _Statements:
    return _Statements(dialect)


class Work:
    """`WorkRepository` over one open connection."""

    def __init__(self, connection: Hot, *, max_attempts: int) -> None:
        self._connection = connection
        self._max_attempts = max_attempts
        self._sql = _statements(dialect_of(connection))

    def has_due(self, pool: str) -> bool:
        """Whether a claim may find something; reads only, so that idle polls write nothing."""
        return self._one(self._sql.has_due, pool=pool) is not None

    def claim(self, pool: str, *, worker_id: str, lease_s: float) -> Claim | None:
        row = self._one(self._sql.claim, pool=pool, worker_id=worker_id, lease_s=lease_s)
        return None if row is None else _claim(row)

    def heartbeat(self, claim: Claim, *, lease_s: float, progress: float) -> bool:
        return self._hit(self._sql.heartbeat, claim, lease_s=lease_s, progress=progress)

    def finish(self, claim: Claim) -> bool:
        return self._hit(self._sql.finish, claim)

    def retry_later(
        self,
        claim: Claim,
        *,
        delay_s: float,
        error: Mapping[str, Any],
        payload: Mapping[str, Any] | None = None,
    ) -> bool:
        """Put a run back in line; ``payload`` says what is left of it to do, if not all."""
        left = None if payload is None else json.dumps(payload)
        return self._hit(self._sql.retry, claim, delay_s=delay_s, error=json.dumps(error), payload=left)

    def fail(self, claim: Claim, *, error: Mapping[str, Any]) -> bool:
        return self._hit(self._sql.fail, claim, error=json.dumps(error))

    def release(self, claim: Claim) -> bool:
        return self._hit(self._sql.release, claim)

    def release_workers(self, worker_prefix: str) -> int:
        return int(run(self._connection, self._sql.release_workers, prefix=worker_prefix).rowcount)

    def unblock_next(self, job_id: str) -> tuple[str, ...]:
        """Make the next stage due once all of this one's shards are done: its pool, once a run."""
        return tuple(row[0] for row in every(self._connection, self._sql.unblock, job_id=job_id))

    def add_run(self, job_id: str, stage_run: StageRun) -> None:
        """One more shard of a stage, due now. Its number follows those there are."""
        run(
            self._connection,
            self._sql.add_run,
            job_id=job_id,
            stage=stage_run.stage,
            ordinal=stage_run.ordinal,
            pool=stage_run.pool,
            payload=json.dumps(stage_run.payload),
            max_attempts=self._max_attempts,
        )

    def cancel(self, job_id: str) -> None:
        """End every live run; the raised fence refuses whatever its worker still writes."""
        run(self._connection, self._sql.cancel, job_id=job_id)

    def lost(self, limit: int) -> tuple[Claim, ...]:
        """Runs whose lease has ended, as their late owners hold them."""
        return tuple(_claim(row) for row in every(self._connection, self._sql.lost, most=limit))

    def is_held(self, claim: Claim) -> bool:
        return self._hit(self._sql.is_held, claim)

    def is_lost(self, claim: Claim) -> bool:
        return self._hit(self._sql.is_lost, claim)

    def redispatch(self, *, after_s: float, limit: int) -> tuple[str, ...]:
        """The pools of runs that are due and that nobody took, once a run; they count as told of now."""
        found = every(self._connection, self._sql.redispatch, after_s=after_s, most=limit)
        return tuple(row[0] for row in found)

    def stranded(self, *, after_s: float, limit: int) -> tuple[Claim, ...]:
        """Synthesis that waits for a pool in which no worker has been heard of."""
        return tuple(
            _claim(row) for row in every(self._connection, self._sql.stranded, after_s=after_s, most=limit)
        )

    def give_up(self, claim: Claim) -> bool:
        """Close a waiting run whose lines somebody else is to speak."""
        return self._hit(self._sql.give_up, claim)

    def outdate_all(self) -> int:
        """Refuse every worker of before, and make due what they held, uncounted; how many runs go on."""
        outdated = int(run(self._connection, self._sql.outdate).rowcount)
        run(self._connection, self._sql.requeue_all)
        run(self._connection, self._sql.skip_ids)
        return outdated

    def begin_again(self, job_id: str) -> dict[str, str]:
        """Forget the runs of a job's first stage and block the others; the pool of each engine they named."""
        gone = every(self._connection, self._sql.forget_first, job_id=job_id)
        run(self._connection, self._sql.block_rest, job_id=job_id)
        payloads = [(json.loads(row[0]) if isinstance(row[0], str) else row[0], row[1]) for row in gone]
        return {payload["engine"]: pool for payload, pool in payloads}

    def backlog(self) -> Backlog:
        row = self._one(self._sql.backlog)
        return Backlog(expired_leases=row[0], outbox_rows=row[1], outbox_oldest_ms=round(row[2]))

    def pools(self) -> tuple[PoolState, ...]:
        workers = dict(self._pairs(self._sql.workers))
        live = {row[0]: row for row in every(self._connection, self._sql.pools)}
        return tuple(
            self._pool_state(pool, live.get(pool, (pool, 0, 0, 0)), workers.get(pool, 0))
            for pool in sorted({*workers, *live})
        )

    def _pairs(self, statement: str) -> Sequence[tuple[str, int]]:
        return [(row[0], row[1]) for row in every(self._connection, statement)]

    def _pool_state(self, pool: str, row: Any, workers: int) -> PoolState:
        (mean,) = first(self._connection, self._sql.mean_run, pool=pool)
        return PoolState(
            pool=pool,
            waiting=row[1] or 0,
            running=row[2] or 0,
            workers=workers,
            oldest_due_ms=round(row[3]),
            mean_run_ms=None if mean is None else round(mean),
        )

    def _one(self, statement: str, **parameters: Any) -> Any:
        return first(self._connection, statement, **parameters)

    def _hit(self, statement: str, claim: Claim, **parameters: Any) -> bool:
        """Run a fenced write; False means that the fence has moved on and nothing was written."""
        return self._one(statement, id=claim.stage_run_id, fence=claim.fence, **parameters) is not None


def _claim(row: Any) -> Claim:
    payload = row[7]
    return Claim(
        stage_run_id=row[0],
        fence=row[1],
        attempt=row[2],
        job_id=row[3],
        tenant_id=row[4],
        stage=row[5],
        shard=row[6],
        payload=json.loads(payload) if isinstance(payload, str) else payload,
        is_last_attempt=bool(row[8]),
        request_id=row[9] or "",
        trace=row[10] or "",
        pool=row[11],
        waited_ms=max(0, round(row[12])),
    )
