"""The errors of the domain. Each has a stable ``code``; whether to retry is a fact of the failure.

VoiceReelError
├── InvalidRequest        the customer's input breaks a rule; carries every bad field
├── FileTooLarge          an upload is over the limit
├── NotFound              no such thing, or another tenant's
├── Gone                  it was there, and is not kept any more
├── Conflict              the thing is in a state that does not allow this
├── Unauthenticated       no credential, or a wrong one
├── Forbidden             the credential lacks a scope
├── TooManyStreams        event streams are used up; poll instead
├── Unavailable           try again later (no engine up, database busy)
├── StageFailed           a stage cannot produce its result
├── NoPrice               nothing says what this costs
└── LeaseLost             this worker no longer owns the stage run; write nothing
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field: ``pointer`` is an RFC 6901 JSON pointer into the request body."""

    pointer: str
    code: str
    detail: str


class VoiceReelError(Exception):
    """Base of everything the domain raises on purpose.

    ``detail`` is written for the customer: it never holds script text, paths or SQL.
    """

    code = "internal"
    retryable = False
    measured: Mapping[str, float] = MappingProxyType({})

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class InvalidRequest(VoiceReelError):
    """The request breaks one or more rules; ``errors`` names every bad field at once."""

    code = "invalid_request"

    def __init__(self, errors: tuple[FieldError, ...], *, code: str | None = None) -> None:
        super().__init__(f"{len(errors)} field(s) of the request are not valid.", code=code)
        self.errors = errors


class FileTooLarge(VoiceReelError):
    code = "too_large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"At most {max_bytes:,} bytes are accepted.")


class NotFound(VoiceReelError):
    code = "not_found"

    def __init__(self, what: str, *, code: str | None = None, detail: str | None = None) -> None:
        super().__init__(detail or f"There is no such {what}.", code=code)


class Gone(VoiceReelError):
    code = "gone"


class Conflict(VoiceReelError):
    code = "conflict"


class Unauthenticated(VoiceReelError):
    code = "unauthenticated"

    def __init__(self, detail: str = "Send a valid API key as 'Authorization: Bearer vr_live_…'.") -> None:
        super().__init__(detail)


class Forbidden(VoiceReelError):
    code = "missing_scope"


class TooManyStreams(VoiceReelError):
    code = "too_many_streams"
    retryable = True


class Unavailable(VoiceReelError):
    code = "unavailable"
    retryable = True


class StageFailed(VoiceReelError):
    """A stage cannot produce its result. ``measured`` are figures the customer may see."""

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        retryable: bool = False,
        measured: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(detail, code=code)
        self.retryable = retryable
        self.measured = dict(measured or {})


class NoPrice(VoiceReelError):
    code = "no_price"


class LeaseLost(VoiceReelError):
    code = "lease_lost"
