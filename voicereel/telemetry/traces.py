"""Traces by OpenTelemetry, where an endpoint is set: one from a request through its stage runs.

Off, or without the extra `traces`, nothing is loaded and a span costs about a microsecond. Attributes
that are not in `ATTRIBUTES` are left out, and so is what exceptions say.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

Attribute = str | int | float | bool
Note = Callable[..., None]

ATTRIBUTES = frozenset(
    (
        "attempt",
        "code",
        "engine",
        "error",
        "fence",
        "http_status",
        "job_id",
        "lines",
        "method",
        "operation",
        "outcome",
        "pool",
        "process",
        "request_id",
        "rows",
        "shard",
        "stage",
        "stage_run_id",
        "tenant_id",
        "topic",
    )
)

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

# An exporter that waits longer would hold up the end of its process.
_EXPORT_TIMEOUT_S = 3.0

_tracer: "Tracer | None" = None


def configure(*, process: str, endpoint: str) -> bool:
    """Send spans to an OTLP/HTTP ``endpoint`` (the whole URL, such as `http://host:4318/v1/traces`).

    False where none is given or the extra `traces` is missing: spans do nothing then.
    """
    stop()
    if not endpoint:
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return False
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_TIMEOUT_S)
    send_to(BatchSpanProcessor(exporter), process=process)
    return True


def send_to(processor: "SpanProcessor", *, process: str) -> None:
    """Give spans to a processor of the library's from now on."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    global _tracer
    facts = {"service.name": "voicereel", "service.version": version("voicereel"), "process": process}
    provider = TracerProvider(resource=Resource.create(facts))
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("voicereel")


def stop() -> None:
    """Spans do nothing from now on."""
    global _tracer
    _tracer = None


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: Literal["internal", "server", "consumer"] = "internal",
    **attributes: Attribute,
) -> Iterator[Note]:
    """Time a block. ``parent`` is a traceparent: of the caller, or kept with the work.

    Without one the span belongs to the one around it. Yields a function that adds attributes. A
    ``parent`` that cannot be read begins a trace of its own.
    """
    if _tracer is None:
        yield _ignore
        return
    from opentelemetry import trace

    started = _tracer.start_span(
        name,
        context=None if parent is None else _context(parent),
        kind=trace.SpanKind[kind.upper()],
        attributes=_allowed(attributes),
    )
    with trace.use_span(started, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield lambda **more: started.set_attributes(_allowed(more))
        except BaseException as error:
            _mark_failed(started, error)
            raise


def current() -> str:
    """The traceparent (W3C) of the span around; "" where there is none."""
    if _tracer is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import (
        TraceContextTextMapPropagator,
    )

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", "")


def _context(parent: str) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import (
        TraceContextTextMapPropagator,
    )

    if not _TRACEPARENT.fullmatch(parent):
        return Context()
    return TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())


def _mark_failed(started: "Span", error: BaseException) -> None:
    from opentelemetry.trace import StatusCode

    started.set_attribute("error", type(error).__name__)
    started.set_status(StatusCode.ERROR)


def _allowed(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    return {name: value for name, value in attributes.items() if name in ATTRIBUTES}


def _ignore(**_attributes: Attribute) -> None:
    """What a span yields where traces are off."""
