"""One character's speech in a screenplay: what is said, how, and what stands beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.texts import collapsed

BEAT_MS = 500
# No voice speaks faster than so: an overlap by this is surely shorter than the line before.
_LEAST_MS_A_CHARACTER = 20
_LONGEST_OVERLAP_MS = 5_000
_BEATS = frozenset(f"{article}{word}" for article in ("", "a ") for word in ["beat", "pause"])
_CONTINUED = re.compile(r"\(\s*CONT(?:['’]?D|INUED)\.?\s*\)\s*", re.IGNORECASE)
_WRYLY = re.compile(r"\((.*)\)", re.DOTALL)
_STYLE = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
# An escaped character, or a mark of emphasis.
_MARK = re.compile(r"\\([\\*_])|(\*{1,3}|_)")


class SpeechReader:
    """``cue`` is the name, its extensions, and whether the speech is beside the one before."""

    def __init__(self, draft: Draft, cue: tuple[str, str, bool], place: Place) -> None:
        self._draft = draft
        self._name, extensions, self._dual = cue
        self._place = place
        self._style = ""
        self._open: dict[str, Any] | None = None
        self._added = 0
        if _CONTINUED.sub("", extensions):
            detail = "Extensions such as (V.O.) are no part of the name and do not change the voice."
            draft.warn("direction_ignored", detail, place)

    def read(self, rows: Sequence[tuple[int, str]]) -> None:
        wryly: list[str] = []
        for number, row in rows:
            text, place = row.strip(), Place(number)
            if wryly or text.startswith("("):
                wryly.append(text)
                if text.endswith(")"):
                    self._direct(collapsed(" ".join(wryly)), place)
                    wryly = []
            elif text:
                self._say(text, place)
        if wryly:
            self._say(" ".join(wryly), Place(rows[-1][0]))
        if not self._added:
            self._draft.warn("not_spoken", "A character without a word to speak is left out.", self._place)

    def _direct(self, row: str, place: Place) -> None:
        """A parenthetical: a beat, or how the rest is spoken."""
        found = _WRYLY.fullmatch(row)
        words = collapsed(found[1]) if found else ""
        if words.rstrip(".").lower() in _BEATS:
            if self._open is None:
                self._draft.warn("direction_ignored", "A beat before the first word is left out.", place)
            else:
                self._open["pause_after_ms"] = BEAT_MS
        elif _STYLE.fullmatch(words):
            self._style = words
        else:
            self._draft.warn("direction_ignored", "A parenthetical that is no style is left out.", place)
        self._open = None

    def _say(self, row: str, place: Place) -> None:
        text = self._unmarked(row, place)
        if self._open is not None:
            self._open["text"] = collapsed(f"{self._open['text']} {text}")
        elif text:
            before = self._draft.lines[-1] if self._draft.lines else None
            self._open = {"speaker": self._name, "text": text}
            if self._style:
                self._open["style"] = self._style
            self._draft.add(self._open, place, {"speaker": self._place, "style": self._place})
            if self._dual and not self._added:
                self._beside(before, place)
            self._added += 1

    def _beside(self, before: dict[str, Any] | None, place: Place) -> None:
        if before is None or self._open is None:
            return
        overlap_ms = min(_LONGEST_OVERLAP_MS, _LEAST_MS_A_CHARACTER * len(before["text"]))
        before["pause_after_ms"] = 0
        self._open["overlap_ms"] = overlap_ms
        detail = (
            "Dual dialogue begins before the other has ended, not with it: for that, give both lines slots."
        )
        self._draft.warn("dual_dialogue", detail, place)

    def _unmarked(self, row: str, place: Place) -> str:
        if row.startswith("~"):
            self._draft.warn("direction_ignored", "Lyrics are spoken, not sung.", place)
            row = row[1:]
        text = _MARK.sub(lambda found: found[1] or "", row)
        if len(text) < len(_MARK.sub(lambda found: found[1] or found[0], row)):
            self._draft.warn("tags_removed", "Emphasis is not spoken: its marks are left out.", place)
        return text.strip()
