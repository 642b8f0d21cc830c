"""Servers of the suite's own, which it may stop, kill and starve: never those that others use."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_NEEDS = Path(__file__).parents[1] / "needs"


@dataclass(frozen=True)
class Server:
    """A private PostgreSQL or RabbitMQ; its port and its data stay over restarts."""

    script: str
    name: str
    url: str

    def run(self, *action: str) -> str:
        return run_script(self.script, "--private", self.name, *action)

    def start(self) -> None:
        self.run("start")

    def stop(self) -> None:
        self.run("stop")

    def kill(self) -> None:
        self.run("kill")

    def restart_at_once(self) -> None:
        """As if the machine had lost power: nothing is said to anybody."""
        self.kill()
        self.start()


def run_script(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [_NEEDS / script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{script} {arguments}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def private(script: str) -> Iterator[Server]:
    """Skips where the package is not installed; fails there if services are required."""
    name = f"faults{os.getpid()}"
    url = run_script(script, "--private", name)
    if not url:
        if os.environ.get("VOICEREEL_REQUIRE_SERVICES") == "1":
            pytest.fail(f"VOICEREEL_REQUIRE_SERVICES=1, but {script} starts nothing")
        pytest.skip(f"{script} starts nothing here")
    try:
        yield Server(script, name, url)
    finally:
        run_script(script, "--private", name, "remove")
