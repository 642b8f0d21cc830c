"""What the suite asks a cluster to do, and what it does to it meanwhile."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.cluster import Cluster, Unit, eventually
from tests.faults.processes import Running

SPEAKER = "stock:fake/a"


def script(number: int = 0, *, slow: int = 1, lines: int = 2, text: str = "") -> dict[str, Any]:
    """Lines that take ``slow`` x 0.2 s each to speak."""
    words = text or f"{'SLOW ' * slow}number {number}"
    return {
        "lines": [{"speaker": SPEAKER, "text": f"{words} {line}"} for line in range(lines)],
        "output": {"formats": ["wav"]},
    }


def submit(cluster: Cluster, count: int, *, threads: int = 4, slow: int = 1) -> list[str]:
    """So many jobs by a client that tries again; every one must be accepted."""
    with cluster.client() as client, ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda n: client.synthesize(**script(n, slow=slow)).id, range(count)))


def wait_for(cluster: Cluster, job_ids: Sequence[str], *, patience_s: float = 120.0) -> dict[str, str]:
    """The status in which each of the jobs has ended."""
    quoted = ", ".join(f"'{job_id}'" for job_id in job_ids)
    query = f"SELECT id, status FROM jobs WHERE id IN ({quoted})"

    def ended() -> dict[str, str] | None:
        found: dict[str, str] = dict(cluster.rows(query))  # type: ignore[arg-type]
        return None if set(found.values()) & {"queued", "running"} else found

    try:
        eventually(ended, patience_s=patience_s, what=f"the end of {len(job_ids)} jobs")
    except AssertionError as error:
        raise AssertionError(f"{error}: {cluster.statuses()}; {cluster.unfinished()}") from None
    return ended() or {}


@dataclass
class Assailant:
    """Kills or pauses whoever holds a stage run; how long until another has it is measured."""

    cluster: Cluster
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    takeovers: list[float] = field(default_factory=list)
    _open: list[tuple[float, int, int]] = field(default_factory=list)

    def victim(self) -> tuple[Unit, Running, int, int] | None:
        """A worker that is at something just now: its unit, its process, the stage run and fence."""
        # One that has been hit twice is spared: that a job which kills all its workers ends is another test.
        held = self.cluster.rows(
            "SELECT id, fence, worker_id FROM stage_runs WHERE status = 'running' AND attempt <= 2"
        )
        self.dice.shuffle(held)
        for run_id, fence, worker_id in held:
            name, _, pid = worker_id.rpartition(".")
            unit = self.cluster.units.get(name)
            process = next((each for each in unit.workers() if each.pid == int(pid)), None) if unit else None
            if unit and process:
                return unit, process, run_id, fence
        return None

    def strike(self, do: Callable[[Unit, Running], None], *, patience_s: float = 60.0) -> Running:
        """Wait for somebody who works, and do it to them; who it was."""
        found: list[tuple[Unit, Running, int, int]] = []

        def somebody() -> bool:
            self.look()
            victim = self.victim()
            if victim:
                found.append(victim)
            return bool(victim)

        eventually(somebody, patience_s=patience_s, what="work to interrupt")
        unit, process, run_id, fence = found[0]
        do(unit, process)
        self._open.append((time.monotonic(), run_id, fence))
        return process

    def look(self) -> None:
        """Note what has been taken over, or has ended, since."""
        for began, run_id, fence in list(self._open):
            now = self.cluster.rows("SELECT fence, status FROM stage_runs WHERE id = :id", id=run_id)
            if now and (now[0][0] > fence or now[0][1] == "succeeded"):
                if now[0][0] > fence:
                    self.takeovers.append(time.monotonic() - began)
                self._open.remove((began, run_id, fence))

    def wait(self) -> None:
        def nothing_open() -> bool:
            self.look()
            return not self._open

        eventually(nothing_open, what="taking over")


@contextmanager
def meanwhile(do: Callable[[], object]) -> Iterator[None]:
    """Something done again and again, in a thread, while the block runs; its failure fails the test."""
    over, failures = threading.Event(), []

    def repeat() -> None:
        try:
            while not over.is_set():
                do()
        except Exception as error:  # noqa: BLE001 - raised again below, where the test sees it
            failures.append(error)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
