"""What pydantic found, as errors of ours: stable codes, RFC 6901 pointers, never the input itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from voicereel.domain.errors import FieldError
from voicereel.services.casting import escape_pointer

# A key longer than this is not a slip of the pen: the error names the object that holds it.
_LONGEST_KEY = 64

# Steps of pydantic's own in a location: a key instead of its value, the branches of a union.
_NOT_IN_BODY = frozenset({"[key]", "cast:speaker", "cast:entry"})

Facts = Mapping[str, Any]

_WRONG_TYPE = {
    "string_type": "This must be a string.",
    "int_type": "This must be a whole number.",
    "float_type": "This must be a number.",
    "bool_type": "This must be true or false.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be a JSON object.",
    "union_tag_not_found": "This must be a speaker's id, or an object with one.",
}

_OTHERS: Mapping[str, tuple[str, Callable[[Facts], str]]] = {
    "missing": ("missing", lambda _: "This is required."),
    "extra_forbidden": ("unknown_field", lambda _: "There is no such field."),
    "finite_number": ("not_finite", lambda _: "This must be a finite number."),
    "literal_error": ("unknown_value", lambda facts: f"This must be {facts['expected']}."),
    "greater_than_equal": ("out_of_range", lambda facts: f"This must be at least {facts['ge']}."),
    "less_than_equal": ("out_of_range", lambda facts: f"This must be at most {facts['le']}."),
    "string_too_short": ("too_short", lambda facts: f"At least {facts['min_length']:,} characters, please."),
    "string_too_long": (
        "too_long",
        lambda facts: f"At most {facts['max_length']:,} characters are accepted.",
    ),
    "string_pattern_mismatch": ("bad_format", lambda _: "This is not of the form the specification gives."),
    "too_short": ("too_few", lambda facts: f"At least {facts['min_length']:,}, please."),
    "too_long": ("too_many", lambda facts: f"At most {facts['max_length']:,} are accepted."),
}

# One rule has one code, whether the schema or a setting of this deployment is stricter.
_ON_FIELD = {
    ("lines", "too_many"): "too_many_lines",
    ("text", "too_long"): "line_too_long",
    ("language", "bad_format"): "bad_language",
}


def field_errors(error: ValidationError, *, under: Iterable[str | int] = ()) -> Iterator[FieldError]:
    """Every error; ``under`` is where in the request's body the model was read from."""
    for found in error.errors(include_url=False, include_input=False):
        steps = [*under, *found["loc"]]
        yield _field_error(steps, found)


def _field_error(steps: Sequence[str | int], found: ErrorDetails) -> FieldError:
    kind = str(found["type"])
    if kind in _WRONG_TYPE:
        code, detail = "wrong_type", _WRONG_TYPE[kind]
    elif kind in _OTHERS:
        code, make = _OTHERS[kind]
        detail = make(found.get("ctx", {}))
    else:  # raised by a validator of ours: its type is the code, its message was written for customers
        code, detail = kind, found["msg"]
    field = str(steps[-1]) if steps else ""
    return FieldError(pointer(steps), _ON_FIELD.get((field, code), code), detail)


def pointer(steps: Iterable[str | int]) -> str:
    """A location as a JSON pointer; it ends above a key that is too long to show."""
    text = ""
    for step in steps:
        if step in _NOT_IN_BODY:
            continue
        if isinstance(step, str) and len(step) > _LONGEST_KEY:
            break
        text += "/" + escape_pointer(str(step))
    return text
