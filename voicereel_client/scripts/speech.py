"""How subtitles and plain text name who speaks: ``NAME: text``, ``[NAME] text``, a dash for each of two."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicereel_client.scripts.texts import undirected

_DASH = r"(?:[-–—•]|>>+)"
_NAMED = re.compile(
    rf"({_DASH})?\s*([^\s:：\[\]<>{{}}][^:：\[\]<>{{}}?!;,]{{0,63}}?)\s*(?::(?=\s|$)|：)\s*(.*)", re.S
)
_BRACKETED = re.compile(rf"({_DASH})?\s*\[([^\[\]]{{1,64}})\]\s*:?\s*(.*)", re.S)
_DASHED = re.compile(rf"({_DASH})\s*(.*)", re.S)
# More words before a colon are a sentence.
_NAME_WORDS = 4


@dataclass(frozen=True)
class Tagged:
    """What a row says of its speaker; ``name`` is empty where it names nobody."""

    name: str
    text: str
    dashed: bool = False
    bracketed: bool = False


def tagged(row: str) -> Tagged:
    row = undirected(row)
    found = _BRACKETED.fullmatch(row)
    if found:
        return Tagged(undirected(found[2]), found[3], bool(found[1]), bracketed=True)
    found = _NAMED.fullmatch(row)
    if found and len(found[2].split()) <= _NAME_WORDS:
        return Tagged(undirected(found[2]), found[3], bool(found[1]))
    found = _DASHED.fullmatch(row)
    return Tagged("", found[2], dashed=True) if found else Tagged("", row)


def can_be_tag(name: str) -> bool:
    """Whether ``NAME: text`` is read again as it was written."""
    return tagged(f"{name}: x") == Tagged(name, "x")
