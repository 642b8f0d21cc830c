"""The real service, started as a customer starts it, on a free port and in its own home."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from voicereel_client import VoiceReel

PATIENCE_S = 60.0


@dataclass
class RunningService:
    """A supervisor with its children. ``key`` may do all but administrate."""

    home: Path
    url: str
    key: str
    process: subprocess.Popen[bytes]

    def client(self) -> VoiceReel:
        return VoiceReel(api_key=self.key, base_url=self.url)

    def children(self, containing: str = "") -> list[int]:
        """Process ids of the supervisor's children whose command line holds a word."""
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in found if containing in command_line(int(child))]

    def stop(self, number: int = signal.SIGINT) -> float:
        """Signal the supervisor; the seconds until it has ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        return time.monotonic() - started


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def server_command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("voicereel-server")), *arguments]


def eventually(found: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    """Wait for something that other processes bring about; fails when patience ends."""
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def start(home: Path, **environment: str) -> RunningService:
    env = {**os.environ, "VOICEREEL_ENGINES": "espeak,fake", **environment}
    made = subprocess.run(
        server_command("keys", "create", "--home", str(home), "--name", "test", "--json"),
        check=True, capture_output=True, timeout=PATIENCE_S, env=env,
    )  # fmt: skip
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            server_command("up", "--home", str(home), "--port", "0"), stdout=log, stderr=log, env=env
        )
    address = home / "server.json"
    eventually(lambda: address.exists() or process.poll() is not None)
    assert process.poll() is None, (home / "log").read_text()
    url = json.loads(address.read_text())["url"]
    return RunningService(home=home, url=url, key=json.loads(made.stdout)["key"], process=process)


@contextlib.contextmanager
def running(home: Path, **environment: str) -> Iterator[RunningService]:
    """Kills the service's whole family at the end, however the test ended."""
    service = start(home, **environment)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop(signal.SIGTERM)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service for all tests that do not break it."""
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture
def client(service: RunningService) -> Iterator[VoiceReel]:
    with service.client() as found:
        yield found
