"""Every process restarted in turn, as a roll-out does, while customers ask and listen."""

import pytest

from tests.faults.cluster import Cluster, eventually
from tests.faults.figures import TIMEOUT_S, Figures, times
from tests.faults.load import followed, wait_for
from tests.faults.open_loop import OpenLoop, polling

pytestmark = pytest.mark.timeout(TIMEOUT_S)

RATE, SUBMITTED_EACH, SUBMITTED = times(20, 300), times(10, 60), times(20, 400)


def test_rolling_restarts_lose_neither_jobs_nor_events(service: Cluster) -> None:
    figures = Figures("rolling restarts under load")
    load = OpenLoop(service.port, service.key, RATE)
    with (
        followed(service, times(6, 50)) as streams,
        load.running(polling(streams, each=SUBMITTED_EACH, most=SUBMITTED)),
    ):
        for name in ("api", "dispatcher", *(unit.name for unit in service.workers()), "api"):
            service.units[name].restart()
            figures.injected += 1
            wanted = load.replies + 3 * SUBMITTED_EACH
            eventually(lambda wanted=wanted: load.replies >= wanted, what="replies after a restart")
            eventually(service.is_up, what="the cluster's recovery")
    assert set(load.statuses) == {200, 202}, load.statuses
    assert len(set(load.accepted)) == len(load.accepted)
    figures.jobs, figures.note = len(load.accepted) + len(streams), load.note
    assert set(wait_for(service, [*load.accepted, *streams]).values()) == {"succeeded"}
    service.check()
    figures.write()
