"""Writers of one SQLite file, in one line.

SQLite lets a writer that finds the file locked sleep and try again, ever longer: under load some
wait for seconds while others pass. A lock in the process and one between processes wake the next
writer at once. They only order writers: what is correct rests on SQLite's own lock.
"""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class Turn:
    """A context manager: inside it, no other writer that asked for a turn is at work."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine = threading.Lock()
        self._descriptor: int | None = None

    def __enter__(self) -> None:
        self._mine.acquire()
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._mine.release()

    def close(self) -> None:
        """Give the lock file's descriptor back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
