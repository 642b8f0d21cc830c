"""Request bodies: raw bytes in, domain objects or every bad field out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from flask import request
from pydantic import ValidationError
from pydantic_core import from_json

from voicereel.api.field_errors import field_errors
from voicereel.api.fields import Strict
from voicereel.api.problems import RequestRefused
from voicereel.api.schemas import LineBody, ScriptBody
from voicereel.domain.errors import FieldError, FileTooLarge, InvalidRequest
from voicereel.domain.script import Line, Role, Script, check, check_fallback

Body = TypeVar("Body", bound=Strict)

_MAX_LINES = 2000
_MAX_FOUND = 20_000


def raw_body() -> bytes:
    """The body as it came. One of unknown length is cut at the request's limit: then it is too long."""
    raw = request.get_data(cache=False)
    limit = request.max_content_length
    if limit is not None and len(raw) >= limit:
        raise FileTooLarge(limit - 1)
    return raw


def read_json(model: type[Body], raw: bytes) -> Body:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        _refuse_hopeless(error)
        raise InvalidRequest(tuple(field_errors(error))) from None


def read_script(raw: bytes) -> Script:
    """A script that keeps every rule that can be checked without the database."""
    try:
        script = ScriptBody.model_validate_json(raw).script()
    except ValidationError as error:
        _refuse_hopeless(error)
        raise InvalidRequest(tuple(_all_errors(error, from_json(raw)))) from None
    errors = (*check(script.lines, script.cast), *check_fallback(script.fallback, script.cast))
    if errors:
        raise InvalidRequest(errors)
    return script


def _refuse_hopeless(error: ValidationError) -> None:
    """What cannot be read, and what is wrong so often that a list of it would be an attack on us."""
    if error.error_count() > _MAX_FOUND:
        detail = f"More than {_MAX_FOUND:,} fields are not valid."
        raise InvalidRequest((FieldError("", "too_many_errors", detail),))
    if error.error_count() == 1 and error.errors(include_url=False)[0]["type"] == "json_invalid":
        raise RequestRefused(400, "malformed_json", "The body is not JSON that can be read.")


def _all_errors(error: ValidationError, tree: object) -> Iterator[FieldError]:
    """What is wrong anywhere, with the rules between lines for the lines that are good themselves."""
    found = [*field_errors(error)]
    if not isinstance(tree, dict) or not isinstance(tree.get("lines"), list):
        yield from found
        return
    yield from (each for each in found if not each.pointer.startswith("/lines/"))
    lines = tree["lines"][:_MAX_LINES]
    for index, line in enumerate(lines):
        yield from _line_errors(index, line)
    yield from check([_readable(index, line) for index, line in enumerate(lines)], _roles(tree))
    if isinstance(tree.get("fallback"), str) and not any(each.pointer == "/fallback" for each in found):
        yield from check_fallback(tree["fallback"], _roles(tree))


def _line_errors(index: int, line: object) -> list[FieldError]:
    # Through JSON once more: in Python, strict models take instances only.
    try:
        LineBody.model_validate_json(json.dumps(line))
    except ValidationError as error:
        return list(field_errors(error, under=("lines", index)))
    return []


# What other lines depend on; the rest of a broken line may be left out to look at these.
_SHARED = ("id", "speaker", "text")


def _readable(index: int, line: object) -> Line | None:
    """The line, or as much of it as the rules between lines need; None where that is broken too."""
    shared = {name: line[name] for name in _SHARED if name in line} if isinstance(line, dict) else None
    for candidate in (line, shared):
        try:
            return LineBody.model_validate_json(json.dumps(candidate)).line(index)
        except ValidationError:
            continue
    return None


def _roles(tree: Mapping[str, Any]) -> dict[str, Role]:
    """The names of the cast, whoever plays them: a broken entry has been reported itself."""
    cast = tree.get("cast")
    return {name: Role(speaker_id="") for name in cast} if isinstance(cast, dict) else {}
