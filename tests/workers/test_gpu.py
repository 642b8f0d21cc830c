"""The memory of GPUs, as the driver's tool tells it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from workers import gpu

MIB = 1024 * 1024


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a tool of that shell code in the place of the driver's."""

    def put(code: str) -> None:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{code}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return put


def test_each_gpu_tells_its_memory(tool: Callable[[str], None]) -> None:
    tool("echo '0, 512, 143771'; echo '1, [N/A], [N/A]'; echo 'broken'; echo '2, 0, 81559'")
    assert gpu.gpu_memory() == (
        gpu.GpuMemory(gpu="0", used_bytes=512 * MIB, total_bytes=143_771 * MIB),
        gpu.GpuMemory(gpu="2", used_bytes=0, total_bytes=81_559 * MIB),
    )


@pytest.mark.parametrize("code", ["exit 9", "echo nothing of use", "exec /nonexistent/tool"])
def test_a_tool_that_fails_tells_of_none(tool: Callable[[str], None], code: str) -> None:
    tool(code)
    assert gpu.gpu_memory() == ()


def test_without_the_tool_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.gpu_memory() == ()


def test_watching_tells_until_it_is_stopped(
    tool: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("echo '0, 1, 2'")
    told, stopping = [], threading.Event()

    def tell(*facts: object) -> None:
        told.append(facts)
        if len(told) == 2:
            stopping.set()

    monkeypatch.setattr(gpu.metrics, "gpu_memory", tell)
    watcher = gpu.watch(stopping, every_s=0.001)
    watcher.join(timeout=30)
    assert told == [("0", MIB, 2 * MIB)] * 2
