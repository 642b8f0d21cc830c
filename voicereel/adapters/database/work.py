"""Stage runs: claim, heartbeat, finish, retry, sweep. Every write names its fence."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from voicereel.adapters.database.dialect import Hot, dialect_of, every, first, run
from voicereel.adapters.database.work_statements import statements_in
from voicereel.domain.job import Claim, StageRun
from voicereel.ports import Backlog, PoolState


class Work:
    """`WorkRepository` over one open connection."""

    def __init__(self, connection: Hot, *, max_attempts: int) -> None:
        self._connection = connection
        self._max_attempts = max_attempts
        self._sql = statements_in(dialect_of(connection))

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

    def plan(self, job_id: str, stage_runs: Sequence[StageRun]) -> tuple[str, ...]:
        """The runs of a job anew, in place of those it had; the pools of those due now, once a run.

        The first ordinal is 0, whatever stage that is: those are what a tenant's place in line counts.
        """
        run(self._connection, self._sql.forget_runs, job_id=job_id)
        (ahead,) = self._one(self._sql.in_line, job_id=job_id)
        for place, each in enumerate(stage_runs):
            run(
                self._connection,
                self._sql.plan_run,
                job_id=job_id,
                stage=each.stage,
                shard=each.shard,
                ordinal=each.ordinal,
                pool=each.pool,
                payload=json.dumps(each.payload),
                status="queued" if each.ordinal == 0 else "blocked",
                max_attempts=self._max_attempts,
                place=float(ahead + place),
            )
        return tuple(each.pool for each in stage_runs if each.ordinal == 0)

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
        revision=row[12] or 0,
        waited_ms=max(0, round(row[13])),
    )
