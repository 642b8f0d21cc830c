"""Work without a broker: look for due stage runs, and say every few seconds that we are here."""

import threading

from voicereel.domain.errors import Unavailable
from voicereel.telemetry import log
from workers.runner import Runner

ADVERTISE_S = 10.0


class Poller:
    """Runs what is due until asked to stop."""

    def __init__(self, runner: Runner, *, poll_s: float) -> None:
        self._runner = runner
        self._poll_s = poll_s

    def run(self) -> None:
        """Blocks until `Runner.stopping` is set; between two runs it waits one poll interval."""
        advertiser = threading.Thread(target=self._advertise, name="advertise", daemon=True)
        advertiser.start()
        # A worker nobody hears of gets no work: without its advertiser it ends, to be started again.
        while advertiser.is_alive() and not self._runner.stopping.is_set():
            if not self._run_one():
                self._runner.stopping.wait(self._poll_s)
        self._runner.stopping.set()
        advertiser.join(timeout=ADVERTISE_S)
        self._withdraw()

    def _run_one(self) -> bool:
        try:
            return self._runner.run_one()
        except Unavailable as error:
            log().warning("claim_failed", code=error.code)
            return False

    def _advertise(self) -> None:
        runner = self._runner
        infos = runner.engines.infos()
        while True:
            try:
                runner.work.advertise(runner.worker_id, pool=runner.pool, infos=infos)
            except Unavailable as error:
                log().warning("advertise_failed", code=error.code)
            if runner.stopping.wait(ADVERTISE_S):
                return

    def _withdraw(self) -> None:
        try:
            self._runner.work.withdraw(self._runner.worker_id)
        except Unavailable as error:
            log().warning("withdraw_failed", code=error.code)
