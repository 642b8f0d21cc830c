"""Bytes of a file as text: its encoding, its line breaks, and what no text file holds."""

from __future__ import annotations

import codecs
import re

from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.problems import Place

# Twice the service's limit for a body: UTF-16 takes two bytes for most letters.
MAX_BYTES = 8 * 1024 * 1024

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with UTF-16's mark: look for it first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The service does not speak these; databases and workbooks cannot hold them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s+")
# Direction marks that editors of right-to-left subtitles put around a line.
_DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def text_of(content: bytes | str, draft: Draft, *, guess: bool = True) -> str:
    """The text with ``\\n`` for every line break. Only with ``guess`` may it be anything but Unicode."""
    text = content if isinstance(content, str) else _decoded(content, draft, guess=guess)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise draft.stop("not_text", "There is a zero byte: this is not a text file.", Place(line))
    return text


def _decoded(content: bytes, draft: Draft, *, guess: bool) -> str:
    mark, encoding = next((known for known in _MARKS if content.startswith(known[0])), (b"", "utf-8"))
    start = content[:1000]
    if not mark and guess and start.count(b"\0") > len(start) / 8:  # every other byte of Latin letters
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
        draft.warn("encoding_guessed", f"Read as {encoding.upper()}; save the file as UTF-8.")
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if mark or not guess or encoding != "utf-8":
            what = "" if guess else "JSON and YAML are UTF-8. "
            detail = f"{what}The bytes are not {encoding.upper()}: save the file as UTF-8."
            raise draft.stop("bad_encoding", detail, Place(line)) from None
    return _as_windows(content, draft, Place(line))


def _as_windows(content: bytes, draft: Draft, place: Place) -> str:
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        detail = "This is neither UTF-8 nor Windows-1252: save the file as UTF-8."
        raise draft.stop("bad_encoding", detail, place) from None
    detail = "Not UTF-8, so read as Windows-1252: check accents and quotes, and save the file as UTF-8."
    draft.warn("encoding_guessed", detail, place)
    return text


def collapsed(text: str) -> str:
    """As it is spoken: single spaces, none around."""
    return _SPACE.sub(" ", text).strip()


def spoken(text: str) -> str:
    """The same without the control characters that the service ignores."""
    return collapsed(_CONTROLS.sub("", text))


def undirected(text: str) -> str:
    """Without spaces and direction marks around it: they would make another name of the same letters."""
    return text.strip(_DIRECTIONS + " \t\u00a0")
