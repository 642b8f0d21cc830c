"""Each request once: a line in the log, two figures, a span. A stream counts when it begins."""

import time
from contextlib import ExitStack
from dataclasses import dataclass

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, unbind_contextvars

from voicereel.api.auth import caller
from voicereel.api.replies import request_id
from voicereel.telemetry import log, metrics, traces


@dataclass(frozen=True, slots=True)
class _Observed:
    """One request under way. What ``around`` holds ends with it."""

    began: float
    around: ExitStack
    note: traces.Note


def register_observing(app: Flask) -> None:
    """Register after the headers: they make the request's id."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def _begin() -> None:
    # Whatever is logged while the request is served names it.
    bind_contextvars(request_id=request_id())
    around = ExitStack()
    note = around.enter_context(
        traces.span(_operation() or "none", parent=request.headers.get("traceparent"), kind="server")
    )
    g.observed = _Observed(time.perf_counter(), around, note)


def _tell(response: Response) -> Response:
    observed: _Observed = g.observed
    seconds = time.perf_counter() - observed.began
    operation, status, principal = _operation(), response.status_code, caller()
    facts = {
        "operation": operation,
        "method": request.method if operation else "",  # where nothing is served it may be any word
        "request_id": request_id(),
        "tenant_id": principal.tenant_id,
    }
    log().info("request", **facts, status=status, ms=round(seconds * 1000, 1), key_id=principal.key_id)
    metrics.request_served(operation, request.method, status, seconds)
    observed.note(**facts, http_status=status)
    return response


def _end(_error: BaseException | None) -> None:
    observed: _Observed | None = g.pop("observed", None)
    if observed is not None:
        observed.around.close()
        unbind_contextvars("request_id")


def _operation() -> str:
    """The operation of the spec, or the page beside it; "" where nothing is served."""
    return request.endpoint or ""
