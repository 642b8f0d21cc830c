"""Writers of one SQLite file, in one line.

SQLite lets a writer that finds the file locked sleep and try again, ever longer: under load some
wait for seconds while others pass. A lock in the process and one between processes let the next
writer in at once. They only order writers, so nobody waits for a turn for ever: what is correct
rests on SQLite's own lock.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_S = 5.0
_LOOK_AGAIN_S = 0.001


class Turns:
    """Hands out turns to the writers of the database that ``path`` belongs to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Inside, no other writer that asked for a turn is at work, if it came within five seconds."""
        deadline = time.monotonic() + _PATIENCE_S
        mine = self._mine.acquire(timeout=_PATIENCE_S)
        locked = mine and self._lock(deadline)
        try:
            yield
        finally:
            if locked and self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            if mine:
                self._mine.release()

    def _lock(self, deadline: float) -> bool:
        """Take the lock between processes; False where it does not come in time, or cannot be had."""
        while time.monotonic() < deadline:
            try:
                if self._descriptor is None:
                    self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOOK_AGAIN_S)
            except OSError:
                return False
            else:
                return True
        return False

    def close(self) -> None:
        """Give the lock file's descriptor back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
