"""The columns of a line list: what people call them, and how each cell is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voicereel_client.scripts.amounts import milliseconds, number
from voicereel_client.scripts.texts import collapsed, undirected

_NO_LETTER = re.compile(r"[\W_]+")
_UNIT = re.compile(
    r"[(\[]\s*(ms|s|sec|seconds|st|db)\s*[)\]]\s*$|[\s_](ms|s|sec|seconds|st|db)$", re.IGNORECASE
)
_TIMES = frozenset(("pause_after_ms", "overlap_ms", "start", "end"))

_NAMES: Mapping[str, str] = {
    "id": "id lineid cueid cue key number nr no lineno linenumber",
    "speaker": "speaker role character char actor who name part",
    "text": "text line dialogue dialog words speech subtitle caption linetext script transcript",
    "voice": "voice voiceid speakerid cast",
    "language": "language lang locale",
    "speed": "speed rate pace tempo",
    "pitch_st": "pitch semitones pitchst",
    "gain_db": "gain volume gaindb level",
    "pause_after_ms": "pause pauseafter pauseafterms pausems",
    "overlap_ms": "overlap overlapms",
    "style": "style emotion delivery tone manner",
    "seed": "seed",
    "start": "start starttime timein in tcin startms from begin slotstartms",
    "end": "end endtime timeout out tcout endms to slotendms",
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names.split()}
# Read as something else where the better word is there, too.
_SECOND_CHOICE = {"line": "id"}


@dataclass(frozen=True)
class Column:
    """``field`` is one of the table above; ``unit`` is of bare numbers, None where a cell has to say it."""

    field: str
    title: str
    unit: str | None = None


def known_fields() -> Sequence[str]:
    return [*_NAMES]


def field_of(title: str) -> str | None:
    bare = _UNIT.sub("", title.strip())
    return _FIELDS.get(_plain(bare)) or _FIELDS.get(_plain(title))


def _plain(title: str) -> str:
    return _NO_LETTER.sub("", title.casefold())


def _unit(title: str, field: str) -> str | None:
    found = _UNIT.search(title.strip())
    if field not in _TIMES:
        return None
    if found:
        return (found[1] or found[2]).lower()
    return "ms" if _plain(title).endswith("ms") else None


def columns_of(titles: Sequence[str]) -> list[Column | None]:
    """Each title's column; None for one that no script has."""
    fields = [field_of(title) for title in titles]
    for index, title in enumerate(titles):
        if fields.count("text") > 1 and _plain(title) in _SECOND_CHOICE:
            second = _SECOND_CHOICE[_plain(title)]
            fields[index] = None if second in fields else second
    return [
        Column(field, title, _unit(title, field)) if field else None
        for field, title in zip(fields, titles, strict=True)
    ]


@dataclass(frozen=True)
class Unreadable:
    code: str
    detail: str


def cell_value(text: str, column: Column) -> object:
    """The value of a cell with something in it, or why there is none."""
    return _READERS.get(column.field, _text)(text, column)


def _text(text: str, _: Column) -> object:
    return collapsed(text)


def _name(text: str, _: Column) -> object:
    return undirected(collapsed(text))


def _number(text: str, column: Column) -> object:
    value = number(text.strip().removesuffix("x").removesuffix("×"))
    if value is None:
        return Unreadable("bad_number", f"'{column.title}' takes a number such as 1.05.")
    return value


def _time(text: str, column: Column) -> object:
    value = milliseconds(text, bare=column.unit)
    if value is not None:
        return value
    detail = f"'{column.title}' takes a time with its unit, such as 500ms, 1.5s or 00:01:02.500."
    return Unreadable("bad_time", f"{detail} Or put the unit into the title: '{column.title} (s)'.")


_READERS: Mapping[str, Callable[[str, Column], object]] = {
    "speaker": _name,
    "voice": _name,
    "speed": _number,
    "pitch_st": _number,
    "gain_db": _number,
    "seed": _number,
    **dict.fromkeys(_TIMES, _time),
}
