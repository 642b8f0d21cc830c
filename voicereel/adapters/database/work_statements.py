"""The statements on stage runs: plain SQL, because they are the hot path and must be read as one thing each.

They are written once and filled in for SQLite, where a writer holds the only write lock, and for
PostgreSQL, where a claim skips the rows that others are about to take.
"""

from functools import cache

from voicereel.adapters.database.constants import BACKLOG_CAP, FAIR_SHARE_S
from voicereel.adapters.database.dialect import Dialect

_CLAIM_COLUMNS = """id, fence, attempt, job_id, tenant_id, stage, shard, payload, attempt >= max_attempts,
       (SELECT request_id FROM jobs WHERE jobs.id = stage_runs.job_id),
       (SELECT trace FROM jobs WHERE jobs.id = stage_runs.job_id), pool,
       (SELECT revision FROM jobs WHERE jobs.id = stage_runs.job_id)"""

# Still owned: whoever writes says under which fence.
_HELD = "id = :id AND fence = :fence AND status = 'running'"


class Statements:
    """Every statement in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._of_a_worker(dialect)
        self._of_a_job(dialect)
        self._of_the_sweep(dialect)
        self._after_a_restore(dialect)
        self._of_figures(dialect)

    def _of_a_worker(self, dialect: Dialect) -> None:
        """What a worker does to a run."""
        now, later, text = dialect.now, dialect.later, dialect.statement
        due = f"""pool = :pool AND status IN ('queued', 'running') AND attempt < max_attempts
               AND ((status = 'queued' AND next_run_at <= {now})
                 OR (status = 'running' AND lease_until < {now}))"""
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
             WHERE {_HELD} RETURNING id""")
        self.finish = text(f"""
            UPDATE stage_runs SET status = 'succeeded', progress = 1, lease_until = NULL, error = NULL,
                   finished_at = {now}
             WHERE {_HELD} RETURNING id""")
        self.retry = text(f"""
            UPDATE stage_runs
               SET status = 'queued', lease_until = NULL, error = {dialect.json(":error")},
                   payload = coalesce({dialect.json(":payload")}, payload),
                   next_run_at = {later(":delay_s")}, dispatched_at = NULL
             WHERE {_HELD} AND attempt < max_attempts RETURNING id""")
        self.fail = text(f"""
            UPDATE stage_runs SET status = 'failed', lease_until = NULL, error = {dialect.json(":error")},
                   finished_at = {now}
             WHERE {_HELD} RETURNING id""")
        # A worker that stops on purpose gives its attempt back: the next claim counts it again.
        self.release = text(f"""
            UPDATE stage_runs SET status = 'queued', attempt = attempt - 1, lease_until = NULL,
                   next_run_at = {now}, dispatched_at = NULL
             WHERE {_HELD} RETURNING id""")

    def _of_a_job(self, dialect: Dialect) -> None:
        """What becomes of the runs of a job, or of a dead worker."""
        now, later, text = dialect.now, dialect.later, dialect.statement
        # Workers of a former life of this machine are dead: what they held is due at once.
        self.release_workers = text(f"""
            UPDATE stage_runs
               SET status = 'queued', lease_until = NULL, next_run_at = {now}, dispatched_at = NULL
             WHERE status = 'running' AND substr(worker_id, 1, length(CAST(:prefix AS text))) = :prefix
               AND attempt < max_attempts""")
        # The next stage has the place in line that its job had: where all are late, too, what was begun
        # is finished before more is begun.
        self.unblock = text(f"""
            UPDATE stage_runs
               SET status = 'queued', next_run_at = {now}, dispatched_at = {now},
                   turn_at = (SELECT CASE WHEN min(turn_at) < {now} THEN min(turn_at) ELSE {now} END
                                FROM stage_runs WHERE job_id = :job_id)
             WHERE job_id = :job_id AND status = 'blocked'
               AND ordinal = (SELECT min(ordinal) FROM stage_runs
                               WHERE job_id = :job_id AND status = 'blocked')
               AND NOT EXISTS (SELECT 1 FROM stage_runs WHERE job_id = :job_id
                                  AND status IN ('queued', 'running', 'failed', 'canceled'))
            RETURNING pool""")
        # A revision begins with runs of its own: a late worker of the last one finds none of its.
        self.forget_runs = text("DELETE FROM stage_runs WHERE job_id = :job_id")
        self.plan_run = text(f"""
            INSERT INTO stage_runs (job_id, tenant_id, stage, shard, ordinal, pool, payload, status, priority,
                   attempt, max_attempts, fence, progress, next_run_at, turn_at, dispatched_at)
            SELECT id, tenant_id, CAST(:stage AS varchar), CAST(:shard AS integer), CAST(:ordinal AS integer),
                   :pool, {dialect.json(":payload")}, :status, 0, 0, CAST(:max_attempts AS integer), 0, 0,
                   {now}, {later(f"{FAIR_SHARE_S} * :place")}, {now}
              FROM jobs WHERE id = :job_id""")
        self.in_line = text(f"""
            SELECT count(*) FROM (SELECT 1 FROM stage_runs
             WHERE tenant_id = (SELECT tenant_id FROM jobs WHERE id = :job_id)
               AND ordinal = 0 AND finished_at IS NULL LIMIT {BACKLOG_CAP}) AS live""")
        self.cancel = text(f"""
            UPDATE stage_runs SET status = 'canceled', fence = fence + 1, lease_until = NULL,
                   finished_at = {now}
             WHERE job_id = :job_id AND status IN ('blocked', 'queued', 'running')""")

    def _of_the_sweep(self, dialect: Dialect) -> None:
        """What the sweeper looks for and mends."""
        now, later, text = dialect.now, dialect.later, dialect.statement
        # Only expired rows are read: healthy ones can never hide them.
        self.lost = text(f"""
            SELECT {_CLAIM_COLUMNS}, 0 FROM stage_runs
             WHERE status = 'running' AND lease_until < {now} ORDER BY id LIMIT :most""")
        self.is_held = text(f"SELECT 1 FROM stage_runs WHERE {_HELD}")
        self.is_lost = text(f"SELECT 1 FROM stage_runs WHERE {_HELD} AND lease_until < {now}")
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

    def _after_a_restore(self, dialect: Dialect) -> None:
        """What makes a restored database go on."""
        now, text = dialect.now, dialect.statement
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

    def _of_figures(self, dialect: Dialect) -> None:
        """How busy the service is."""
        now, later, text = dialect.now, dialect.later, dialect.statement
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
def statements_in(dialect: Dialect) -> Statements:
    return Statements(dialect)
