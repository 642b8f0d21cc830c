"""The heartbeat of one stage run: on its own thread and connection, never the rendering one's."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from voicereel.domain.errors import LeaseLost, StageFailed, Unavailable
from voicereel.domain.job import Claim
from voicereel.services.work import WorkService
from voicereel.telemetry import log


class Stopping(Exception):
    """This worker was asked to stop: give the stage run back, uncounted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often to beat, and when to stop believing in one's own lease (seconds)."""

    heartbeat_s: float
    lease_s: float
    limit_s: float
    grace_s: float = 10.0

    @property
    def fenced_after_s(self) -> float:
        """Without a good beat for this long the render is stopped, database or not."""
        return self.lease_s * 0.75


class LeasePulse:
    """Beats while a stage runs; `progress` and `check` raise as soon as the stage must not go on."""

    def __init__(
        self,
        work: WorkService,
        claim: Claim,
        *,
        rhythm: Rhythm,
        stopping: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
        die: Callable[[int], object] = os._exit,
    ) -> None:
        self._work, self._claim, self._rhythm = work, claim, rhythm
        self._stopping, self._monotonic, self._die = stopping, monotonic, die
        self._share = 0.0
        self._refused = False
        self._started = self._last_good = monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "LeasePulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def progress(self, share: float) -> None:
        """Note how far the stage is, and `check`."""
        self._share = share
        self.check()

    def check(self) -> None:
        """Raises `LeaseLost`, `StageFailed` (too long) or `Stopping` where the stage must not go on.

        Looks at the clock itself: a heartbeat that hangs, or has died, cannot keep a render going.
        """
        error = self._reason_to_stop()
        if error is not None:
            raise error
        if self._stopping.is_set():
            raise Stopping

    def _reason_to_stop(self) -> LeaseLost | StageFailed | None:
        now = self._monotonic()
        if self._refused:
            return LeaseLost("Another worker owns this stage run now.")
        if now - self._last_good > self._rhythm.fenced_after_s:
            return LeaseLost("The lease could not be extended in time.")
        if now - self._started > self._rhythm.limit_s:
            return StageFailed("The stage took too long.", code="stage_timeout", retryable=True)
        return None

    def _run(self) -> None:
        while not self._over.wait(self._rhythm.heartbeat_s):
            self._beat()
            if self._reason_to_stop() is not None:
                self._end_if_stuck()
                return

    def _beat(self) -> None:
        """One beat; a good one counts from before it was sent, for that is when the lease began."""
        sent = self._monotonic()
        try:
            if self._work.heartbeat(self._claim, progress=min(self._share, 1.0)):
                self._last_good = sent
            else:
                self._refused = True
        except Unavailable as error:
            log().info("heartbeat_failed", code=error.code)

    def _end_if_stuck(self) -> None:
        """Native code hears no exception: a render that does not stop takes its worker along.

        The last resort, for code that hangs in the worker itself: an engine has a process of its own,
        and waiting for that ends with `check`.
        """
        if not self._over.wait(self._rhythm.grace_s):
            log().error("stage_stuck", stage=self._claim.stage, job_id=self._claim.job_id)
            self._die(70)
