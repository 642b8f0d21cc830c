"""Child processes: started by their command, started again when they die, stopped together."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from voicereel.telemetry import log

# How often children are looked after.
TICK_S = 0.1
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_PR_SET_PDEATHSIG = 1
# Loaded here, for there is little that may be done between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class Child:
    """One child process and how to start it again."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    not_before: float = 0.0
    backoff_s: float = _FIRST_BACKOFF_S
    started: float = field(default=0.0)

    def keep_alive(self, now: float) -> bool:
        """Start the process if it is not running; True when it was found dead.

        One that keeps dying is given ever more time.
        """
        died = self.process is not None and self.process.poll() is not None
        if died:
            self._note_death(now)
        if self.process is None and now >= self.not_before:
            self._start(now)
        return died

    def _note_death(self, now: float) -> None:
        code = self.process.returncode if self.process else None
        log().warning("child_died", child=self.name, code=code)
        self._wait_longer(now)

    def _wait_longer(self, now: float) -> None:
        lived = now - self.started > _LONGEST_BACKOFF_S
        self.backoff_s = _FIRST_BACKOFF_S if lived else min(self.backoff_s * 2, _LONGEST_BACKOFF_S)
        self.not_before, self.process = now + self.backoff_s, None

    def _start(self, now: float) -> None:
        self.started = now
        try:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                pass_fds=self.descriptors,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:  # no memory, no process left: the same as a death
            log().warning("child_not_started", child=self.name, error=type(error).__name__)
            self._wait_longer(now)

    def signal(self, number: int) -> None:
        """Signal the child, if it still lives; SIGKILL goes to all of its process group.

        To be asked to stop twice is to be told to hurry: a master asks its own processes itself.
        """
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGKILL else os.kill)(self.process.pid, number)


def stop(children: Sequence[Child], *, within_s: float) -> None:
    """Ask every child to stop; make those that have not after a while."""
    for child in children:
        child.signal(signal.SIGTERM)
    deadline = time.monotonic() + within_s
    for child in children:
        if child.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        child.signal(signal.SIGKILL)
        if child.process is not None:
            child.process.wait()


def keep_running(children: Sequence[Child], *, asked: Callable[[], object], within_s: float) -> bool:
    """Start children again as they die, until ``asked`` to stop; False when none of them lives.

    Then something is wrong with all of them, which whoever started us should see. None is left behind.
    """
    try:
        while not asked():
            for child in children:
                child.keep_alive(time.monotonic())
            if all(child.process is None for child in children):
                return False
            time.sleep(TICK_S)
        return True
    finally:
        stop(children, within_s=within_s)


def _die_with_parent() -> None:
    """Linux only: a supervisor that is killed takes its children along."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
