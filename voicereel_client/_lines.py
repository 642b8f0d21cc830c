"""The audio of single lines: names for their files, and each onto the disk while the rest renders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from voicereel_client._edits import EditFlows, JobLine
from voicereel_client._errors import APIConnectionError, DownloadError, PermissionDeniedError, VoiceReelError
from voicereel_client._flow import Flow, Request, Sleep, fetch, read
from voicereel_client._models import Event, JobRecord, LineAudio
from voicereel_client._retries import PATIENCE, Timing, pause_after

J = TypeVar("J", bound=JobRecord)
SpokenLine: TypeAlias = "JobLine | Event | str"

_LONGEST_NAME = 100
# No file of Windows may be called so, whatever its suffix.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)


def line_names(ids: Iterable[str]) -> dict[str, str]:
    """File names for the line ids of a script, in its order: those of its clips.

    They are legal on every file system, and no two are alike where case does not count.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for line_id in ids:
        names[line_id] = f"{_untaken(_legal(line_id), taken)}.wav"
    return names


def _legal(line_id: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "_", line_id)[:_LONGEST_NAME].rstrip(".")
    is_refused = not name or name[0] in ".-" or name.partition(".")[0].casefold() in _DEVICES
    return f"_{name}" if is_refused else name


def _untaken(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate.casefold())
    return candidate


class LineFlows(EditFlows[J], Generic[J]):
    """The lines of jobs: edited, and heard."""

    _timing: Timing

    def save_line(self, job: JobRecord | str, line: SpokenLine, path: str | os.PathLike[str]) -> Flow[Path]:
        """Write what was spoken of a line as a WAV file, while the rest of the job may still render.

        ``line`` is a `line.finished` event, a line of ``lines``, or a line's id. It is the take: before
        levels are matched, and before mastering. Raises DownloadError (``no_audio``) where there is none.
        """
        line_id, audio = _known(line)
        task = _Save(Path(path), renew=lambda: self._audio(job, line_id), timing=self._timing)
        return (yield from task.run(audio or (yield from self._audio(job, line_id))))

    def _audio(self, job: JobRecord | str, line_id: str) -> Flow[LineAudio]:
        found = yield from self.line(job, line_id)
        if found.audio is None:
            raise DownloadError(f"Line {line_id} has no audio (it is {found.status}).", code="no_audio")
        return found.audio


def _known(line: SpokenLine) -> tuple[str, LineAudio | None]:
    if isinstance(line, str):
        return line, None
    return (str(line.data.get("id", "")) if isinstance(line, Event) else line.id), line.audio


class _Save:
    """One line's file, put in place once it is whole. ``renew`` gives an URL that has not expired."""

    def __init__(self, target: Path, *, renew: Callable[[], Flow[LineAudio]], timing: Timing) -> None:
        self._target = target
        self._renew = renew
        self._timing = timing

    def run(self, audio: LineAudio) -> Flow[Path]:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        part = self._target.with_name(self._target.name + ".part")
        failures, renewed = 0, False
        while True:
            try:
                yield from self._receive(audio, part)
                break
            except PermissionDeniedError:
                if renewed:
                    raise
                renewed, audio = True, (yield from self._renew())
            except VoiceReelError as error:
                failures += 1
                yield Sleep(pause_after(error, failures=failures, limit=PATIENCE, timing=self._timing))
        part.replace(self._target)
        return self._target

    def _receive(self, audio: LineAudio, part: Path) -> Flow[None]:
        """All of it: lines are small. The URL is its own key."""
        request = Request("GET", audio.url, stream=True, authorized=False, max_retries=0)
        response = yield from fetch(request)
        with part.open("wb") as stream:
            while chunk := (yield from read(response)):
                stream.write(chunk)
        if part.stat().st_size != audio.bytes:
            raise APIConnectionError(f"{self._target.name} broke off.")
