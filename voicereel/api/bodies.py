"""Request bodies: raw bytes in, domain objects or every bad field out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from flask import request
from pydantic import ValidationError
from pydantic_core import from_json

from voicereel.api.field_errors import field_errors
from voicereel.api.fields import Strict
from voicereel.api.problems import RequestRefused
from voicereel.api.schemas import LineBody, OutputBody, ScriptBody
from voicereel.domain.delivery import check_output
from voicereel.domain.errors import FieldError, FileTooLarge, InvalidRequest
from voicereel.domain.lexicons import repeated_entries
from voicereel.domain.script import STOCK_PREFIX, Line, Role, Script, check, check_fallback

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
    errors = (
        *check(script.lines, script.cast),
        *check_output(script.output, script.lines),
        *check_fallback(script.fallback, script.cast),
        *repeated_entries(script.pronunciations, at="/pronunciations"),
    )
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
    readable = [_readable(index, line) for index, line in enumerate(lines)]
    yield from check(readable, _roles(tree))
    yield from _output_errors(tree.get("output"), readable)
    if isinstance(tree.get("fallback"), str) and not any(each.pointer == "/fallback" for each in found):
        yield from check_fallback(tree["fallback"], _roles(tree))


def _output_errors(output: object, lines: Sequence[Line | None]) -> Iterator[FieldError]:
    """The rules between its fields, where each of them is good itself."""
    try:
        yield from check_output(OutputBody.model_validate_json(json.dumps(output)).output(), lines)
    except ValidationError:
        return


def _line_errors(index: int, line: object) -> list[FieldError]:
    # Through JSON once more: in Python, strict models take instances only.
    try:
        LineBody.model_validate_json(json.dumps(line))
    except ValidationError as error:
        return list(field_errors(error, under=("lines", index)))
    return []


def _readable(index: int, line: object) -> Line | None:
    """The line, or as much of it as the rules between lines need; None where nothing of it can be read.

    What stands in for a broken field breaks no rule: an id nobody else has, a speaker that need not be cast.
    """
    if not isinstance(line, dict):
        return None
    try:
        return LineBody.model_validate_json(json.dumps(line)).line(_line_id(index, line))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    broken = {step for each in found for step in each["loc"][:1]}
    return Line(
        id=f"/{index}" if "id" in broken else _line_id(index, line),
        speaker=STOCK_PREFIX if "speaker" in broken else line["speaker"],
        text="text" if "text" in broken else line["text"],
    )


def _line_id(index: int, line: Mapping[str, Any]) -> str:
    return str(line.get("id", f"l{index + 1}"))


def _roles(tree: Mapping[str, Any]) -> dict[str, Role]:
    """The names of the cast, whoever plays them: a broken entry has been reported itself."""
    cast = tree.get("cast")
    return {name: Role(speaker_id="") for name in cast} if isinstance(cast, dict) else {}
