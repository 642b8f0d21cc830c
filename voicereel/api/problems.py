"""Every error as a problem (RFC 9457). One of the two places that may catch everything."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from voicereel.api.replies import json_reply, request_id
from voicereel.domain import errors as domain
from voicereel.domain.errors import FieldError, VoiceReelError
from voicereel.telemetry import log

TYPE_ROOT = "https://voicereel.dev/problems/"
MEDIA_TYPE = "application/problem+json"

# What `up` needs to start an engine, and what a busy database needs to calm down.
RETRY_AFTER_S = 2

# A hostile body can break millions of rules; nobody reads more than this.
MAX_ERRORS = 2000

_STATUS: Mapping[type[VoiceReelError], int] = {
    domain.InvalidRequest: 422,
    domain.FileTooLarge: 413,
    domain.NotFound: 404,
    domain.Gone: 410,
    domain.Conflict: 409,
    domain.Unauthenticated: 401,
    domain.Forbidden: 403,
    domain.TooManyStreams: 429,
    domain.Unavailable: 503,
}

# Names of RFC 9110, which Python 3.11 does not know yet.
_TITLES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}

# What werkzeug raises by itself: code and detail.
_HTTP = {
    400: ("bad_request", "The request is not well formed."),
    404: ("not_found", "There is no such resource."),
    405: ("method_not_allowed", "This resource does not take that method; see the Allow header."),
    413: ("too_large", "The body is larger than this operation accepts."),
    415: ("unsupported_media_type", "The body is not of the type this operation takes."),
    416: ("range_not_satisfiable", "The file is shorter than the range begins; see Content-Range."),
}


class RequestRefused(Exception):
    """A request that fails before the domain sees it: unreadable, or of the wrong type."""

    def __init__(self, status: int, code: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)


def register_problems(app: Flask) -> None:
    app.register_error_handler(RequestRefused, _refused)
    app.register_error_handler(VoiceReelError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _refused(error: RequestRefused) -> Response:
    return problem(error.status, error.code, error.detail, errors=error.errors)


def _domain_error(error: VoiceReelError) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return _unexpected(error)
    errors = error.errors if isinstance(error, domain.InvalidRequest) else ()
    return problem(status, error.code, error.detail, errors=errors, retryable=error.retryable)


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return Response(status=308 if error.code is None else error.code, headers=error.get_headers())
    code, detail = _HTTP.get(error.code, (_code(error.code), "The request cannot be served."))
    reply = problem(error.code, code, detail)
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range", "Retry-After"):
            reply.headers[name] = value
    return reply


def _unexpected(error: Exception) -> Response:
    """A fault of ours. The log gets where it was raised, not its text: that may quote a customer."""
    log().error("request_failed", request_id=request_id(), exc_info=error)
    return problem(500, "internal", "Something went wrong on our side; the request id finds it in our logs.")


def problem(
    status: int, code: str, detail: str, *, errors: Sequence[FieldError] = (), retryable: bool = False
) -> Response:
    body: dict[str, Any] = {
        "type": TYPE_ROOT + code,
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": request_id(),
        "retryable": retryable,
        "errors": [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in _listed(errors)],
    }
    reply = json_reply(body, status=status, media_type=MEDIA_TYPE)
    if status == 401:
        reply.headers["WWW-Authenticate"] = 'Bearer realm="voicereel"'
    if status in (429, 503):
        reply.headers["Retry-After"] = str(RETRY_AFTER_S)
    return reply


def _listed(errors: Sequence[FieldError]) -> Sequence[FieldError]:
    """As many as anybody reads; the last one says that there are more."""
    if len(errors) <= MAX_ERRORS:
        return errors
    more = f"{len(errors) - MAX_ERRORS + 1:,} more fields are not valid."
    return [*errors[: MAX_ERRORS - 1], FieldError("", "too_many_errors", more)]


def _code(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_")
