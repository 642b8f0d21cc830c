"""The folder in which the processes of one home keep their figures, so that any of them can tell all.

prometheus_client keeps the values of a process in memory-mapped files and sums those of all processes
when asked. Left to itself it names files by process id and keeps them for ever. Here:

- A process has an **identity** of its own: its id and a random part. A process id that comes again, or
  that another container uses too, is another identity.
- It holds a lock on `<identity>.alive` while it lives. The kernel gives the lock back however it ends,
  so that "dead" is known without asking for process ids, even between containers on one volume.
- The counters of the dead are **folded** into one `former` file of each kind, their gauges dropped: as
  many files as live processes, however many have come and gone, and counters that survive restarts.
- Files are allocated in full when they are made. A hole in one would be filled at a later write, and on
  a full disk such a write to mapped memory ends the process (SIGBUS).

Everything that makes or removes files holds the lock of the folder. A process killed in the instant
between the writing of a `former` file and the removal of what was folded counts that twice.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

GAUGE_MODE: Literal["livemostrecent"] = "livemostrecent"

_COUNTING = ("counter", "histogram")
_KINDS = (*_COUNTING, f"gauge_{GAUGE_MODE}")

# Room for all series that the labels in use can make; a series takes about 200 bytes.
_FILE_BYTES = 256 * 1024


class Folder:
    """One folder of figures, as one process sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = 0
        self._identity = ""
        self._alive: IO[bytes] | None = None
        _make(path)

    def identity(self) -> str:
        """The name of this process, made when it first asks: after a fork, the child has its own.

        Holds no `_`: prometheus_client splits file names there. `OSError` where the disk is full.
        """
        if self._pid != os.getpid():
            self._register()
        return self._identity

    def collect(self) -> Sequence[Metric]:
        """The figures of all processes, living and dead."""
        with _locked(self.path):
            _fold(self.path)
            return list(MultiProcessCollector(None, path=str(self.path)).collect())

    def leave(self) -> None:
        """Count as dead from now on."""
        if self._alive is not None:
            self._alive.close()
        self._pid, self._alive = 0, None

    def _register(self) -> None:
        pid = os.getpid()
        identity = f"{pid}-{secrets.token_hex(4)}"
        with _locked(self.path):
            for kind in _KINDS:
                _allocate(self.path / f"{kind}_{identity}.db")
            alive = (self.path / f"{identity}.alive").open("wb")
            fcntl.flock(alive, fcntl.LOCK_EX)
        # The one of the process that forked stays open there, and there alone.
        self._pid, self._identity, self._alive = pid, identity, alive


def forget_former(path: Path) -> bool:
    """Remove what former runs left, so that counters begin at zero; False while any other process lives."""
    _make(path)
    with _locked(path):
        if any(not _is_dead(alive) for alive in path.glob("*.alive")):
            return False
        for file in (*path.glob("*.db"), *path.glob("*.alive")):
            file.unlink()
    return True


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.mkdir(exist_ok=True)


def _allocate(file: Path) -> None:
    with file.open("xb") as opened:
        os.posix_fallocate(opened.fileno(), 0, _FILE_BYTES)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with (path / "lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_dead(alive: Path) -> bool:
    with alive.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _fold(path: Path) -> None:
    """Add the figures of dead processes to the former ones, and remove their files."""
    dead = [alive for alive in path.glob("*.alive") if _is_dead(alive)]
    for kind in _COUNTING if dead else ():
        files = [file for alive in dead if (file := path / f"{kind}_{alive.stem}.db").exists()]
        _add(path / f"{kind}_former.db", files)
    for alive in dead:
        for file in path.glob(f"*_{alive.stem}.db"):
            file.unlink()
        alive.unlink()


def _add(former: Path, files: Sequence[Path]) -> None:
    sources = [str(file) for file in (former, *files) if file.exists()]
    written = former.with_suffix(".new")
    written.unlink(missing_ok=True)
    _allocate(written)
    values = MmapedDict(str(written))
    for metric in MultiProcessCollector.merge(sources, accumulate=False):
        for sample in metric.samples:
            names = list(sample.labels)
            key = mmap_key(
                metric.name, sample.name, names, [sample.labels[name] for name in names], metric.documentation
            )
            values.write_value(key, sample.value, 0.0)
    values.close()
    written.replace(former)
