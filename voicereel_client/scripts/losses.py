"""What a file does not hold of the script it was made of: found by reading it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voicereel_client.scripts.formats import loads
from voicereel_client.scripts.problems import Problem
from voicereel_client.scripts.texts import spoken

_DEFAULTS: Mapping[str, object] = {"pause_after_ms": 250, "overlap_ms": 0}


def lost(script: Mapping[str, Any], written: bytes, file_format: str) -> tuple[Problem, ...]:
    """One warning a field. Raises ScriptError if what was written cannot even be read."""
    again = loads(written, file_format=file_format, name="<written>").script
    before, after = dict(_facts(script)), dict(_facts(again))
    found: dict[str, list[str]] = {}
    for pointer, value in before.items():
        if after.get(pointer) != value:
            found.setdefault(_field(pointer), []).append(pointer)
    for pointer in after.keys() - before.keys():
        if not pointer.endswith("/id"):
            found.setdefault(_field(pointer), []).append(pointer)
    return tuple(
        Problem("warning", "not_held", _words(name, file_format), pointer=min(pointers), count=len(pointers))
        for name, pointers in found.items()
    )


def _words(name: str, file_format: str) -> str:
    return f"'{name}' is not kept as it is: {file_format} has no way to write it."


def _field(pointer: str) -> str:
    steps = pointer.split("/")[1:]
    return steps[2] if steps[0] == "lines" and len(steps) > 2 else steps[0]


def _voices(cast: object) -> object:
    """A role with a speaker and nothing else may be written either way."""
    if not isinstance(cast, dict):
        return cast
    return {
        role: entry["speaker"] if isinstance(entry, dict) and [*entry] == ["speaker"] else entry
        for role, entry in cast.items()
    }


def _facts(script: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What is said by a script, by pointer: without defaults, and texts as they are spoken."""
    for name, value in script.items():
        if name != "lines" and value:
            yield f"/{name}", _voices(value) if name == "cast" else value
    lines = script.get("lines", [])
    yield "/lines", len(lines)
    for index, line in enumerate(lines):
        for name, value in line.items():
            if value != _DEFAULTS.get(name, None):
                text = isinstance(value, str) and name == "text"
                yield f"/lines/{index}/{name}", spoken(value) if text else value
