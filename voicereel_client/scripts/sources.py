"""A script that has been read, with the place of each of its parts in its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voicereel_client._errors import FieldError
from voicereel_client.scripts import contract
from voicereel_client.scripts.drafts import escaped, place_of
from voicereel_client.scripts.problems import Place, Problem

# Of these the author writes the cast within the script.
CASTS_ITSELF = ("json", "yaml")

_ADVICE = {
    "out_of_range": "Change the value.",
    "duplicate_line_id": "Ids are unique in a script.",
    "line_too_long": "Make two lines of it.",
    "too_many_lines": "Split the script.",
    "script_too_long": "Split the script.",
    "overlap_too_long": "Make the overlap shorter, or give the line a slot.",
    "slot_order": "Correct the times.",
}


@dataclass(frozen=True)
class ScriptSource:
    """``script`` is the body of ``POST /v1/synthesize``; ``warnings`` are what was not taken as it stands.

    ``places`` are by JSON pointer into ``script``. ``name`` and ``file_format`` are the file's.
    """

    name: str
    file_format: str
    script: dict[str, Any]
    places: Mapping[str, Place] = field(repr=False, default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    def place(self, pointer: str) -> Place:
        """Where a field stands, or if it is not in the file what holds it."""
        return place_of(self.places, pointer)

    def where(self, pointer: str) -> str:
        """``scene.srt:12``: as an editor would jump to it."""
        return self.place(pointer).shown(self.name)

    def explain(self, errors: Iterable[FieldError]) -> tuple[Problem, ...]:
        """What the service (or the contract) refused, by its place in the file, and what to do about it."""
        return tuple(
            Problem("error", each.code, self._advised(each), self.place(each.pointer), each.pointer)
            for each in errors
        )

    def check(self) -> tuple[Problem, ...]:
        """What can be known without the service: bounds, ids, roles without a voice."""
        return (*self.explain(contract.violations(self.script)), *self.uncast())

    def uncast(self) -> tuple[Problem, ...]:
        """One error for each role that has lines and no voice."""
        cast = self.script.get("cast")
        known = cast if isinstance(cast, dict) else {}
        missing: dict[str, list[int]] = {}
        for index, speaker in enumerate(self.speakers()):
            if speaker and speaker not in known and not contract.is_speaker_id(speaker):
                missing.setdefault(speaker, []).append(index)
        return tuple(self._uncast(role, indexes) for role, indexes in missing.items())

    def speakers(self) -> list[str | None]:
        """Who says each line; None where that cannot be told."""
        lines = self.script.get("lines")
        found = [each.get("speaker") if isinstance(each, dict) else None for each in _list(lines)]
        return [each if isinstance(each, str) else None for each in found]

    def roles(self) -> dict[str, int]:
        """Each role that has lines, and how many."""
        counted: dict[str, int] = {}
        for speaker in self.speakers():
            if speaker is not None:
                counted[speaker] = counted.get(speaker, 0) + 1
        return counted

    def _uncast(self, role: str, indexes: list[int]) -> Problem:
        pointer = f"/lines/{indexes[0]}/speaker"
        detail = f"{role!r} has no voice. {self._cast_advice(role)}"
        return Problem("error", "unknown_speaker", detail, self.place(pointer), pointer, len(indexes))

    def _cast_advice(self, role: str) -> str:
        option = f"--cast '{role}=spk_…' or --cast-file"
        if self.file_format in CASTS_ITSELF:
            return f"Give it one in 'cast', or with {option}; or name a speaker's id."
        return f"Give it one with {option}; 'voicereel voices list' shows the stock voices."

    def _advised(self, error: FieldError) -> str:
        value = self.value(error.pointer)
        advice = _ADVICE.get(error.code, "")
        if error.code == "unknown_speaker" and error.pointer.startswith("/cast/"):
            advice = "'voicereel voices list' and 'voicereel speakers list' show those there are."
        elif error.code == "unknown_speaker" and isinstance(value, str) and not contract.is_speaker_id(value):
            advice = self._cast_advice(value)
        elif error.code == "wrong_type" and self.file_format == "yaml" and not isinstance(value, dict | list):
            advice = 'YAML reads plain words such as 42, true and null as more than text: put "…" around it.'
        return f"{error.detail} {advice}".rstrip()

    def value(self, pointer: str) -> object:
        """What the script holds there; None where there is nothing."""
        found: object = self.script
        for step in pointer.split("/")[1:]:
            found = _below(found, step)
        return found


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _below(value: object, step: str) -> object:
    if isinstance(value, dict):
        return next((inner for key, inner in value.items() if escaped(key) == step), None)
    if isinstance(value, list) and step.isdecimal() and step.isascii() and len(step) < 10:
        return value[int(step)] if int(step) < len(value) else None
    return None
