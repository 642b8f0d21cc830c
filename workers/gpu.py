"""The memory of this machine's GPUs, by the driver's own tool: no model library is loaded for it."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from voicereel.telemetry import metrics

_QUERY = ("--query-gpu=index,memory.used,memory.total", "--format=csv,noheader,nounits")
_MIB = 1024 * 1024

# The tool has been seen to hang with a broken card.
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMemory:
    gpu: str
    used_bytes: int
    total_bytes: int


def gpu_memory() -> tuple[GpuMemory, ...]:
    """One entry a GPU; none without a GPU, without the tool, or where it does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        asked = subprocess.run(
            [tool, *_QUERY], capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(_rows(asked.stdout))


def watch(stopping: threading.Event, *, every_s: float = 15.0) -> threading.Thread:
    """Tell the memory of the GPUs until ``stopping`` is set; the daemon thread ends where there is none."""
    thread = threading.Thread(target=_watch, args=(stopping, every_s), name="gpu-watch", daemon=True)
    thread.start()
    return thread


def _watch(stopping: threading.Event, every_s: float) -> None:
    while found := gpu_memory():
        for each in found:
            metrics.gpu_memory(each.gpu, each.used_bytes, each.total_bytes)
        if stopping.wait(every_s):
            return


def _rows(text: str) -> Iterator[GpuMemory]:
    """Lines as `0, 512, 143771` in MiB; a GPU that does not tell (`[N/A]`) is left out."""
    for line in text.splitlines():
        index, *sizes = (cell.strip() for cell in line.split(","))
        if len(sizes) == 2 and all(size.isdigit() for size in sizes):
            used, total = (int(size) * _MIB for size in sizes)
            yield GpuMemory(gpu=index, used_bytes=used, total_bytes=total)
