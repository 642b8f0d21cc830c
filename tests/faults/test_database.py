"""PostgreSQL restarted, cut off, asked the same by many at once, and migrated under load."""

import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.cluster import Cluster, cluster, eventually
from tests.faults.conftest import new_database
from tests.faults.figures import TIMEOUT_S, Figures, times
from tests.faults.first_version import FirstVersion, first_version
from tests.faults.load import meanwhile, script, submit, wait_for
from tests.faults.open_loop import OpenLoop, polling
from tests.faults.proxy import CuttingProxy
from tests.faults.servers import Server
from voicereel.adapters.database.migrate import newest
from voicereel_client import APIConnectionError, ServerError

pytestmark = pytest.mark.timeout(TIMEOUT_S)


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
    assert set(wait_for(service, accepted).values()) == {"succeeded"}
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
    assert set(wait_for(service, accepted).values()) == {"succeeded"}
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
    load = OpenLoop(service.port, service.key, times(10, 50))
    known = submit(service, 4, slow=0)
    with load.running(polling(known, each=times(2, 10), most=times(20, 200))):
        for _ in range(figures.injected):
            service.command("migrate")
    assert set(load.statuses) == {200, 202}, load.statuses
    ended = wait_for(service, [*known, *load.accepted])
    assert set(ended.values()) == {"succeeded"}
    figures.jobs, figures.note = len(ended), load.note
    service.check()
    figures.write()


def test_a_database_of_the_first_version_is_migrated_while_that_version_serves(
    postgres: Server, rabbit: Server, tmp_path: Path
) -> None:
    """As in a roll-out: the new version starts and waits, the old one accepts all the time, many migrate."""
    figures = Figures("migration from 0001 under load", injected=times(4, 20))
    store = f"file:{tmp_path / 'artifacts'}"
    with new_database(postgres) as model, new_database(postgres) as url:
        first = first_version(tmp_path, model=model, url=url, store=store, most=times(20, 100))
        with cluster(
            tmp_path, database_url=url, broker_url=rabbit.url, store=store, machines=1, key=first.key
        ) as found:
            accepted = _migrate_beside(found, first, figures.injected)
            ended = wait_for(found, [*first.unfinished, *first.accepted, *accepted])
            assert set(ended.values()) == {"succeeded"}
            assert found.scalar("SELECT count(*) FROM jobs") == len(ended) + len(first.done)
            assert found.rows("SELECT version_num FROM alembic_version") == [(newest(),)]
            found.check(before_prices=first.done)
    figures.jobs, figures.note = len(ended), f"{first.refused} refused once by the version before"
    figures.write()


def _migrate_beside(found: Cluster, first: FirstVersion, processes: int) -> list[str]:
    """The jobs that the new version has accepted; none of them before the schema was there."""
    accepted: list[str] = []
    with found.client(retries=0) as client:

        def submit_one() -> None:
            with suppress(APIConnectionError, ServerError):  # tried again, with the same key
                key = f"new-{len(accepted)}"
                accepted.append(client.synthesize(**script(slow=0, lines=1), idempotency_key=key).id)
            time.sleep(0.5)  # a load that two cores can bear, not a wait for anything

        eventually(lambda: _status(found, "/livez") == 200, what="an API before the migration")
        assert _status(found, "/readyz") == 503
        with meanwhile(first.go_on), meanwhile(submit_one), ThreadPoolExecutor(processes) as pool:
            eventually(lambda: len(first.accepted) >= 10, what="jobs of the version before")
            assert accepted == []
            for each in [pool.submit(found.command, "migrate", check=False) for _ in range(processes)]:
                reply = each.result()
                assert reply.returncode == 0 or "nothing was changed" in reply.stderr, reply
            eventually(lambda: found.command("migrate", check=False).returncode == 0, what="a migration")
            eventually(found.is_up, what="readiness after the migration")
            first.most = len(first.accepted) + 5
            wanted = len(accepted) + 5
            eventually(lambda: len(accepted) >= wanted, what="jobs of the new version")
            eventually(lambda: len(first.accepted) == first.most, what="jobs of the version before")
    return accepted


def _status(cluster: Cluster, path: str) -> int:
    try:
        return int(urllib.request.urlopen(f"{cluster.url}{path}", timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
