"""WebVTT: a cue with ``<v NAME>`` becomes a line in a slot, its identifier the line's id.

A comment that begins with ``NOTE voicereel`` holds the other fields of the script as YAML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import webvtt

from voicereel_client.scripts.cues import ARROW, Cue, CueReader, Row, slot_of
from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.headers import header_text, read_header
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.texts import spoken, text_of, undirected

HEADER = "NOTE voicereel"
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,100})?\s+([^<>]{1,200})>")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]{0,200}>|</>")

Block = Sequence[tuple[int, str]]


def read(content: bytes | str, draft: Draft) -> None:
    rows = text_of(content, draft).split("\n")
    if not re.match(r"WEBVTT(\s|$)", rows[0]):
        raise draft.stop("bad_syntax", "The first row of a WebVTT file is 'WEBVTT'.", Place(1))
    reader = CueReader(draft)
    for block in _blocks(rows):
        if block[0][1].rstrip() == HEADER:
            text = "\n".join(row for _, row in block[1:])
            read_header(text, draft, first_line=block[0][0] + 1)
        elif any(ARROW in row for _, row in block):
            cue = _cue(block, draft)
            if cue:
                reader.add(cue)
        elif not block[0][1].startswith(("WEBVTT", "NOTE", "STYLE", "REGION")):
            draft.warn("not_spoken", "Text outside of cues is left out.", Place(block[0][0]))


def _blocks(rows: Sequence[str]) -> Iterator[Block]:
    """Rows up to an empty one, each with its number. A second row of times begins another block."""
    block: list[tuple[int, str]] = []
    for number, row in enumerate(rows, 1):
        if block and (not row or (ARROW in row and any(ARROW in before for _, before in block))):
            yield block
            block = []
        if row:
            block.append((number, row))
    if block:
        yield block


def _cue(block: Block, draft: Draft) -> Cue | None:
    """Times and identifier as the library reads them; it tells no lines, hence block by block."""
    place = Place(next(number for number, row in block if ARROW in row))
    try:
        # without its text, which has no say in that
        head = [row for number, row in block if number <= (place.line or 0)]
        captions = webvtt.from_string("\n".join(["WEBVTT", "", *head, "x"])).captions
        caption = captions[0] if len(captions) == 1 else None
        times = [_milliseconds(text) for text in (caption.start, caption.end)] if caption else []
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError, ValueError):
        times = []
    if not caption or not times:
        draft.error("bad_time", "Write the times so: 00:00:01.000 --> 00:00:02.500.", place)
        return None
    said = [row for number, text in block if number > (place.line or 0) for row in _rows(number, text, draft)]
    return Cue(caption.identifier or "", times[0], times[1], said, place)


def _milliseconds(text: str) -> int:
    return int(webvtt.models.Timestamp.from_string(text).in_milliseconds())


def _rows(number: int, text: str, draft: Draft) -> Iterator[Row]:
    """One row of the file; several where several voices are in it."""
    pieces = _VOICE.split(text)
    for voice, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        untagged, count = _TAG.subn("", piece)
        if count - piece.count("</v>") > 0:
            detail = "Formatting tags are not spoken: they are left out."
            draft.warn("tags_removed", detail, Place(number))
        row = Row(number, html.unescape(untagged).strip(), undirected(html.unescape(voice)))
        if row.text or row.voice:
            yield row


def write(script: Mapping[str, Any]) -> bytes:
    """Raises ScriptError (``cannot_write``) for a line without a slot."""
    blocks = ["WEBVTT"]
    header = header_text(script)
    if header:
        blocks.append(f"{HEADER}\n{header.rstrip()}".replace(ARROW, "--\\x3E"))
    for index, line in enumerate(script["lines"]):
        start, end = (webvtt.models.Timestamp.from_seconds(ms / 1000) for ms in slot_of(line, index))
        voice, text = (html.escape(spoken(each), quote=False) for each in (line["speaker"], line["text"]))
        caption = webvtt.Caption(str(start), str(end), f"<v {voice}>{text}", line.get("id"))
        blocks.append(
            "\n".join([*filter(None, [caption.identifier]), f"{start} {ARROW} {end}", *caption.lines])
        )
    return ("\n\n".join(blocks) + "\n").encode()
