"""What can be known of a script without the service: the bounds of the contract, and names that must agree.

``script.schema.json`` is the ``Script`` of openapi.yaml; a test keeps the two the same. The codes are the
service's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from voicereel_client._errors import FieldError
from voicereel_client.scripts.drafts import escaped

Schema = Mapping[str, Any]

_KINDS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "object": (dict, "This must be an object."),
    "array": (list, "This must be a list."),
    "string": (str, "This must be a string."),
    "integer": (int, "This must be a whole number."),
    "number": ((int, float), "This must be a number."),
    "boolean": (bool, "This must be true or false."),
}
# One rule has one code, whichever of the two says it.
_ON_FIELD = {
    ("lines", "too_many"): "too_many_lines",
    ("text", "too_long"): "line_too_long",
    ("text", "bad_format"): "blank",
    ("text", "too_short"): "blank",
    ("language", "bad_format"): "bad_language",
}


@cache
def schema() -> Schema:
    text = Path(__file__).with_name("script.schema.json").read_text(encoding="utf-8")
    found: Schema = json.loads(text)
    return found


def violations(script: Mapping[str, Any]) -> Iterator[FieldError]:
    for found in _against(script, schema(), ""):
        field = found.pointer.rpartition("/")[2]
        yield FieldError(found.pointer, _ON_FIELD.get((field, found.code), found.code), found.detail)
    lines = script.get("lines")
    if isinstance(lines, list):
        yield from _repeated_ids(lines)
        yield from _slots(lines)


def is_speaker_id(name: str) -> bool:
    return name.startswith(("spk_", "stock:"))


def _repeated_ids(lines: list[Any]) -> Iterator[FieldError]:
    first: dict[object, int] = {}
    for index, line in enumerate(lines):
        named = line.get("id") if isinstance(line, dict) else None
        name = named if isinstance(named, str) else f"l{index + 1}"
        if name in first:
            detail = f"Line {first[name] + 1} has the id {name!r}, too: give it another."
            yield FieldError(f"/lines/{index}/id", "duplicate_line_id", detail)
        first.setdefault(name, index)


def _slots(lines: list[Any]) -> Iterator[FieldError]:
    for index, line in enumerate(lines):
        slot = line.get("slot") if isinstance(line, dict) else None
        start, end = (slot.get(name) for name in ("start_ms", "end_ms")) if isinstance(slot, dict) else (0, 1)
        if isinstance(start, int) and isinstance(end, int) and end <= start:
            yield FieldError(f"/lines/{index}/slot/end_ms", "slot_order", "A slot ends after its start.")


def _against(value: object, rule: Schema, pointer: str) -> Iterator[FieldError]:
    if "anyOf" in rule:
        yield from _against_any(value, rule["anyOf"], pointer)
        return
    kind, complaint = _KINDS.get(rule.get("type", ""), (object, ""))
    # JSON Schema counts 1.0 as an integer, and true as none
    whole = rule.get("type") == "integer" and isinstance(value, float) and value.is_integer()
    if not (isinstance(value, kind) or whole) or (isinstance(value, bool) and kind is not bool):
        yield FieldError(pointer, "wrong_type", complaint)
    elif "enum" in rule and value not in rule["enum"]:
        known = ", ".join(str(each) for each in rule["enum"])
        yield FieldError(pointer, "unknown_value", f"This must be one of {known}.")
    elif isinstance(value, dict):
        yield from _against_object(value, rule, pointer)
    elif isinstance(value, list):
        yield from _against_list(value, rule, pointer)
    elif isinstance(value, str):
        yield from _against_text(value, rule, pointer)
    elif isinstance(value, int | float):
        yield from _against_number(value, rule, pointer)


def _against_any(value: object, rules: list[Schema], pointer: str) -> Iterator[FieldError]:
    """By the rule for this type of value, so that the words fit; by the first where there is none."""
    fitting = (rule for rule in rules if isinstance(value, _KINDS.get(rule.get("type", ""), (object, ""))[0]))
    yield from _against(value, next(fitting, rules[0]), pointer)


def _against_object(value: Mapping[str, Any], rule: Schema, pointer: str) -> Iterator[FieldError]:
    properties, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    for name in rule.get("required", ()):
        if name not in value:
            yield FieldError(f"{pointer}/{escaped(name)}", "missing", f"'{name}' is required.")
    if len(value) > rule.get("maxProperties", len(value)):
        yield FieldError(pointer, "too_many", f"At most {rule['maxProperties']:,} are accepted.")
    for name, inner in value.items():
        below = f"{pointer}/{escaped(name)}"
        if "propertyNames" in rule and next(_against_text(name, rule["propertyNames"], below), None):
            yield FieldError(below, "bad_format", "This is no name for it.")
        elif name in properties:
            yield from _against(inner, properties[name], below)
        elif others is False:
            known = ", ".join(properties)
            yield FieldError(below, "unknown_field", f"There is no such field. There are {known}.")
        elif isinstance(others, dict):
            yield from _against(inner, others, below)


def _against_list(value: list[Any], rule: Schema, pointer: str) -> Iterator[FieldError]:
    if len(value) < rule.get("minItems", 0):
        yield FieldError(pointer, "too_few", f"At least {rule['minItems']:,}, please.")
    if len(value) > rule.get("maxItems", len(value)):
        yield FieldError(pointer, "too_many", f"At most {rule['maxItems']:,} are accepted.")
    if rule.get("uniqueItems") and len({json.dumps(each, sort_keys=True) for each in value}) < len(value):
        yield FieldError(pointer, "repeated", "Each may be named once.")
    for index, inner in enumerate(value):
        yield from _against(inner, rule.get("items", {}), f"{pointer}/{index}")


def _against_text(value: str, rule: Schema, pointer: str) -> Iterator[FieldError]:
    if len(value) > rule.get("maxLength", len(value)):
        yield FieldError(pointer, "too_long", f"At most {rule['maxLength']:,} characters are accepted.")
    elif len(value) < rule.get("minLength", 0):
        yield FieldError(pointer, "too_short", "There is nothing in it.")
    elif "pattern" in rule and not _pattern(rule["pattern"]).search(value):
        yield FieldError(pointer, "bad_format", f"This is not of the form {rule['pattern']}.")


def _against_number(value: float, rule: Schema, pointer: str) -> Iterator[FieldError]:
    low, high = rule.get("minimum", value), rule.get("maximum", value)
    if not low <= value <= high:
        yield FieldError(pointer, "out_of_range", f"This must be from {low:g} to {high:g}.")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """The contract's patterns are ECMAScript's: there ``$`` is the end and nothing before a line break."""
    return re.compile(re.sub(r"\$$", r"\\Z", text))
