"""How large a script may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.job import LineRecord
from voicereel.domain.pronunciation import spoken_length
from voicereel.domain.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptLimits:
    """How large one script may be; see the settings."""

    lines: int = 2000
    line_characters: int = 5000
    script_characters: int = 200_000
    reel_ms: int = 240 * 60_000


def check_limits(script: Script, limits: ScriptLimits) -> None:
    """Refuse a script that is larger than this deployment takes."""
    errors = tuple(_over_limits(script, limits))
    if errors:
        raise InvalidRequest(errors)


def check_spoken(records: Sequence[LineRecord], limits: ScriptLimits) -> None:
    """Refuse lines that are longer than this deployment takes once their words are put in their place."""
    lengths = [spoken_length(record.line.text, record.readings) for record in records]
    errors = [
        FieldError(
            f"/lines/{record.ordinal}/text",
            "line_too_long",
            f"At most {limits.line_characters:,} characters are spoken of a line, pronunciations included.",
        )
        for record, length in zip(records, lengths, strict=True)
        if record.readings and length > limits.line_characters
    ]
    if any(record.readings for record in records) and sum(lengths) > limits.script_characters:
        detail = f"At most {limits.script_characters:,} characters are spoken, pronunciations included."
        errors.append(FieldError("/lines", "script_too_long", detail))
    if errors:
        raise InvalidRequest(tuple(errors))


def _over_limits(script: Script, limits: ScriptLimits) -> Iterator[FieldError]:
    pauses_ms = sum(line.pause_after_ms - line.overlap_ms for line in script.lines)
    if pauses_ms > limits.reel_ms and not any(line.slot for line in script.lines):
        yield FieldError("/lines", "reel_too_long", "The pauses alone are longer than a reel may be.")
    if len(script.lines) > limits.lines:
        yield FieldError("/lines", "too_many_lines", f"At most {limits.lines:,} lines are accepted.")
    if sum(len(line.text) for line in script.lines) > limits.script_characters:
        detail = f"At most {limits.script_characters:,} characters are accepted in all lines together."
        yield FieldError("/lines", "script_too_long", detail)
    for index, line in enumerate(script.lines):
        if len(line.text) > limits.line_characters:
            detail = f"At most {limits.line_characters:,} characters are accepted in a line."
            yield FieldError(f"/lines/{index}/text", "line_too_long", detail)
        if line.slot and line.slot.end_ms > limits.reel_ms:
            yield FieldError(f"/lines/{index}/slot/end_ms", "reel_too_long", "The reel would be too long.")
