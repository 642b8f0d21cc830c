"""Crashes to Sentry, where a DSN is set: which error, in which frames, of which process; nothing else.

Every error that is logged with an exception is a crash report, and so is an exception that nobody caught.
An event is made anew from what may leave, so that a new version of the library can add nothing to it.
"""

from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport
    from sentry_sdk.types import Event, Hint

_EVENT = ("event_id", "timestamp", "level", "platform", "release", "sdk")
_EXCEPTION = ("type", "module", "mechanism", "thread_id")
_MECHANISM = ("type", "handled")
_FRAME = ("filename", "function", "module", "lineno", "in_app")
_LEVELS = ("error", "critical")
_TAGS = ("process", "request_id", "job_id", "stage", "attempt")

_on = False


def configure(dsn: str, *, process: str, transport: "type[Transport] | None" = None) -> bool:
    """Report crashes from now on; False where no DSN is given or the extra `sentry` is missing.

    ``transport`` takes the place of HTTP.
    """
    global _on
    _on = False
    if dsn:
        with suppress(ImportError):
            _start(dsn, process, transport)
            _on = True
    return _on


def _start(dsn: str, process: str, transport: "type[Transport] | None") -> None:
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.threading import ThreadingIntegration

    sentry_sdk.init(
        dsn,
        transport=transport,
        release=f"voicereel@{version('voicereel')}",
        default_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda *_: None),
            ExcepthookIntegration(),
            ThreadingIntegration(),
        ],
        before_send=_only_what_may_leave,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        shutdown_timeout=1,
    )
    sentry_sdk.set_tag("process", process)


def report(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A log processor: send the exception of a line, if it has one and is an error."""
    error = line.get("exc_info")
    if _on and isinstance(error, BaseException) and line.get("level") in _LEVELS:
        import sentry_sdk

        sentry_sdk.capture_exception(error, tags={name: str(line[name]) for name in _TAGS if name in line})
    return line


def _only_what_may_leave(event: "Event", _hint: "Hint") -> "Event":
    found: dict[str, Any] = dict(event)
    kept = _only(found, _EVENT)
    kept["tags"] = _only(found.get("tags") or {}, _TAGS)
    values = (found.get("exception") or {}).get("values", ())
    kept["exception"] = {"values": [_exception(value) for value in values]}
    return kept  # type: ignore[return-value]


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    """Type and frames. The message is left out: it may quote what a customer sent."""
    frames = (value.get("stacktrace") or {}).get("frames", ())
    kept = _only(value, _EXCEPTION)
    if kept.get("mechanism"):
        kept["mechanism"] = _only(kept["mechanism"], _MECHANISM)
    return kept | {"stacktrace": {"frames": [_only(frame, _FRAME) for frame in frames]}}


def _only(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}
