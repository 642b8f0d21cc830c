"""What can go wrong, as one tree. Branch on the class or on ``code``; both are stable.

VoiceReelError
├── ConfigurationError            no key, a bad URL, an unreadable profile file
├── APIConnectionError            no reply came
│   └── APITimeoutError           ... in time
├── APIStatusError                the service refused; one class a status
│   ├── BadRequestError           400
│   ├── AuthenticationError       401
│   ├── PermissionDeniedError     403
│   ├── NotFoundError             404
│   ├── RequestTimeoutError       408
│   ├── ConflictError             409
│   ├── PayloadTooLargeError      413
│   ├── UnsupportedMediaTypeError 415
│   ├── UnprocessableError        422
│   ├── RateLimitError            429
│   └── ServerError               5xx
├── JobFailedError                the job failed or was canceled
├── SpeakerRejectedError          the recordings are not good enough
├── scripts.ScriptError           a script file cannot be read
├── WaitTimeoutError              the work goes on, the waiting does not
└── DownloadError                 a file did not arrive as promised
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voicereel_client._flow import Response
    from voicereel_client._models import JobRecord, Speaker


@dataclass(frozen=True)
class FieldError:
    """One bad field: ``pointer`` is a JSON pointer into the body, or a parameter's name."""

    pointer: str
    code: str
    detail: str


class VoiceReelError(Exception):
    """Base of everything this package raises on purpose."""

    code = "client_error"

    def __init__(self, detail: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.request_id = request_id
        self.errors: tuple[FieldError, ...] = ()


class ConfigurationError(VoiceReelError):
    code = "configuration"


class APIConnectionError(VoiceReelError):
    code = "connection_error"


class APITimeoutError(APIConnectionError):
    code = "timeout"


class APIStatusError(VoiceReelError):
    """The service answered with an error.

    ``problem`` is the whole ``application/problem+json`` body ({} if it was something else);
    ``retry_after`` is in seconds, None if the service did not say.
    """

    def __init__(self, response: Response, *, retry_after: float | None = None) -> None:
        problem = _problem(response.content)
        super().__init__(
            str(problem.get("detail") or problem.get("title") or "The service gave no details."),
            code=str(problem.get("code") or f"http_{response.status_code}"),
            request_id=response.request_id or problem.get("request_id"),
        )
        self.status_code = response.status_code
        self.problem = problem
        self.retryable = problem.get("retryable") is True
        self.retry_after = retry_after
        self.errors = _field_errors(problem.get("errors"))

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        fields = "".join(f"\n  {e.pointer}: {e.code}: {e.detail}" for e in self.errors)
        return f"{self.status_code} {self.code}: {self.detail}{request}{fields}"


class BadRequestError(APIStatusError):
    pass


class AuthenticationError(APIStatusError):
    pass


class PermissionDeniedError(APIStatusError):
    pass


class NotFoundError(APIStatusError):
    pass


class RequestTimeoutError(APIStatusError):
    pass


class ConflictError(APIStatusError):
    pass


class PayloadTooLargeError(APIStatusError):
    pass


class UnsupportedMediaTypeError(APIStatusError):
    pass


class UnprocessableError(APIStatusError):
    pass


class RateLimitError(APIStatusError):
    pass


class ServerError(APIStatusError):
    pass


class JobFailedError(VoiceReelError):
    """The job ended as ``failed`` or ``canceled``; ``code`` is the job's own."""

    def __init__(self, job: JobRecord) -> None:
        failure = job.error
        detail = f": {failure.detail}" if failure else ""
        super().__init__(f"Job {job.id} {job.status}{detail}", code=failure.code if failure else job.status)
        self.job = job


class SpeakerRejectedError(VoiceReelError):
    """``speaker.error`` says why, with the measured figures."""

    def __init__(self, speaker: Speaker) -> None:
        failure = speaker.error
        detail = f": {failure.detail}" if failure else ""
        super().__init__(
            f"Speaker {speaker.id} was rejected{detail}", code=failure.code if failure else "rejected"
        )
        self.speaker = speaker


class WaitTimeoutError(VoiceReelError):
    """``waited_for`` is the id of the job or speaker, which goes on by itself."""

    code = "wait_timeout"

    def __init__(self, waited_for: str, timeout: float) -> None:
        super().__init__(f"{waited_for} was not finished after {timeout:g} s; it goes on.")
        self.waited_for = waited_for


class DownloadError(VoiceReelError):
    code = "download_failed"


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    413: PayloadTooLargeError,
    415: UnsupportedMediaTypeError,
    422: UnprocessableError,
    429: RateLimitError,
}


def status_error(response: Response, *, retry_after: float | None = None) -> APIStatusError:
    fallback = ServerError if response.status_code >= 500 else APIStatusError
    return _BY_STATUS.get(response.status_code, fallback)(response, retry_after=retry_after)


def _problem(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _field_errors(listed: object) -> tuple[FieldError, ...]:
    entries = listed if isinstance(listed, list) else []
    return tuple(
        FieldError(*(str(entry.get(key, "")) for key in ("pointer", "code", "detail")))
        for entry in entries
        if isinstance(entry, dict)
    )
