"""Jobs that cannot be done, that are given up at any time, and that wait behind others."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.cluster import Cluster, eventually
from tests.faults.figures import TIMEOUT_S, Figures, times
from tests.faults.load import script, submit, wait_for
from voicereel_client import ConflictError

pytestmark = pytest.mark.timeout(TIMEOUT_S)

ATTEMPTS = times(3, 5)


def bound(cluster: Cluster, job_id: str) -> None:
    """Fewer attempts where there is less time."""
    sql = "UPDATE stage_runs SET max_attempts = :most WHERE job_id = :id RETURNING id"
    cluster.execute(sql, most=ATTEMPTS, id=job_id)


def test_a_job_that_kills_every_engine_ends_and_harms_no_worker(service: Cluster) -> None:
    figures = Figures("poison: the engine crashes", jobs=1, injected=ATTEMPTS)
    before = {process.pid for unit in service.workers() for process in unit.workers()}
    with service.client() as client:
        job_id = client.synthesize(**script(text="CRASH")).id
    bound(service, job_id)
    ended = wait_for(service, [job_id])
    after = {process.pid for unit in service.workers() for process in unit.workers()}
    attempts = service.scalar(
        "SELECT attempt FROM stage_runs WHERE job_id = :id AND stage = 'synthesize'", id=job_id
    )
    assert (ended[job_id], attempts) == ("needs_review", ATTEMPTS)
    assert before == after
    service.check()
    figures.write()


def test_a_job_that_kills_every_worker_ends_failed_after_the_last_attempt(service: Cluster) -> None:
    figures = Figures("poison: the worker dies", jobs=4)
    with service.client() as client:
        job_id = client.synthesize(**script(slow=10)).id
        service.points.arm("before-finish", most=100, jobs=[job_id])
    bound(service, job_id)
    others = submit(service, 3, slow=0)
    ended = wait_for(service, [job_id, *others])
    figures.injected = service.points.disarm("before-finish")
    assert ended.pop(job_id) == "failed"
    assert set(ended.values()) == {"succeeded"}
    assert figures.injected == ATTEMPTS
    service.check()
    figures.write()


def test_a_job_that_is_canceled_at_any_time_is_never_billed(service: Cluster) -> None:
    jobs, dice = times(12, 200), random.Random(11)
    figures = Figures("cancel at random times", jobs=jobs)
    accepted = submit(service, jobs, slow=0)

    def cancel(job_id: str) -> bool:
        stages = dice.randrange(6)  # by how far it has come, not by a clock
        done = "SELECT count(*) FROM stage_runs WHERE job_id = :id AND status = 'succeeded'"
        eventually(lambda: service.scalar(done, id=job_id) >= min(stages, 5))
        try:
            client.jobs.cancel(job_id)
        except ConflictError:
            return False
        return True

    with service.client() as client, ThreadPoolExecutor(4) as pool:
        canceled = dict(zip(accepted, pool.map(cancel, accepted), strict=True))
    ended = wait_for(service, accepted)
    figures.injected = sum(canceled.values())
    assert {job_id: ended[job_id] == "canceled" for job_id in accepted} == canceled
    service.check()  # a canceled job with a ledger row is a violation, and so is a succeeded one without
    figures.write()


def test_a_tenant_with_one_job_does_not_wait_behind_one_with_many(service: Cluster) -> None:
    many = times(40, 300)
    figures = Figures("fairness between tenants", jobs=many + 1)
    waiting = "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')"
    crowd = submit(service, many, slow=1)
    with service.client(key=service.make_key(f"quiet-{many}")) as client:
        job = client.synthesize(**script(slow=0))
        job.wait(timeout=120)
    left = service.scalar(waiting)
    figures.note = f"{left} of {many} were still waiting"
    assert left > many // 4
    wait_for(service, crowd)
    service.check()
    figures.write()


def test_a_machine_that_joins_takes_over_from_those_that_are_gone(service: Cluster) -> None:
    """It shares the database, the broker and the store with them, and nothing else."""
    figures = Figures("a second machine takes over", jobs=times(4, 50), injected=2)
    accepted = submit(service, figures.jobs, slow=2)
    gone = [unit.name for unit in service.workers()]
    eventually(lambda: service.scalar("SELECT count(*) FROM stage_runs WHERE status = 'running'"))
    for name in gone:
        service.destroy(name)
    service.add_worker("machine-new")
    ended = wait_for(service, accepted)
    assert set(ended.values()) == {"succeeded"}
    took = "SELECT count(*) FROM stage_runs WHERE worker_id LIKE 'machine-new.%'"
    assert service.scalar(took) >= figures.jobs
    for name in gone:
        service.add_worker(name)
    eventually(service.is_up)
    service.remove("machine-new")
    service.check()
    figures.write()
