"""What went wrong, in words on stderr and as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voicereel_client._errors import (
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    JobFailedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    SpeakerRejectedError,
    UnprocessableError,
    VoiceReelError,
    WaitTimeoutError,
)
from voicereel_client.scripts.problems import ScriptError

if TYPE_CHECKING:
    from voicereel_client.scripts.sources import ScriptSource

FAILURE, USAGE, AUTH, NOT_FOUND, JOB_FAILED, LIMIT, TIMEOUT, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130

_CODES: tuple[tuple[tuple[type[VoiceReelError], ...], int], ...] = (
    ((ScriptError,), USAGE),
    ((AuthenticationError, PermissionDeniedError), AUTH),
    ((NotFoundError,), NOT_FOUND),
    ((JobFailedError, SpeakerRejectedError), JOB_FAILED),
    ((RateLimitError,), LIMIT),
    ((APITimeoutError, RequestTimeoutError, WaitTimeoutError), TIMEOUT),
)


def exit_code(error: VoiceReelError) -> int:
    if isinstance(error, ConfigurationError):
        return AUTH if error.code in ("no_api_key", "bad_api_key") else FAILURE
    return next((code for classes, code in _CODES if isinstance(error, classes)), FAILURE)


def report(error: VoiceReelError | OSError, source: ScriptSource | None = None) -> int:
    """Print it to stderr; the exit code. Bad fields of a script are told by their place in its ``source``."""
    if isinstance(error, OSError):
        complain(f"error: {error.strerror or type(error).__name__}: {error.filename or ''}".rstrip(": "))
        return FAILURE
    if isinstance(error, ScriptError):
        for problem in error.problems:
            complain(problem.shown(error.name))
        return exit_code(error)
    complain(f"error: {error.code}: {error.detail}")
    if source and isinstance(error, UnprocessableError):
        for problem in source.explain(error.errors):
            complain(
                f"  {problem.place.shown(source.name)}: {problem.pointer}: {problem.code}: {problem.detail}"
            )
    else:
        for field in error.errors:
            complain(f"  {field.pointer}: {field.code}: {field.detail}")
    if isinstance(error, SpeakerRejectedError) and error.speaker.error:
        for name, value in error.speaker.error.measured.items():
            complain(f"  {name}: {value}")
    if error.request_id:
        complain(f"  request: {error.request_id}")
    return exit_code(error)


def complain(text: str) -> None:
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """What others wrote must not steer the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
