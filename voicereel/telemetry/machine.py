"""What this machine and this process have: the standard library and /proc, nothing else.

A figure that the system does not tell is None.
"""

import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Memory is that of the machine, whatever a container may use of it."""

    cpu_count: int | None
    load_1m: float | None
    memory_total_bytes: int | None
    memory_available_bytes: int | None
    disk_free_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    pid: int
    threads: int
    open_files: int | None
    rss_bytes: int | None


def host(folder: Path) -> Host:
    """The machine; ``disk_free_bytes`` is of the file system that holds ``folder``."""
    memory = _memory()
    return Host(
        cpu_count=os.cpu_count(),
        load_1m=_load(),
        memory_total_bytes=memory.get("MemTotal"),
        memory_available_bytes=memory.get("MemAvailable"),
        disk_free_bytes=free_bytes(folder),
    )


def process() -> Process:
    """The process that asks."""
    return Process(
        pid=os.getpid(), threads=threading.active_count(), open_files=_open_files(), rss_bytes=_rss()
    )


def free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _memory() -> dict[str, int]:
    """Lines as `MemTotal:  16315432 kB`, in bytes."""
    try:
        lines = (_PROC / "meminfo").read_text().splitlines()
    except OSError:
        return {}
    rows = (line.split() for line in lines)
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if row[-1] == "kB"}


def _open_files() -> int | None:
    try:
        return sum(1 for _ in (_PROC / "self" / "fd").iterdir()) - 1  # one of them is the listing's own
    except OSError:
        return None


def _rss() -> int | None:
    try:
        pages = int((_PROC / "self" / "statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
