"""Query, header and path parameters, read by the schemas of the spec."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Request

from voicereel.api.cursors import is_cursor
from voicereel.api.moments import parse_moment
from voicereel.domain.errors import FieldError, InvalidRequest, NotFound

_INTEGER = re.compile(r"-?[0-9]{1,16}")

# Clients of the IETF draft send the key as a quoted string; the quotes are not part of it.
_QUOTED = "Idempotency-Key"


class _Bad(ValueError):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of one operation. ``place`` is path, query or header."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]

    def read(self, text: str) -> object:
        kind = "cursor" if self.name == "cursor" else self.schema.get("format", self.schema["type"])
        return _READERS[kind](text, self.schema)


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of one operation; `read` names every bad one at once."""

    declared: tuple[Parameter, ...]

    def read(self, request: Request, path: Mapping[str, str]) -> dict[str, Any]:
        self._check_path(path)
        values: dict[str, Any] = dict(path)
        errors = [*self._unknown(request)]
        for parameter in self.declared:
            if parameter.place != "path":
                errors.extend(_read(parameter, request, values))
        if errors:
            raise InvalidRequest(tuple(errors))
        return values

    def _check_path(self, path: Mapping[str, str]) -> None:
        """An id that no thing can have is not found, like one that no thing has."""
        for parameter in self.declared:
            if parameter.place == "path" and not re.fullmatch(
                parameter.schema["pattern"], path[parameter.name]
            ):
                raise NotFound(_noun(parameter.name))

    def _unknown(self, request: Request) -> Iterator[FieldError]:
        known = {parameter.name for parameter in self.declared if parameter.place == "query"}
        for name in request.args:
            if name not in known:
                yield FieldError(name[:64], "unknown_parameter", "This operation has no such parameter.")


def _read(parameter: Parameter, request: Request, values: dict[str, Any]) -> Iterator[FieldError]:
    given = _given(parameter, request)
    values[parameter.name] = parameter.schema.get("default")
    if len(given) > 1:
        yield FieldError(parameter.name, "repeated", "Give this once.")
    elif given:
        try:
            values[parameter.name] = parameter.read(given[0])
        except _Bad as bad:
            yield FieldError(parameter.name, bad.code, bad.detail)
    elif parameter.required:
        yield FieldError(parameter.name, "missing", "This is required.")


def _given(parameter: Parameter, request: Request) -> list[str]:
    if parameter.place == "query":
        return request.args.getlist(parameter.name)
    text = request.headers.get(parameter.name)
    if text is None:
        return []
    is_quoted = parameter.name == _QUOTED and len(text) > 1 and text[0] == text[-1] == '"'
    return [text[1:-1] if is_quoted else text]


def _integer(text: str, schema: Mapping[str, Any]) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise _Bad("wrong_type", "This must be a whole number.")
    number, low, high = int(text), schema["minimum"], schema["maximum"]
    if not low <= number <= high:
        raise _Bad("out_of_range", f"This must be from {low} to {high}.")
    return number


def _string(text: str, schema: Mapping[str, Any]) -> str:
    if "enum" in schema and text not in schema["enum"]:
        raise _Bad("unknown_value", f"This must be one of {', '.join(schema['enum'])}.")
    if len(text) < schema.get("minLength", 0):
        raise _Bad("too_short", "This must not be empty.")
    if len(text) > schema.get("maxLength", len(text)):
        raise _Bad("too_long", f"At most {schema['maxLength']:,} characters are accepted.")
    # The patterns of the spec are anchored; fullmatch refuses the line break that `$` lets pass.
    if "pattern" in schema and re.fullmatch(schema["pattern"], text) is None:
        raise _Bad("bad_format", "This is not of the form the specification gives.")
    return text


def _boolean(text: str, _schema: Mapping[str, Any]) -> bool:
    if text not in ("true", "false"):
        raise _Bad("wrong_type", "This must be true or false.")
    return text == "true"


def _moment(text: str, _schema: Mapping[str, Any]) -> datetime:
    try:
        return parse_moment(text)
    except ValueError:
        raise _Bad("bad_moment", "This must be a moment such as 2026-11-20T09:30:00Z.") from None


def _date(text: str, _schema: Mapping[str, Any]) -> date:
    try:
        return parse_moment(f"{text}T00:00:00Z").date()
    except ValueError:
        raise _Bad("bad_date", "This must be a day such as 2026-11-20.") from None


def _cursor(text: str, schema: Mapping[str, Any]) -> str:
    if not is_cursor(_string(text, schema)):
        raise _Bad("bad_cursor", "This is not a 'next_cursor' of ours.")
    return text


_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], object]] = {
    "cursor": _cursor,
    "boolean": _boolean,
    "integer": _integer,
    "string": _string,
    "date": _date,
    "date-time": _moment,
}


def _noun(parameter: str) -> str:
    noun = parameter.removesuffix("_id")
    return "file" if noun == "artifact" else noun
