"""What SRT and WebVTT share: cues become lines with slots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.problems import Place, cannot_write
from voicereel_client.scripts.speech import Tagged, tagged
from voicereel_client.scripts.texts import collapsed

ARROW = "-->"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOT_ID = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_MANY = 20_000

WHO = "Begin it with 'NAME: ', or say with --speaker NAME who speaks such lines."


@dataclass(frozen=True)
class Row:
    """A row of a cue's text. ``voice`` is who it names by a tag of the format's own."""

    line: int
    text: str
    voice: str = ""


@dataclass(frozen=True)
class Cue:
    """``name`` becomes the id of its line, if it can. ``place`` is of the row with the times."""

    name: str
    start_ms: int
    end_ms: int
    rows: Sequence[Row]
    place: Place


@dataclass
class _Said:
    speaker: str
    line: int
    rows: list[str]
    by_tag: bool = False

    @property
    def text(self) -> str:
        return collapsed(" ".join(self.rows))


class CueReader:
    """Adds cues to a draft, one after the other."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._ids: set[str] = set()
        self._names: set[str] = set()

    def add(self, cue: Cue) -> None:
        said = [each for each in self._said(cue) if each.text]
        if not said:
            self._draft.warn("not_spoken", "A cue without words to speak is left out.", cue.place)
            return
        if len(said) > 1:
            detail = "Several speak in one cue: its time is shared by the length of what they say."
            self._draft.warn("cue_shared", detail, cue.place)
        names = _names(self._id(cue), len(said))
        for each, name, slot in zip(said, names, _slots(cue, said), strict=True):
            line: dict[str, Any] = {"speaker": each.speaker, "text": each.text, "slot": slot}
            places = dict.fromkeys(("slot", "id"), cue.place)
            self._draft.add({"id": name, **line} if name else line, Place(each.line), places)

    def _said(self, cue: Cue) -> list[_Said]:
        """What each speaker says; a row that names nobody goes on with the row before."""
        found: list[_Said] = []
        for row in cue.rows:
            if row.voice:
                found.append(_Said(row.voice, row.line, [row.text], by_tag=True))
                continue
            if found and found[-1].by_tag:  # which lasts until the next one
                found[-1].rows.append(row.text)
                continue
            tag = tagged(row.text)
            if self._names_somebody(tag, first=not found):
                self._names.add(tag.name)
                found.append(_Said(tag.name, row.line, [tag.text]))
            elif found and not tag.dashed:
                found[-1].rows.append(row.text)
            elif row.text:
                found.append(_Said(self._unnamed(row), row.line, [tag.text]))
        return found

    def _names_somebody(self, tag: Tagged, *, first: bool) -> bool:
        """Later rows only where it cannot be a sentence with a colon in it."""
        sure = first or tag.dashed or tag.name in self._names or tag.name.isupper()
        return bool(tag.name) and sure

    def _unnamed(self, row: Row) -> str:
        if self._draft.speaker:
            return self._draft.speaker
        self._draft.error("no_speaker", f"Nobody is named who says this. {WHO}", Place(row.line))
        return "?"

    def _id(self, cue: Cue) -> str:
        """The cue's own, or the nearest to it that an id may be."""
        if not cue.name:
            return ""
        name = wanted = cue.name if _ID.fullmatch(cue.name) else _near(cue.name)
        for again in range(2, _NOT_MANY):
            if name not in self._ids:
                break
            name = f"{wanted}-{again}"
        if name != cue.name:
            detail = "The id of a cue is changed: it is taken already, or has characters that ids have not."
            self._draft.warn("id_changed", detail, cue.place)
        self._ids.add(name)
        return name


def _near(name: str) -> str:
    return _NOT_ID.sub("-", name).strip("-")[:56] or "cue"


def _names(name: str, count: int) -> list[str]:
    if count == 1 or not name:
        return [name] * count
    return [f"{name}.{number}" for number in range(1, count + 1)]


def _slots(cue: Cue, said: Sequence[_Said]) -> Iterator[dict[str, int]]:
    totals = [0, *accumulate(len(each.text) for each in said)]
    length = cue.end_ms - cue.start_ms
    edges = [cue.start_ms + length * total // totals[-1] for total in totals]
    for start, end in pairwise(edges):
        yield {"start_ms": start, "end_ms": end}


def slot_of(line: Mapping[str, Any], index: int) -> tuple[int, int]:
    slot = line.get("slot")
    if not slot:
        detail = f"Line {index + 1} has no slot: a cue has to have its times. The reel's captions have them."
        raise cannot_write(detail, f"/lines/{index}/slot")
    return int(slot["start_ms"]), int(slot["end_ms"])
