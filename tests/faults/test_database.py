"""PostgreSQL restarted, cut off, asked the same by many at once, and migrated under load."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.faults.cluster import Cluster, eventually
from tests.faults.figures import Figures, times
from tests.faults.load import meanwhile, script, wait_for
from tests.faults.proxy import CuttingProxy
from tests.faults.servers import Server

pytestmark = pytest.mark.timeout(900)


def test_a_database_that_restarts_at_once_loses_no_job_that_was_accepted(
    service: Cluster, postgres: Server
) -> None:
    restarts, before = times(2, 5), service.scalar("SELECT count(*) FROM jobs")
    figures = Figures("PostgreSQL restarted at once", injected=restarts)
    accepted: list[str] = []
    with service.client() as client:

        def submit_one() -> None:
            accepted.append(client.synthesize(**script(len(accepted), slow=0)).id)
            time.sleep(0.05)  # a load that two cores can bear, not a wait for anything

        with meanwhile(submit_one):
            for _ in range(restarts):
                wanted = len(accepted) + times(10, 40)
                eventually(lambda wanted=wanted: len(accepted) >= wanted, what="more jobs")
                postgres.restart_at_once()
            wanted = len(accepted) + 5
            eventually(lambda: len(accepted) >= wanted, what="jobs after the last restart")
    figures.jobs = len(accepted)
    assert set(wait_for(service, accepted, patience_s=300).values()) == {"succeeded"}
    assert len(set(accepted)) == len(accepted)
    assert service.scalar("SELECT count(*) FROM jobs") == before + len(accepted)
    service.check()
    figures.write()


def test_a_commit_whose_reply_is_lost_is_one_job(service: Cluster, postgres: Server) -> None:
    jobs, before = times(20, 200), service.scalar("SELECT count(*) FROM jobs")
    figures = Figures("connection cut after COMMIT", jobs=jobs)
    url = sa.make_url(service.database_url)
    with CuttingProxy("127.0.0.1", url.port or 5432) as proxy:
        behind = url.set(port=proxy.port).render_as_string(hide_password=False)
        port = str(service.port + 1)
        service.add("api-cut", "api", "--port", port, database_url=behind)
        eventually(lambda: _answers(int(port)), what="the second API")
        with service.client(port=int(port)) as client, ThreadPoolExecutor(4) as pool:
            texts = [script(text=f"CUT-{number} one") for number in range(jobs)]
            accepted = list(pool.map(lambda body: client.synthesize(**body).id, texts))
        service.remove("api-cut")
        figures.injected = len(proxy.cut)
    assert figures.injected == jobs
    assert len(set(accepted)) == jobs
    assert service.scalar("SELECT count(*) FROM jobs") == before + jobs
    assert set(wait_for(service, accepted, patience_s=300).values()) == {"succeeded"}
    service.check()
    figures.write()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_many_threads_with_one_key_make_one_job(service: Cluster) -> None:
    keys, threads = times(10, 100), times(10, 50)
    before = service.scalar("SELECT count(*) FROM jobs")
    figures = Figures("threads racing for one idempotency key", jobs=keys, injected=keys * threads)
    found: list[set[str]] = []
    with service.client() as client, ThreadPoolExecutor(threads) as pool:
        for number in range(keys):
            gate = threading.Barrier(threads)

            def once(_: int, number: int = number, gate: threading.Barrier = gate) -> str:
                gate.wait()
                return client.synthesize(
                    **script(number, slow=0), idempotency_key=f"race-{before}-{number}"
                ).id

            found.append(set(pool.map(once, range(threads))))
    assert [len(ids) for ids in found] == [1] * keys
    assert service.scalar("SELECT count(*) FROM jobs") == before + keys
    wait_for(service, [job_id for ids in found for job_id in ids])
    service.check()
    figures.write()


def test_migrating_again_under_load_disturbs_nobody(service: Cluster) -> None:
    figures = Figures("migration under load", injected=times(2, 20))
    accepted: list[str] = []
    with service.client(retries=0) as client:

        def submit_one() -> None:
            accepted.append(client.synthesize(**script(slow=0, lines=1)).id)
            time.sleep(0.1)  # a load that two cores can bear, not a wait for anything

        with meanwhile(submit_one):
            for _ in range(figures.injected):
                service.command("migrate")
        figures.jobs = len(accepted)
    wait_for(service, accepted, patience_s=600)
    service.check()
    figures.write()
