"""Cursors: where the next page begins, in a form nobody is tempted to build by hand."""

import base64
import re

from voicereel.domain.errors import FieldError, InvalidRequest

JOB = re.compile(r"job_[0-9A-HJKMNP-TV-Z]{26}")
LEXICON = re.compile(r"lex_[0-9A-HJKMNP-TV-Z]{26}")
SPEAKER = re.compile(r"spk_[0-9A-HJKMNP-TV-Z]{26}")
SOURCE = re.compile(r"src_[0-9A-HJKMNP-TV-Z]{26}")
VOICE = re.compile(r"stock:[!-~]{1,128}")
CLIP = re.compile(r"clip:[0-9]{1,5}")
LINE = re.compile(r"line:[0-9]{1,5}")
REVISION = re.compile(r"revision:[0-9]{1,9}")

_KINDS = (JOB, LEXICON, SPEAKER, SOURCE, VOICE, CLIP, LINE, REVISION)

_DETAIL = "This is not a 'next_cursor' of this list."


def encode(position: str | None) -> str | None:
    if position is None:
        return None
    return base64.urlsafe_b64encode(position.encode()).rstrip(b"=").decode()


def decode(cursor: str | None, kind: re.Pattern[str]) -> str | None:
    """The position behind a cursor of this kind of list."""
    if cursor is None:
        return None
    position = _text(cursor)
    if kind.fullmatch(position) is None:
        raise InvalidRequest((FieldError("cursor", "bad_cursor", _DETAIL),))
    return position


def number(position: str | None) -> int | None:
    """The number in a position that is one, such as ``line:100``."""
    return None if position is None else int(position.partition(":")[2])


def is_cursor(text: str) -> bool:
    """Whether this can be a cursor of any list of ours."""
    position = _text(text)
    return any(kind.fullmatch(position) for kind in _KINDS)


def _text(cursor: str) -> str:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        return ""
    return position if encode(position) == cursor else ""
