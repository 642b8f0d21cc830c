"""Workers that are killed, paused, or gone at the worst of moments."""

import signal

import pytest

from tests.faults.cluster import Cluster, Unit
from tests.faults.figures import FULL, Figures, times
from tests.faults.load import Assailant, submit, wait_for
from tests.faults.points import EXITS
from tests.faults.processes import Running

pytestmark = pytest.mark.timeout(1200)


def test_killed_workers_lose_nothing_and_bill_nothing_twice(service: Cluster) -> None:
    jobs, kills, masters = times(16, 200), times(4, 50), times(1, 10)
    figures = Figures("kill -9 of workers and masters", jobs=jobs, injected=kills + masters)
    accepted = submit(service, jobs)
    assailant = Assailant(service)
    for number in range(kills + masters):
        kills_master = number % (kills // masters + 1) == kills // masters
        assailant.strike(_kill_master if kills_master else _kill)
    ended = wait_for(service, accepted, patience_s=900)
    assailant.wait()
    assert set(ended.values()) == {"succeeded"}
    figures.takeovers = assailant.takeovers
    service.check()
    figures.write()


def _kill(_: Unit, worker: Running) -> None:
    worker.kill()


def _pause(_: Unit, worker: Running) -> None:
    worker.send(signal.SIGSTOP)


def _kill_master(unit: Unit, _: Running) -> None:
    unit.send(signal.SIGKILL)


def test_a_worker_that_slept_past_its_lease_writes_nothing(service: Cluster) -> None:
    pauses = times(3, 20)
    figures = Figures("pauses longer than the lease", jobs=pauses * 5, injected=pauses)
    refused = service.logged("stage_lost")
    accepted = submit(service, figures.jobs, slow=2)
    assailant = Assailant(service)
    for _ in range(pauses):
        paused = assailant.strike(_pause)
        try:
            assailant.wait()  # until somebody else has the work
        finally:
            paused.send(signal.SIGCONT)
    ended = wait_for(service, accepted, patience_s=600)
    assert set(ended.values()) == {"succeeded"}
    service.check()
    figures.takeovers = assailant.takeovers
    figures.late_refused = service.logged("stage_lost") - refused
    assert figures.late_refused > 0
    figures.write()


# Each by itself where there is the time; else all of them at once.
@pytest.mark.parametrize("points", [(name,) for name in EXITS] if FULL else [EXITS], ids="+".join)
def test_workers_that_end_at_named_points(points: tuple[str, ...], service: Cluster) -> None:
    exits = times(1, 20)
    for point in points:
        service.points.arm(point, most=exits)
    figures = Figures(f"exit {' '.join(points)}", jobs=times(6, 20))
    accepted = submit(service, figures.jobs, slow=0)
    ended = wait_for(service, accepted, patience_s=600)
    struck = {point: service.points.disarm(point) for point in points}
    figures.injected = sum(struck.values())
    assert set(ended.values()) == {"succeeded"}
    assert all(struck.values()), struck
    service.check()
    figures.write()
