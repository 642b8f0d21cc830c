"""A worker: says every few seconds that it is here, and does what is due, one thing at a time."""

import threading
import time
from contextlib import suppress

from voicereel.domain.errors import Unavailable
from voicereel.telemetry import log
from workers.pulse import Stopping
from workers.runner import Runner

ADVERTISE_S = 10.0
# A broker's message is held no longer than this for one stage run after another.
_DRAIN_S = 60.0
# With a broker: how often a worker looks for itself, should wake-ups be lost.
LOOK_S = 2.0


class Worker:
    """Shared by whoever wakes it; only one of them works at a time."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._busy = threading.Lock()
        self._advertiser = threading.Thread(target=self._advertise, name="advertise", daemon=True)

    def start(self) -> None:
        """Load the engines and offer them; asked to stop meanwhile, it does neither."""
        with suppress(Stopping):
            self.runner.engines.warm(watch=self._check)
        self._advertiser.start()

    def _check(self) -> None:
        if self.runner.stopping.is_set():
            raise Stopping

    def stop(self) -> None:
        """Give back what is being done, and stop offering. Blocks until both are done."""
        self.runner.stopping.set()
        self._advertiser.join(timeout=ADVERTISE_S)
        with self._busy:
            self.runner.engines.close()
        try:
            self.runner.work.withdraw(self.runner.worker_id)
        except Unavailable as error:
            log().warning("withdraw_failed", code=error.code)

    def drain(self, *, wait: bool) -> bool:
        """Run what is due, for a minute or until nothing is; whether there was anything.

        With ``wait`` False it is left to whoever is at it already.
        """
        if not self._busy.acquire(blocking=wait):
            return False
        try:
            began, found = time.monotonic(), False
            while self._may_go_on() and self._run_one():
                found = True
                if time.monotonic() - began > _DRAIN_S:
                    break
            return found
        finally:
            self._busy.release()

    def work(self, every_s: float) -> None:
        """Begin, and look for work until asked to stop."""
        self.start()
        # A worker nobody hears of gets no work: without its advertiser it ends, to be started again.
        while self._may_go_on() and self._advertiser.is_alive():
            if not self.drain(wait=True):
                self.runner.stopping.wait(every_s)

    def _may_go_on(self) -> bool:
        return not self.runner.stopping.is_set()

    def _run_one(self) -> bool:
        try:
            return self.runner.run_one()
        except Unavailable as error:
            log().warning("claim_failed", code=error.code)
        except Exception as error:  # noqa: BLE001 - whoever looks for work must go on looking
            log().error("claim_crashed", exc_info=error)
        return False

    def _advertise(self) -> None:
        runner = self.runner
        while True:
            try:
                infos = runner.engines.infos()
                runner.work.advertise(runner.worker_id, pool=runner.pool, infos=infos)
            except Unavailable as error:
                log().warning("advertise_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - a worker nobody hears of gets no work
                log().error("advertise_crashed", exc_info=error)
            if runner.stopping.wait(ADVERTISE_S):
                return
