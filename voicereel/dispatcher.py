"""The dispatcher: takes what commits left in the outbox to the broker, and sweeps.

Any number of them may run; rows are taken with SKIP LOCKED, and every step of a sweep is idempotent.
"""

import threading
from dataclasses import dataclass, field

from voicereel.bootstrap import Services
from voicereel.domain.errors import VoiceReelError
from voicereel.telemetry import log

_LOOK_S = 1.0
_PAUSE_S = 0.5
_GRACE_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Two threads: a broker that hangs must not keep lost work from being found."""

    services: Services
    sweep_s: float
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Blocks until `stopping` is set, or one of the threads has died."""
        threads = [
            threading.Thread(target=target, name=target.__name__, daemon=True)
            for target in (self.relay, self.sweep)
        ]
        for thread in threads:
            thread.start()
        while not self.stopping.wait(_PAUSE_S):
            if not all(thread.is_alive() for thread in threads):
                self.stopping.set()
        for thread in threads:
            thread.join(_GRACE_S)

    def relay(self) -> None:
        """Dispatch when told to, and once a second all the same."""
        listener = self.services.listen("outbox")
        try:
            while not self.stopping.is_set():
                self._dispatch()
                listener.wait(_LOOK_S)
        finally:
            listener.close()

    def _dispatch(self) -> None:
        try:
            self.services.upkeep.dispatch()
        except VoiceReelError as error:
            log().warning("dispatch_failed", code=error.code)
            self.stopping.wait(_LOOK_S)

    def sweep(self) -> None:
        while not self.stopping.wait(self.sweep_s):
            try:
                self.services.upkeep.sweep()
            except VoiceReelError as error:
                log().warning("sweep_failed", code=error.code)
