"""The dispatcher: takes what commits left in the outbox to the broker, and sweeps.

Any number of them may run; rows are taken with SKIP LOCKED, and every step of a sweep is idempotent.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from voicereel.bootstrap import Services
from voicereel.domain.errors import VoiceReelError
from voicereel.telemetry import log

_LOOK_S = 1.0
_PAUSE_S = 0.2
_GRACE_S = 15.0


@dataclass(kw_only=True)
class Dispatcher:
    """Two threads: a broker that hangs must not keep lost work from being found."""

    services: Services
    sweep_s: float
    _stopping: threading.Event = field(default_factory=threading.Event)
    _asked: bool = False

    def stop(self, *_: object) -> None:
        """Ask `run` to end; safe in a signal handler, where no lock may be taken."""
        self._asked = True

    def run(self) -> None:
        """Blocks until `stop` is called."""
        threads = [
            threading.Thread(target=target, name=target.__name__, daemon=True)
            for target in (self.relay, self.sweep)
        ]
        for thread in threads:
            thread.start()
        while not self._asked and all(thread.is_alive() for thread in threads):
            time.sleep(_PAUSE_S)
        self._stopping.set()
        for thread in threads:
            thread.join(_GRACE_S)

    def relay(self) -> None:
        """Dispatch when told to, and once a second all the same."""
        listener = self.services.listen("outbox")
        try:
            while not self._stopping.is_set():
                if not _done(self.services.upkeep.dispatch):
                    self._stopping.wait(_LOOK_S)
                listener.wait(_LOOK_S)
        finally:
            listener.close()

    def sweep(self) -> None:
        while not self._stopping.wait(self.sweep_s):
            _done(self.services.upkeep.sweep)


def _done(work: Callable[[], object]) -> bool:
    """Whether it could be done. What cannot be now is logged, and tried again."""
    try:
        work()
    except VoiceReelError as error:
        log().warning("upkeep_failed", code=error.code)
    except Exception as error:  # noqa: BLE001 - a bug in one step must not end all upkeep
        log().error("upkeep_crashed", exc_info=error)
    else:
        return True
    return False
