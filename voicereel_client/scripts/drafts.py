"""A script while it is being read: what was found so far, where each part of it stands, what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from voicereel_client.scripts.problems import WHOLE_FILE, Place, Problem, ScriptError

# Nothing that is this long is a script; the service takes 2,000 lines.
MAX_LINES = 20_000
# So many errors have one cause; the rest would bury it.
MAX_ERRORS = 100
MAX_WARNINGS = 100


def escaped(step: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def pointed(*steps: str | int) -> str:
    return "".join(f"/{escaped(step)}" for step in steps)


class Draft:
    """``speaker`` says the lines that name nobody, if given. ``name`` is the file's, for messages."""

    def __init__(self, name: str, *, speaker: str | None = None) -> None:
        self.name = name
        self.speaker = speaker
        self.script: dict[str, Any] = {}
        self.places: dict[str, Place] = {}
        self._errors: list[Problem] = []
        self._warnings: dict[tuple[str, str], Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self._errors, *self._warnings.values())

    @property
    def lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.script.setdefault("lines", [])
        return found

    def add(self, line: dict[str, Any], place: Place, places: Mapping[str, Place] | None = None) -> None:
        """One more line of the script; ``places`` are of those of its fields that stand elsewhere."""
        if len(self.lines) == MAX_LINES:
            raise self.stop("too_many_lines", f"More than {MAX_LINES:,} lines: split the script.", place)
        pointer = pointed("lines", len(self.lines))
        self.places[pointer] = place
        for name, found in (places or {}).items():
            self.places[f"{pointer}/{name}"] = found
        self.lines.append(line)

    def put(self, value: object, place: Place, *steps: str) -> None:
        """A field outside of the lines, such as ``cast``, ``ANA``."""
        table = self.script
        for step in steps[:-1]:
            table = table.setdefault(step, {})
        table[steps[-1]] = value
        self.places[pointed(*steps)] = place

    def error(self, code: str, detail: str, place: Place = WHOLE_FILE, pointer: str = "") -> None:
        self._errors.append(Problem("error", code, detail, place, pointer))
        if len(self._errors) == MAX_ERRORS:
            raise self.stop("too_many_problems", "There may be more; mend these first.")

    def warn(self, code: str, detail: str, place: Place = WHOLE_FILE) -> None:
        """Told once for all places with the same words."""
        known = self._warnings.get((code, detail))
        if known:
            self._warnings[code, detail] = replace(known, count=known.count + 1)
        elif len(self._warnings) < MAX_WARNINGS:
            self._warnings[code, detail] = Problem("warning", code, detail, place)

    def stop(self, code: str, detail: str, place: Place = WHOLE_FILE) -> ScriptError:
        """To be raised where nothing that follows could be understood."""
        self._errors.append(Problem("error", code, detail, place))
        return ScriptError(self.name, self.problems)

    def finish(self) -> None:
        """Raise what was found, and what no JSON can carry."""
        for pointer, value in _scalars(self.script, ""):
            if isinstance(value, float) and not math.isfinite(value):
                self.error("not_finite", "This is not a finite number.", self.place(pointer), pointer)
            elif isinstance(value, str) and not _is_text(value):
                detail = "Half of a surrogate pair is no character: write the character itself."
                self.error("lone_surrogate", detail, self.place(pointer), pointer)
        if self._errors:
            raise ScriptError(self.name, self.problems)

    def place(self, pointer: str) -> Place:
        return place_of(self.places, pointer)


def place_of(places: Mapping[str, Place], pointer: str) -> Place:
    """Where a field stands, or what holds it."""
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer, WHOLE_FILE)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _scalars(value: object, pointer: str) -> Iterator[tuple[str, object]]:
    """Every value and every key below; readers have bounded the depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield pointer, key
            yield from _scalars(inner, f"{pointer}/{escaped(key)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _scalars(inner, f"{pointer}/{index}")
    else:
        yield pointer, value
