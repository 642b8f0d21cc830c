"""Workers that are killed, paused, or gone at the worst of moments."""

import signal

import pytest

from tests.faults.assailant import Assailant, kill, kill_master, pause
from tests.faults.cluster import Cluster
from tests.faults.figures import FULL, TIMEOUT_S, Figures, times
from tests.faults.load import submit, wait_for
from tests.faults.points import EXITS

pytestmark = pytest.mark.timeout(TIMEOUT_S)


def test_killed_workers_lose_nothing_and_bill_nothing_twice(service: Cluster) -> None:
    jobs, kills, masters = times(16, 200), times(4, 50), times(1, 10)
    figures = Figures("kill -9 of workers and masters", injected=kills + masters)
    assailant = Assailant(service, accepted=submit(service, jobs))
    with assailant.at_large():
        for number in range(kills + masters):
            kills_master = number % (kills // masters + 1) == kills // masters
            assailant.strike(kill_master if kills_master else kill)
        assailant.wait()
    ended = wait_for(service, assailant.accepted)
    assert set(ended.values()) == {"succeeded"}
    figures.jobs, figures.takeovers, figures.note = len(ended), assailant.takeovers, assailant.note
    service.check()
    figures.write()


def test_a_worker_that_slept_past_its_lease_writes_nothing(service: Cluster) -> None:
    pauses = times(3, 20)
    figures = Figures("pauses longer than the lease", injected=pauses)
    refused = service.logged("stage_lost")
    assailant = Assailant(service, slow=2, accepted=submit(service, pauses * 5, slow=2))
    with assailant.at_large():
        for _ in range(pauses):
            paused = assailant.strike(pause)
            try:
                assailant.wait()  # until somebody else has the work
            finally:
                paused.send(signal.SIGCONT)
    ended = wait_for(service, assailant.accepted)
    assert set(ended.values()) == {"succeeded"}
    service.check()
    figures.jobs, figures.takeovers, figures.note = len(ended), assailant.takeovers, assailant.note
    figures.late_refused = service.logged("stage_lost") - refused
    assert figures.late_refused > 0
    figures.write()


# Each by itself where there is the time; else all of them at once.
@pytest.mark.parametrize("points", [(name,) for name in EXITS] if FULL else [EXITS], ids="+".join)
def test_workers_that_end_at_named_points(points: tuple[str, ...], service: Cluster) -> None:
    exits = times(1, 20)
    for point in points:
        service.points.arm(point, most=exits)
    figures = Figures(f"exit {' '.join(points)}")
    accepted = submit(service, times(6, 20), slow=0)
    ended = wait_for(service, accepted)
    while any(service.points.hits(point) < exits for point in points):
        accepted += submit(service, 2, slow=0)
        ended = wait_for(service, accepted)
    figures.jobs, figures.injected = len(ended), sum(service.points.disarm(point) for point in points)
    assert figures.injected == exits * len(points)
    assert set(ended.values()) == {"succeeded"}
    service.check()
    figures.write()
