"""Fountain screenplays (https://fountain.io/syntax): the dialogue, and of the title page what a script has.

The parser is ours: the published ones tell no rows, or need a newer Python than this package does; and of a
screenplay only speech is wanted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.fountain_speech import SpeechReader
from voicereel_client.scripts.problems import Place, cannot_write
from voicereel_client.scripts.texts import collapsed, spoken, text_of, undirected

_DROPPED = (("/*", "*/"), ("[[", "]]"))
_LONGEST_CUE = 200
_TITLE_KEY = re.compile(r"([^\s:][^:]{0,63}):\s*(.*)")
_HEADING = re.compile(r"(?:INT\.?/EXT|EXT\.?/INT|INT|EXT|EST|I/E)[. ]|\.[^.]", re.IGNORECASE)
_CHARACTER = re.compile(r"(@?)([^()^]*[^()^\s])\s*((?:\([^()]*\)\s*)*)(\^?)\s*")
_ROLE = re.compile(r"(.{1,64}?)\s*=\s*(\S.*)")
_EMPHASIS = re.compile(r"[\\*_]")


def read(content: bytes | str, draft: Draft) -> None:
    text = text_of(content, draft).replace("\t", "    ")
    for opening, closing in _DROPPED:
        text = _without(text, opening, closing)
    rows = text.split("\n")
    first = _title_page(rows, draft)
    for block in _blocks(rows, first):
        _block(block, draft)


def _without(text: str, opening: str, closing: str) -> str:
    """Without notes of the author, but with their rows, so that the others keep their numbers."""
    kept: list[str] = []
    position = 0
    while True:
        start = text.find(opening, position)
        end = text.find(closing, start + len(opening)) if start >= 0 else -1
        if end < 0:
            return "".join([*kept, text[position:]])
        kept += [text[position:start], "\n" * text.count("\n", start, end)]
        position = end + len(closing)


def _blocks(rows: Sequence[str], first: int) -> Iterator[list[tuple[int, str]]]:
    """Rows between blank ones, each with its number; a row of two spaces is not blank in dialogue."""
    block: list[tuple[int, str]] = []
    for number, row in enumerate([*rows[first:], ""], first + 1):
        if row.strip() or (block and row.startswith("  ")):
            block.append((number, row))
        elif block:
            yield block
            block = []


def _block(block: Sequence[tuple[int, str]], draft: Draft) -> None:
    number, row = block[0]
    cue = _character(row.strip()) if len(block) > 1 else None
    if cue:
        SpeechReader(draft, cue, Place(number)).read(block[1:])
    elif not row.lstrip().startswith(("#", "=")):  # sections and synopses are the author's own notes
        draft.warn("not_spoken", "Action, headings and transitions are not spoken.", Place(number))


def _character(row: str) -> tuple[str, str, bool] | None:
    """Name, extensions and whether it speaks beside the one before; None if the row is something else."""
    found = _CHARACTER.fullmatch(row) if len(row) <= _LONGEST_CUE else None
    if not found:
        return None
    forced, name = bool(found[1]), undirected(found[2])
    if not forced and (not name.isupper() or _HEADING.match(row) or row[0] in "!>~#=."):
        return None
    if not forced and name.endswith(" TO:"):
        return None
    return name, found[3].strip(), bool(found[4])


def _title_page(rows: Sequence[str], draft: Draft) -> int:
    """``Title``, ``Language`` and ``Cast`` (``NAME = speaker`` a row); gives the index of what follows."""
    if not _TITLE_KEY.fullmatch(rows[0]) or _character(rows[0].strip()):
        return 0
    key = ""
    for index, row in enumerate(rows):
        found = None if row[:1].isspace() else _TITLE_KEY.fullmatch(row)
        if not row.strip():
            return index + 1
        if found:
            key = found[1].strip().lower()
        _title_value(key, (found[2] if found else row).strip(), Place(index + 1), draft)
    return len(rows)


def _title_value(key: str, value: str, place: Place, draft: Draft) -> None:
    if not value:
        return
    if key == "title":
        before = draft.script.get("title", "")
        draft.put(collapsed(f"{before} {_unmarked(value)}"), place, "title")
    elif key == "language":
        draft.put(value, place, "language")
    elif key == "cast":
        role = _ROLE.fullmatch(value)
        if role:
            draft.put(role[2].strip(), place, "cast", undirected(role[1]))
        else:
            draft.error("bad_syntax", "Below 'Cast:' each row is NAME = speaker.", place)


def _unmarked(text: str) -> str:
    return re.sub(r"(?<!\\)[*_]", "", text).replace("\\", "")


def write(script: Mapping[str, Any]) -> bytes:
    """Raises ScriptError (``cannot_write``) for a role whose name has no way to be written."""
    rows = [*_title_rows(script)]
    for index, line in enumerate(script["lines"]):
        name = line["speaker"]
        cue = name if _character(name) == (name, "", False) else f"@{name}"
        if _character(cue) != (name, "", False):
            raise cannot_write(
                f"{name!r} cannot be written as a character: rename it.", f"/lines/{index}/speaker"
            )
        rows += ["", cue]
        if line.get("style"):
            rows.append(f"({line['style']})")
        rows.append(_EMPHASIS.sub(lambda found: f"\\{found[0]}", spoken(line["text"])))
    return ("\n".join(rows) + "\n").encode()


def _title_rows(script: Mapping[str, Any]) -> Iterator[str]:
    for name in ("title", "language"):
        if script.get(name):
            yield f"{name.title()}: {_EMPHASIS.sub(lambda found: chr(92) + found[0], script[name])}"
    if script.get("cast"):
        yield "Cast:"
    for role, entry in script.get("cast", {}).items():
        yield f"    {role} = {entry['speaker'] if isinstance(entry, dict) else entry}"
