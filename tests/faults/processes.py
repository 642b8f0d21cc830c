"""Processes as the kernel lists them: whose child each is, and what it runs."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "VOICEREEL_FAULTS_CLUSTER"


@dataclass(frozen=True)
class Running:
    pid: int
    parent: int
    state: str
    command: str

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)


def everything() -> dict[int, Running]:
    found = (_read(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())
    return {running.pid: running for running in found if running}


def _read(pid: int) -> Running | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
    return Running(pid, int(parent), state, command.replace(b"\0", b" ").decode(errors="replace").strip())


def below(pid: int) -> list[Running]:
    """All descendants of a process that still run, nearest first."""
    known = everything()
    found, parents = [], {pid}
    while parents:
        children = [each for each in known.values() if each.parent in parents]
        found += [each for each in children if each.state != "Z"]
        parents = {each.pid for each in children}
    return found


def marked(mark: str) -> list[Running]:
    """Every process that was started, by whomever, with this mark in its environment."""
    needle = f"{MARK}={mark}".encode()
    return [each for each in everything().values() if each.state != "Z" and needle in _environment(each.pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
