"""Kills or pauses whoever is at work, and watches how long until somebody else has it."""

import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.cluster import PATIENCE_S, Cluster, Unit, eventually
from tests.faults.load import meanwhile, submit
from tests.faults.processes import Running

_STOPPED = "T"
_LOOK_S = 0.1
# Whether a run may be claimed, by the database's clock as all leases are.
_DUE = """SELECT id, fence, status,
    coalesce(CASE status WHEN 'running' THEN lease_until < clock_timestamp()
                         WHEN 'queued' THEN next_run_at <= clock_timestamp() END, false)
    FROM stage_runs WHERE id = :id"""


@dataclass
class Strike:
    """One stage run whose worker was hit. Moments are of the monotonic clock."""

    run_id: int
    fence: int
    began: float
    due: float | None = None
    taken: float | None = None
    over: bool = False


@dataclass
class Assailant:
    """Hits a worker only while another lives: without one there would be nobody to take over."""

    cluster: Cluster
    slow: int = 1
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    accepted: list[str] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)

    @contextmanager
    def at_large(self) -> Iterator[None]:
        """While the block runs, what has been hit is watched."""
        with meanwhile(self._watch):
            yield

    def strike(self, do: Callable[[Unit, Running], None], *, patience_s: float = PATIENCE_S) -> Running:
        """Wait for somebody who works, and do it to them; who it was. There is always work."""
        found: list[tuple[Unit, Running, Strike]] = []

        def somebody() -> bool:
            if sum(self.cluster.statuses()[status] for status in ("queued", "running")) < 4:
                self.accepted += submit(self.cluster, 4, slow=self.slow)
            found.extend(self._victims())
            return bool(found)

        eventually(somebody, patience_s=patience_s, what="work to interrupt")
        unit, process, strike = found[0]
        do(unit, process)
        strike.began = time.monotonic()
        self.strikes.append(strike)
        return process

    def wait(self) -> None:
        """Until all that was hit is in other hands, or was done before it was hit."""
        eventually(lambda: all(strike.over for strike in self.strikes), what="taking over")

    @property
    def takeovers(self) -> list[float]:
        return [strike.taken - strike.began for strike in self.strikes if strike.taken is not None]

    @property
    def note(self) -> str:
        """How much of it was waiting for a worker that is free, when the run could be claimed already."""
        found = [each.taken - (each.due or each.taken) for each in self.strikes if each.taken is not None]
        if not found:
            return ""
        median, most = statistics.median(found), max(found)
        return f"of it due and waiting for a free worker: p50 {median:.2f}, max {most:.2f}"

    def _victims(self) -> list[tuple[Unit, Running, Strike]]:
        """Who is at something just now while somebody else lives."""
        living = self._living()
        # A run that has been hit twice is spared: that a job which kills all its workers ends is another
        # test.
        held = self.cluster.rows(
            "SELECT id, fence, worker_id FROM stage_runs WHERE status = 'running' AND attempt <= 2"
        )
        self.dice.shuffle(held)
        return [
            (*living[worker_id], Strike(run_id, fence, 0.0))
            for run_id, fence, worker_id in held
            if worker_id in living and any(living[each][0] is not living[worker_id][0] for each in living)
        ]

    def _living(self) -> dict[str, tuple[Unit, Running]]:
        """Every worker that runs and has said so, by its name."""
        known = {row[0] for row in self.cluster.rows("SELECT DISTINCT worker_id FROM engine_adverts")}
        found = {
            f"{unit.name}.{process.pid}": (unit, process)
            for unit in self.cluster.workers()
            for process in unit.workers()
            if process.state != _STOPPED
        }
        return {name: who for name, who in found.items() if name in known}

    def _watch(self) -> None:
        for strike in list(self.strikes):
            if not strike.over:
                self._look(strike)
        time.sleep(_LOOK_S)

    def _look(self, strike: Strike) -> None:
        ((_, fence, status, is_due),) = self.cluster.rows(_DUE, id=strike.run_id)
        now = time.monotonic()
        if fence > strike.fence:
            strike.taken, strike.over = now, True
        elif status not in ("queued", "running"):
            strike.over = True  # it had been done already
        elif not is_due:
            strike.due = None
        elif strike.due is None:
            strike.due = now


def kill(_: Unit, worker: Running) -> None:
    worker.kill()


def kill_master(unit: Unit, _: Running) -> None:
    unit.send(signal.SIGKILL)


def pause(_: Unit, worker: Running) -> None:
    worker.send(signal.SIGSTOP)
