"""SubRip: a cue with ``NAME: text`` becomes a line in a slot. Cue 12 becomes line ``c12``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import srt

from voicereel_client.scripts.cues import ARROW, Cue, CueReader, Row, slot_of
from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.speech import can_be_tag
from voicereel_client.scripts.texts import spoken, text_of

# The library reads a file whole and tells no lines: it is asked for the times only.
_TIMES = re.compile(rf"\s*({srt.RGX_TIMESTAMP})\s*-[ -] *>\s*({srt.RGX_TIMESTAMP})(?:\s.*)?")
_NUMBER = re.compile(r"\s*(\d{1,9})\s*")
_OWN_ID = re.compile(r"c([1-9]\d{0,8})")
_TAGS = re.compile(
    r"</?(?:i|b|u|s|font|c|v|ruby|rt)\b[^<>]{0,200}>|\{\\[^{}]{0,200}\}|\{/?[ibu]\}", re.IGNORECASE
)


def read(content: bytes | str, draft: Draft) -> None:
    rows = text_of(content, draft).split("\n")
    reader = CueReader(draft)
    for start, end in _cues(rows, draft):
        cue = _cue(rows, start, end, draft)
        if cue:
            reader.add(cue)


def _cues(rows: Sequence[str], draft: Draft) -> Iterator[tuple[int, int]]:
    """From each row of times to where the next cue begins."""
    times = [index for index, row in enumerate(rows) if ARROW in row]
    starts = [index - 1 if index and _NUMBER.fullmatch(rows[index - 1]) else index for index in times]
    stray = next((index for index in range(starts[0] if starts else len(rows)) if rows[index].strip()), None)
    if stray is not None:
        detail = "Before this there has to be a row of times: 00:00:01,000 --> 00:00:02,500."
        draft.error("bad_syntax", detail, Place(stray + 1))
    yield from zip(times, [*starts[1:], len(rows)], strict=bool(times))


def _cue(rows: Sequence[str], start: int, end: int, draft: Draft) -> Cue | None:
    place = Place(start + 1)
    found = _TIMES.fullmatch(rows[start])
    try:
        times = [srt.srt_timestamp_to_timedelta(found[which]) for which in (1, 2)] if found else []
    except (ValueError, OverflowError):
        times = []
    if not times:
        draft.error("bad_time", "Write the times so: 00:00:01,000 --> 00:00:02,500.", place)
        return None
    start_ms, end_ms = (time // timedelta(milliseconds=1) for time in times)
    number = _NUMBER.fullmatch(rows[start - 1]) if start else None
    said = [
        Row(index + 1, _untagged(rows[index], Place(index + 1), draft)) for index in range(start + 1, end)
    ]
    return Cue(f"c{int(number[1])}" if number else "", start_ms, end_ms, said, place)


def _untagged(row: str, place: Place, draft: Draft) -> str:
    text, count = _TAGS.subn("", row)
    if count:
        draft.warn("tags_removed", "Formatting tags are not spoken: they are left out.", place)
    return text.strip()


def write(script: Mapping[str, Any]) -> bytes:
    """Raises ScriptError (``cannot_write``) for a line without a slot."""
    numbers = _numbers(script["lines"])
    subtitles = []
    for index, (line, number) in enumerate(zip(script["lines"], numbers, strict=True)):
        start, end = (timedelta(milliseconds=each) for each in slot_of(line, index))
        name, text = line["speaker"], spoken(line["text"])
        content = f"{name}: {text}" if can_be_tag(name) else f"[{name}] {text}"
        subtitles.append(srt.Subtitle(number, start, end, content))
    return str(srt.compose(subtitles, reindex=False)).encode()


def _numbers(lines: Sequence[Mapping[str, Any]]) -> list[int]:
    """Those of ids such as ``c12``; the others go on counting from the last."""
    own = [_OWN_ID.fullmatch(line.get("id", "")) for line in lines]
    numbers: list[int] = []
    last = max((int(found[1]) for found in own if found), default=0)
    for found in own:
        last += not found
        numbers.append(int(found[1]) if found else last)
    return numbers
