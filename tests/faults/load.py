"""What the suite asks a cluster to do."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from tests.faults.cluster import PATIENCE_S, Cluster, eventually
from tests.faults.figures import TIMEOUT_S
from voicereel_client import VoiceReelError

SPEAKER = "stock:fake/a"
_LOOK_S = 0.25


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


def wait_for(cluster: Cluster, job_ids: Sequence[str], *, patience_s: float = PATIENCE_S) -> dict[str, str]:
    """The status in which each of the jobs has ended. Patience is for as long as nothing at all goes on."""
    quoted = ", ".join(f"'{job_id}'" for job_id in job_ids)
    query = f"SELECT id, status FROM jobs WHERE id IN ({quoted})"
    moved, deadline = None, time.monotonic() + patience_s
    while True:
        found: dict[str, str] = dict(cluster.rows(query))  # type: ignore[arg-type]
        left = sum(status in ("queued", "running") for status in found.values())
        if not left:
            return found
        before, moved = moved, cluster.scalar("SELECT count(*) FROM stage_runs WHERE finished_at IS NOT NULL")
        if moved != before:
            deadline = time.monotonic() + patience_s
        told = f"{left} jobs do not end"
        assert time.monotonic() < deadline, f"{told}: {cluster.statuses()}; {cluster.unfinished()}"
        time.sleep(_LOOK_S)


@contextmanager
def followed(cluster: Cluster, streams: int, *, key: str = "") -> Iterator[list[str]]:
    """New jobs, each with an event stream beside the block; every stream hears all, once, in order."""
    heard: dict[str, list[int | None]] = {}
    over = time.monotonic() + TIMEOUT_S
    with cluster.client(key=key) as client, ThreadPoolExecutor(streams or 1) as pool:

        def follow(number: int) -> None:
            job_id = client.synthesize(**script(number, slow=2, lines=3)).id
            numbers = heard[job_id] = []
            while time.monotonic() < over:
                # It resumes by itself over a restart; over one that takes long we do.
                with suppress(VoiceReelError):
                    last = numbers[-1] if numbers else None
                    for event in client.jobs.events(job_id, last_event_id=last):
                        numbers.append(event.id)
                    return

        listening = [pool.submit(follow, number) for number in range(streams)]
        eventually(lambda: len(heard) == streams, what="all streams", patience_s=TIMEOUT_S)
        yield list(heard)
        for each in listening:
            each.result()
    for job_id, numbers in heard.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"{job_id}: {numbers}"
        assert len(numbers) == cluster.scalar("SELECT count(*) FROM events WHERE job_id = :id", id=job_id)


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
