"""Steady work for as long as `VOICEREEL_SOAK_S` says: what the processes hold must not grow. `make soak`."""

import os
import time
from pathlib import Path

import pytest

from tests.faults.cluster import Cluster
from tests.faults.figures import Figures
from tests.faults.load import submit, wait_for
from tests.faults.processes import marked

pytestmark = pytest.mark.timeout(7200)

SECONDS = float(os.environ.get("VOICEREEL_SOAK_S") or 0)


@pytest.mark.skipif(not SECONDS, reason="only where VOICEREEL_SOAK_S says for how long")
def test_nothing_grows(service: Cluster) -> None:
    figures = Figures("soak")
    held: list[tuple[int, int, int]] = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until or len(held) < 4:
        ended = wait_for(service, submit(service, 40, slow=0))
        assert set(ended.values()) == {"succeeded"}
        figures.jobs += len(ended)
        held.append(_held(service))
    # The first rounds fill pools and caches.
    settled, last = held[len(held) // 4], held[-1]
    figures.note = f"{SECONDS:.0f} s; memory MiB, descriptors, connections: {settled} then {last}"
    figures.write()
    assert last[0] <= settled[0] * 1.25
    assert last[1] <= settled[1] * 1.25 + 20
    assert last[2] <= settled[2] + 12


def _held(cluster: Cluster) -> tuple[int, int, int]:
    """Memory in MiB and open descriptors of all processes together, and connections to the database."""
    pids = [running.pid for running in marked(cluster.mark)]
    memory = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    connections = cluster.scalar("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    return memory * os.sysconf("SC_PAGE_SIZE") >> 20, descriptors, connections
