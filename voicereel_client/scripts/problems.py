"""What is wrong with a script file, and where: the only error that reading a file raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voicereel_client._errors import FieldError, VoiceReelError


@dataclass(frozen=True)
class Place:
    """Where in a file. ``line`` and ``column`` count from 1; ``field`` is a column of a table by its name;
    ``cell`` is a cell of a workbook, such as ``Lines!C4``. All empty: the file as a whole.
    """

    line: int | None = None
    column: int | None = None
    field: str = ""
    cell: str = ""

    def shown(self, name: str) -> str:
        """``scene.srt:12:3``, as editors and compilers write it."""
        if self.cell:
            return f"{name}:{self.cell}"
        where = ":".join([name, *(str(part) for part in (self.line, self.column) if part)])
        return f"{where} ({self.field})" if self.field else where


WHOLE_FILE = Place()


@dataclass(frozen=True)
class Problem:
    """``severity`` is ``error`` or ``warning``; ``pointer`` is into the script, where there is one.

    ``count`` is how often it was found; ``place`` is the first.
    """

    severity: str
    code: str
    detail: str
    place: Place = WHOLE_FILE
    pointer: str = ""
    count: int = 1

    def shown(self, name: str) -> str:
        again = f" ({self.count} times; this is the first)" if self.count > 1 else ""
        return f"{self.place.shown(name)}: {self.severity}: {self.code}: {self.detail}{again}"


class ScriptError(VoiceReelError):
    """A script that cannot be read, or not be sent. ``problems`` are all that were found, warnings too;
    ``name`` is the file's.
    """

    code = "bad_script"

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity == "error"]
        super().__init__("\n".join(problem.shown(name) for problem in errors))
        self.errors = tuple(FieldError(each.pointer, each.code, each.detail) for each in errors)


def missing(name: str, library: str) -> ScriptError:
    detail = f"{library} is needed for this: pip install 'voicereel-client[formats]'"
    return ScriptError(name, [Problem("error", "missing_extra", detail)])


def cannot_write(detail: str, pointer: str = "") -> ScriptError:
    """For a script that a format has no way to write at all."""
    return ScriptError("<script>", [Problem("error", "cannot_write", detail, pointer=pointer)])
