"""`--lines-to`: each line's audio as it is finished, while the rest renders."""

from __future__ import annotations

from pathlib import Path

import click

from voicereel_client._edits import JobLine
from voicereel_client._errors import VoiceReelError
from voicereel_client._lines import line_names
from voicereel_client._models import Event
from voicereel_client._resources import Job

lines_option = click.option(
    "--lines-to",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write each line's WAV file there as it is finished, before mastering.",
)


class LineFiles:
    """Writes the lines of a job into a folder; run again, it writes the same names."""

    def __init__(self, job: Job, directory: Path) -> None:
        self._job = job
        self._directory = directory
        self._names: dict[str, str] = {}
        self._written: dict[str, Path] = {}

    def hear(self, event: Event) -> None:
        """One that cannot be had just now is tried again at the end."""
        if event.audio is None:
            return
        try:
            if not self._names:
                self._names = line_names(line.id for line in self._job.lines())
            self._write(str(event.data.get("id", "")), event)
        except VoiceReelError:
            return

    def rest(self) -> list[Path]:
        """The job rests: what was not told of, or could not be had then. The paths in script order."""
        lines = list(self._job.lines())
        self._names = line_names(line.id for line in lines)
        for line in lines:
            if line.audio and line.id not in self._written:
                self._write(line.id, line)
        return [self._written[line.id] for line in lines if line.id in self._written]

    def _write(self, line_id: str, line: JobLine | Event) -> None:
        path = self._directory / self._names[line_id]
        self._written[line_id] = self._job.save_line(line, path)
