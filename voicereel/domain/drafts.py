"""A job's script as its customer edits it: lines by their stable ids, one change at a time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.fingerprint import hashed
from voicereel.domain.job import LineRecord
from voicereel.domain.script import Line, Role, Segment, Warn, is_speaker_id

_OF_A_LINE = re.compile(r"/lines/\d+")


class _Kept:
    """What was not said of a field: it stays as it is, which is not the same as None."""


KEPT: Final = _Kept()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a line is to be: right after or right before another, by its id; neither: at the end."""

    after: str | None = None
    before: str | None = None

    @property
    def is_said(self) -> bool:
        return self.after is not None or self.before is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """What an edit says of a line. ``controls`` are those named; None has the role's value again."""

    text: str | None = None
    speaker: str | None = None
    controls: Mapping[str, Any] = field(default_factory=dict)
    pause_after_ms: int | None = None
    overlap_ms: int | None = None
    slot: Segment | _Kept | None = KEPT
    place: Place = field(default_factory=Place)

    def of(self, line: Line) -> Line:
        """The line with this change."""
        return replace(
            line,
            text=line.text if self.text is None else self.text,
            speaker=line.speaker if self.speaker is None else self.speaker,
            controls=replace(line.controls, **self.controls),
            pause_after_ms=line.pause_after_ms if self.pause_after_ms is None else self.pause_after_ms,
            overlap_ms=line.overlap_ms if self.overlap_ms is None else self.overlap_ms,
            slot=line.slot if isinstance(self.slot, _Kept) else self.slot,
        )


def is_spoken_alike(one: Line, other: Line) -> bool:
    """Whether two forms of a line ask the same of the same speaker: the rest is time and level."""
    return (one.speaker, one.text, one.controls) == (other.speaker, other.text, other.controls)


def content_sha256(line: Line) -> str:
    """Of all that a script says of a line but its place."""
    said = {name: value for name, value in asdict(line.controls).items() if value is not None}
    slot = asdict(line.slot) if line.slot else None
    return hashed([line.speaker, line.text, said, line.pause_after_ms, line.overlap_ms, slot])


def script_sha256(records: Sequence[LineRecord]) -> str:
    """Of the whole script, lines in order: edits that undo each other leave it as it was."""
    return hashed([(record.line.id, content_sha256(record.line)) for record in records])


def is_changed(record: LineRecord) -> bool:
    """Whether a line says something else than when it was last rendered, or is new."""
    return record.rendered_sha256 != content_sha256(record.line)


def index_of(place: Place, records: Sequence[LineRecord], *, moved: str | None = None) -> int:
    """The index at which a line comes to stand, among the others in their order.

    ``moved`` is the line's own id where it is there already: it is nobody's neighbour.
    """
    ids = [record.line.id for record in records if record.line.id != moved]
    if place.after is not None:
        return _known(ids, place.after, "after") + 1
    if place.before is not None:
        return _known(ids, place.before, "before")
    return len(ids)


def _known(ids: Sequence[str], line_id: str, field_name: str) -> int:
    if line_id not in ids:
        detail = "There is no other line of this id."
        raise InvalidRequest((FieldError(f"/{field_name}", "unknown_line", detail),))
    return ids.index(line_id)


def free_id(taken: frozenset[str]) -> str:
    """An id for a line that came without one: ``l1``, ``l2`` … beyond how many there ever were."""
    number = len(taken) + 1
    while f"l{number}" in taken:
        number += 1
    return f"l{number}"


def cast_of(cast: Mapping[str, Role] | None, records: Sequence[LineRecord]) -> Mapping[str, Role]:
    """The script's roles; of a job that did not keep them, those that its lines name."""
    if cast is not None:
        return cast
    roles = (record for record in records if not is_speaker_id(record.line.speaker))
    return {record.line.speaker: Role(speaker_id=record.voice.speaker_id) for record in roles}


def pointed(warning: Warn, ordinal: int) -> Warn:
    """A warning of a line, wherever that stands by now."""
    return replace(warning, pointer=_OF_A_LINE.sub(f"/lines/{ordinal}", warning.pointer, count=1))
