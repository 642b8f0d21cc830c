"""RabbitMQ stopped, killed, emptied, flooded and out of memory: it costs latency and nothing else."""

import random

import pytest

from tests.faults.cluster import Cluster, eventually
from tests.faults.figures import TIMEOUT_S, Figures, times
from tests.faults.load import script, submit, wait_for
from tests.faults.servers import Server
from voicereel.adapters.wakeups import RabbitmqWakeups

pytestmark = pytest.mark.timeout(TIMEOUT_S)


def submit_at_once(cluster: Cluster, count: int) -> list[str]:
    """Each with one try: whatever the broker does is no reason to refuse."""
    with cluster.client(retries=0) as client:
        return [client.synthesize(**script(number, slow=0)).id for number in range(count)]


def purge(rabbit: Server) -> None:
    queues = rabbit.run("ctl", "-q", "list_queues", "--no-table-headers", "name").split()
    for queue in queues:
        rabbit.run("ctl", "-q", "purge_queue", queue)


def test_a_broker_that_is_stopped_killed_and_emptied_refuses_no_job(service: Cluster, rabbit: Server) -> None:
    each = times(5, 50)
    figures = Figures("broker stopped, killed, emptied", jobs=5 * each, injected=3)
    rabbit.stop()
    accepted = submit_at_once(service, each)
    rabbit.start()
    accepted += submit_at_once(service, each)
    rabbit.kill()
    accepted += submit_at_once(service, each)
    rabbit.start()
    accepted += submit_at_once(service, each)
    purge(rabbit)
    accepted += submit_at_once(service, each)
    assert set(wait_for(service, accepted).values()) == {"succeeded"}
    service.check()
    figures.write()


def test_a_broker_without_memory_holds_nothing_up(service: Cluster, rabbit: Server) -> None:
    figures = Figures("broker memory alarm", jobs=times(5, 100), injected=1)
    rabbit.run("ctl", "-q", "set_vm_memory_high_watermark", "0.000001")
    try:
        accepted = submit_at_once(service, figures.jobs)
        assert set(wait_for(service, accepted).values()) == {"succeeded"}
    finally:
        rabbit.run("ctl", "-q", "set_vm_memory_high_watermark", "0.4")
    service.check()
    figures.write()


def test_five_times_the_wakeups_in_any_order_run_nothing_twice(service: Cluster, rabbit: Server) -> None:
    figures = Figures("every message five times, shuffled", jobs=times(20, 200))
    flood = RabbitmqWakeups(f"{rabbit.url}?heartbeat=60", prefix=f"faults-{service.mark}")
    dice, due = random.Random(5), []
    accepted = []
    for _ in range(times(2, 10)):
        accepted += submit(service, figures.jobs // times(2, 10), slow=0)
        due += ["cpu"] * 5 * 5 * (figures.jobs // times(2, 10))
        count = dice.randrange(len(due))
        flood.wake(due[:count])
        del due[:count]
    flood.wake(due)
    figures.injected = figures.jobs * 25
    assert set(wait_for(service, accepted).values()) == {"succeeded"}
    quoted = ", ".join(f"'{job_id}'" for job_id in accepted)
    runs = service.rows(f"SELECT max(fence), max(attempt) FROM stage_runs WHERE job_id IN ({quoted})")
    assert runs == [(1, 1)]
    eventually(lambda: _is_empty(rabbit), what="the queue's end")
    service.check()
    figures.write()


def _is_empty(rabbit: Server) -> bool:
    return set(rabbit.run("ctl", "-q", "list_queues", "--no-table-headers", "messages").split()) <= {"0"}
