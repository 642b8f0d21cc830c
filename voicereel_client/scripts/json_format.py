"""JSON: the script as the service takes it."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from voicereel_client.scripts.drafts import Draft, escaped
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.texts import text_of

MAX_DEPTH = 32
_PART = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read(content: bytes | str, draft: Draft) -> None:
    draft.script = read_object(content, draft)


def read_object(content: bytes | str, draft: Draft) -> dict[str, Any]:
    """The object of a file, with the place of each of its values in the draft."""
    text = text_of(content, draft, guess=False)
    try:
        value = json.loads(text, parse_constant=_refused)
    except json.JSONDecodeError as error:
        place = Place(error.lineno, error.colno)
        raise draft.stop("bad_syntax", f"This is not JSON: {error.msg}.", place) from None
    except (ValueError, RecursionError):
        detail = "This is not JSON: a number is no number, or it is nested too deeply."
        raise draft.stop("bad_syntax", detail) from None
    if not isinstance(value, dict):
        raise draft.stop("bad_syntax", "This is not a JSON object: a script is { … } with lines in it.")
    _find_places(text, draft)
    return value


def write(script: Mapping[str, Any]) -> bytes:
    return (json.dumps(script, ensure_ascii=False, indent=2) + "\n").encode()


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


@dataclass
class _Open:
    """An object or a list on the way to where we are; ``step`` is the key or index of the value to come."""

    pointer: str
    step: str | int | None
    keys: set[str] = field(default_factory=set)


def _find_places(text: str, draft: Draft) -> None:
    """Walk the parts of what is known to be JSON; the library tells no positions."""
    breaks = [found.start() for found in re.finditer("\n", text)]
    stack: list[_Open] = []
    for match in _PART.finditer(text):
        part, top = match[0], stack[-1] if stack else None
        line = bisect_right(breaks, match.start())
        place = Place(line + 1, match.start() - (breaks[line - 1] if line else -1))
        if part in "}]":
            stack.pop()
        elif part == ",":
            assert top
            top.step = top.step + 1 if isinstance(top.step, int) else None
        elif top and top.step is None:
            top.step = json.loads(part)
            _note_key(top, draft, place)
        elif part != ":":
            pointer = f"{top.pointer}/{escaped(str(top.step))}" if top else ""
            draft.places[pointer] = place
            if part in "{[":
                stack.append(_Open(pointer, None if part == "{" else 0))
                _check_depth(stack, draft, place)


def _note_key(top: _Open, draft: Draft, place: Place) -> None:
    if top.step in top.keys:
        detail = f"The key {top.step!r} is there twice: only one could count."
        draft.error("duplicate_key", detail, place, f"{top.pointer}/{escaped(str(top.step))}")
    top.keys.add(str(top.step))


def _check_depth(stack: list[_Open], draft: Draft, place: Place) -> None:
    if len(stack) > MAX_DEPTH:
        raise draft.stop("bad_syntax", f"Nested more than {MAX_DEPTH} deep: no script is.", place)
