"""Plain text: ``NAME: text`` a line. Rows without a name go on with it; ``#`` begins a comment.

``[pause 500ms]`` at the end of a row, or as a row of its own, is the pause after a line. A header between two
rows of ``---`` holds the other fields of the script as YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from voicereel_client.scripts.amounts import PAUSE, milliseconds, pause_text
from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.headers import header_text, read_header
from voicereel_client.scripts.problems import Place, cannot_write
from voicereel_client.scripts.speech import tagged
from voicereel_client.scripts.texts import collapsed, spoken, text_of

FENCE = "---"
_PAUSE_AT_END = re.compile(
    rf"(.*?)(?<!\\)\[{PAUSE}\s{{1,9}}([^\[\]]{{0,40}})\]\s*", re.IGNORECASE | re.DOTALL
)
_PAUSE_ANYWHERE = re.compile(rf"(?<!\\)\[{PAUSE}\s[^\[\]]{{0,48}}\]", re.IGNORECASE)
_ESCAPED = re.compile(rf"\\(?=\[{PAUSE}\s)", re.IGNORECASE)


def read(content: bytes | str, draft: Draft) -> None:
    rows = text_of(content, draft).split("\n")
    reader = _Reader(draft)
    for number in range(_read_header(rows, draft), len(rows)):
        reader.row(rows[number], Place(number + 1))
    reader.end()


def _read_header(rows: Sequence[str], draft: Draft) -> int:
    """Gives the index of the first row after it."""
    if rows[0].rstrip() != FENCE:
        return 0
    end = next((index for index in range(1, len(rows)) if rows[index].rstrip() == FENCE), None)
    if end is None:
        raise draft.stop(
            "bad_syntax", "The header that begins here ends nowhere: close it with ---.", Place(1)
        )
    read_header("\n".join(rows[1:end]), draft, first_line=2)
    return end + 1


class _Reader:
    """``open`` is the line that a row without a name goes on with; a blank row ends it."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._open: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None

    def row(self, row: str, place: Place) -> None:
        if not row.strip():
            self._open = None
        elif not row.startswith("#"):
            text, pause_ms = self._paused(row, place)
            if text.strip():
                self._speech(text, place)
            self._pause(pause_ms, place)

    def end(self) -> None:
        for index, line in enumerate(self._draft.lines):
            line["text"] = _ESCAPED.sub("", collapsed(line["text"]))
            if not line["text"]:
                place = self._draft.place(f"/lines/{index}")
                self._draft.error("blank", "There is nothing to say after the name.", place)

    def _speech(self, row: str, place: Place) -> None:
        tag = tagged(row)
        indented = self._open is not None and row[:1].isspace()
        if tag.name and not tag.dashed and not tag.bracketed and not indented:
            self._begin(tag.name, tag.text, place)
        elif self._open is not None:
            self._open["text"] += f" {row}"
        elif self._draft.speaker:
            self._begin(self._draft.speaker, row, place)
        else:
            detail = "Nobody is named who says this. Begin the row with 'NAME: ', or with # to leave it out."
            self._draft.error("no_speaker", detail, place)

    def _begin(self, speaker: str, text: str, place: Place) -> None:
        self._open = self._last = {"speaker": speaker, "text": text}
        self._draft.add(self._open, place)

    def _paused(self, row: str, place: Place) -> tuple[str, int | None]:
        found = _PAUSE_AT_END.fullmatch(row)
        text, pause_ms = row, None
        if found:
            text, pause_ms = found[1], milliseconds(found[2], bare=None)
            if pause_ms is None:
                self._draft.error("bad_time", "Write a pause as [pause 500ms] or [pause 1.5s].", place)
        if _PAUSE_ANYWHERE.search(text):
            detail = "A pause within a row is not read: begin a new row with the name after it."
            self._draft.error("bad_syntax", detail, place)
        return text, pause_ms

    def _pause(self, pause_ms: int | None, place: Place) -> None:
        if pause_ms is None:
            return
        if self._last is None:
            self._draft.error("bad_syntax", "There is no line before this pause.", place)
            return
        self._last["pause_after_ms"] = pause_ms
        self._draft.places[f"/lines/{len(self._draft.lines) - 1}/pause_after_ms"] = place


def write(script: Mapping[str, Any]) -> bytes:
    """Raises ScriptError (``cannot_write``) for a role whose name cannot stand before a colon."""
    header = header_text(script)
    rows = [FENCE, header.rstrip(), FENCE, ""] if header else []
    for index, line in enumerate(script["lines"]):
        name, text = line["speaker"], spoken(line["text"])
        row = f"{name}: {_PAUSE_ANYWHERE.sub(lambda found: chr(92) + found[0], text)}"
        if row.startswith("#") or tagged(f"{name}: x").name != name or tagged(row).dashed:
            detail = f"{name!r} cannot be written as 'NAME: text': rename the role."
            raise cannot_write(detail, f"/lines/{index}/speaker")
        pause_ms = line.get("pause_after_ms")
        rows.append(row if pause_ms is None else f"{row} [{PAUSE} {pause_text(pause_ms)}]")
    return ("\n".join(rows) + "\n").encode()
