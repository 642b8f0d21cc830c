"""Every process restarted in turn under load, with customers who listen."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.cluster import Cluster, eventually
from tests.faults.figures import Figures, times
from tests.faults.load import meanwhile, script, wait_for

pytestmark = pytest.mark.timeout(900)


def test_rolling_restarts_lose_neither_jobs_nor_events(service: Cluster) -> None:
    streams = times(6, 50)
    figures = Figures("rolling restarts under load")
    accepted: list[str] = []
    heard: dict[str, list[int | None]] = {}
    with service.client() as client, ThreadPoolExecutor(streams) as pool:

        def follow(number: int) -> None:
            job = client.synthesize(**script(number, slow=2, lines=3))
            heard[job.id] = []
            job.wait(on_event=lambda event: heard[job.id].append(event.id), timeout=300)

        def submit_one() -> None:
            accepted.append(client.synthesize(**script(len(accepted), slow=0)).id)
            time.sleep(0.1)  # a load that two cores can bear, not a wait for anything

        listening = [pool.submit(follow, number) for number in range(streams)]
        eventually(lambda: len(heard) == streams, what="all streams")
        with meanwhile(submit_one):
            for name in ("api", "dispatcher", *(unit.name for unit in service.workers()), "api"):
                service.units[name].restart()
                figures.injected += 1
                wanted = len(accepted) + 3
                eventually(lambda wanted=wanted: len(accepted) >= wanted, what="jobs after a restart")
                eventually(service.is_up, what="the cluster's recovery")
        for each in listening:
            each.result(timeout=300)
    figures.jobs = len(accepted) + streams
    assert set(wait_for(service, [*accepted, *heard], patience_s=300).values()) == {"succeeded"}
    for job_id, numbers in heard.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"{job_id}: {numbers}"
        assert len(numbers) == service.scalar("SELECT count(*) FROM events WHERE job_id = :id", id=job_id)
    assert len(set(accepted)) == len(accepted)
    service.check()
    figures.write()
