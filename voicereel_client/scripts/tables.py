"""A line list: a row of titles, then a line a row. CSV and XLSX differ only in how they give their cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicereel_client.scripts.amounts import clock_text
from voicereel_client.scripts.columns import (
    Column,
    Unreadable,
    cell_value,
    columns_of,
    field_of,
    known_fields,
)
from voicereel_client.scripts.drafts import Draft, pointed
from voicereel_client.scripts.problems import WHOLE_FILE, Place
from voicereel_client.scripts.texts import spoken

# Titles and dates of a list may stand above its row of titles.
TITLES_WITHIN = 20
CONTROLS = ("language", "speed", "pitch_st", "gain_db", "style")


@dataclass(frozen=True)
class Cell:
    """``problem`` is why its value cannot be used, in which case the text is empty."""

    text: str
    place: Place
    problem: Unreadable | None = None


Row = Sequence[Cell]


def titles_in(rows: Sequence[Row]) -> int | None:
    """The index of the row of titles: the first that has a text and somebody who says it."""
    for index, row in enumerate(rows[:TITLES_WITHIN]):
        fields = {field_of(cell.text) for cell in row}
        if "text" in fields and fields & {"speaker", "voice"}:
            return index
    return None


def read_lines(rows: Sequence[Row], draft: Draft) -> None:
    titles = titles_in(rows)
    if titles is None:
        detail = (
            f"No row of titles with 'speaker' and 'text' is found. Titles are {', '.join(known_fields())}."
        )
        raise draft.stop("no_header", detail, rows[0][0].place if rows and rows[0] else WHOLE_FILE)
    reader = TableReader(rows[titles], draft)
    for row in rows[titles + 1 :]:
        found = reader.fields(row)
        if found:
            reader.add_line(found)


def read_cast(rows: Sequence[Row], draft: Draft) -> None:
    """A sheet of roles: who speaks each, and how."""
    if not rows:
        return
    reader = TableReader(rows[0], draft)
    for row in rows[1:]:
        found = reader.fields(row)
        if found.get("speaker") and found.get("voice"):
            reader.add_role(found)


class TableReader:
    def __init__(self, titles: Row, draft: Draft) -> None:
        self._draft = draft
        self._columns = columns_of([cell.text for cell in titles])
        self._places: dict[str, Place] = {}
        self._refuse_doubles(titles)

    def _refuse_doubles(self, titles: Row) -> None:
        seen: dict[str, Column] = {}
        for cell, column in zip(titles, self._columns, strict=True):
            if column is None:
                if cell.text.strip():
                    shown = cell.text.strip()[:40]
                    self._draft.warn("unknown_column", f"The column {shown!r} is left out.", cell.place)
            elif column.field in seen:
                first = seen[column.field].title
                detail = f"'{first}' and '{column.title}' mean the same: leave one out."
                raise self._draft.stop("two_columns", detail, cell.place)
            else:
                seen[column.field] = column

    def fields(self, row: Row) -> dict[str, Any]:
        """The cells that have something in them, read, by field."""
        found: dict[str, Any] = {}
        self._places = {}
        for cell, column in zip(row, self._columns, strict=False):
            if column is None:
                continue
            value = cell.problem or (cell_value(cell.text, column) if cell.text.strip() else None)
            if isinstance(value, Unreadable):
                self._draft.error(value.code, value.detail, cell.place)
            elif value is not None:
                found[column.field] = value
            self._places[column.field] = cell.place
        return found

    def add_line(self, found: dict[str, Any]) -> None:
        place = self._places.get("text", next(iter(self._places.values()), WHOLE_FILE))
        voice = found.pop("voice", None)
        speaker = found.pop("speaker", None) or voice or self._draft.speaker
        if "text" not in found:
            self._draft.warn("not_spoken", "A row without text is left out.", place)
            return
        if speaker is None:
            detail = "Nobody is named who says this: fill in the speaker."
            self._draft.error("no_speaker", detail, self._places.get("speaker", place))
            return
        if voice and voice != speaker:
            self._cast(speaker, voice)
        slot = self._slot(found, place)
        line = {"speaker": speaker, **found, **({"slot": slot} if slot else {})}
        self._draft.add(line, place, self._renamed_places())

    def _cast(self, role: str, voice: str) -> None:
        known = self._draft.script.setdefault("cast", {}).get(role)
        if known is None:
            self._draft.put(voice, self._places["voice"], "cast", role)
        elif known != voice:
            before = self._draft.places[pointed("cast", role)]
            detail = f"{role!r} has another voice at {before.shown(self._draft.name)}: one role, one voice."
            self._draft.error("two_voices", detail, self._places["voice"])

    def _slot(self, found: dict[str, Any], place: Place) -> dict[str, int] | None:
        times = {f"{name}_ms": found.pop(name) for name in ("start", "end") if name in found}
        if len(times) == 1:
            detail = "A slot has a start and an end: fill in both, or neither."
            self._draft.error("bad_time", detail, place)
        return times if len(times) == 2 else None

    def _renamed_places(self) -> dict[str, Place]:
        slots = {"start": "slot/start_ms", "end": "slot/end_ms"}
        return {slots.get(name, name): place for name, place in self._places.items()}

    def add_role(self, found: dict[str, Any]) -> None:
        controls = {name: found[name] for name in CONTROLS if name in found}
        entry = {"speaker": found["voice"], **controls} if controls else found["voice"]
        self._draft.script.setdefault("cast", {})
        self._draft.put(entry, self._places["voice"], "cast", found["speaker"])


# --- writing ---------------------------------------------------------------------------------

ORDER = ("id", "speaker", "voice", "text", "start", "end", "pause_after_ms", "overlap_ms", *CONTROLS, "seed")


def rows_of(script: Mapping[str, Any], *, with_voices: bool) -> list[list[object]]:
    """A row of titles and a row a line; only columns that something is in. None is an empty cell."""
    cast = script.get("cast", {}) if with_voices else {}
    table = [_cells(line, cast) for line in script["lines"]]
    titles = [name for name in ORDER if any(name in row for row in table)]
    return [[*titles], *([row.get(name) for name in titles] for row in table)]


def _cells(line: Mapping[str, Any], cast: Mapping[str, Any]) -> dict[str, object]:
    slot, voice = line.get("slot") or {}, cast.get(line["speaker"])
    times = {name: clock_text(slot[f"{name}_ms"]) for name in ("start", "end") if slot}
    voices = {"voice": voice["speaker"] if isinstance(voice, dict) else voice} if voice else {}
    said = {name: value for name, value in line.items() if name != "slot"}
    return {**said, "text": spoken(line["text"]), **times, **voices}


def cast_rows(cast: Mapping[str, Any]) -> Iterable[list[object]]:
    titles = ("role", "voice", *CONTROLS)
    yield [*titles]
    for role, entry in cast.items():
        given = entry if isinstance(entry, dict) else {"speaker": entry}
        yield [role, given.get("speaker"), *(given.get(name) for name in CONTROLS)]
