"""Spans: one trace from a request to its stage runs, and nothing in them that a customer wrote."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.conftest import make_key
from tests.rendering import studio
from voicereel.api.app import create_app
from voicereel.telemetry import traces

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "the raven is in the orchard"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.send_to(SimpleSpanProcessor(exporter), process="test")
    yield exporter
    traces.stop()


def test_a_request_and_what_comes_of_it_are_one_trace(app: Flask, spans: InMemorySpanExporter) -> None:
    kept = []
    app.add_url_rule("/keep", endpoint="keep", view_func=lambda: (kept.append(traces.current()), "")[1])
    app.test_client().get("/keep", headers={"traceparent": PARENT, "X-Request-Id": "mine"})
    with traces.span("stage", parent=kept[0], kind="consumer", stage="mix", attempt=1):
        pass
    request, stage = spans.get_finished_spans()
    assert (request.name, request.kind, stage.kind) == ("keep", SpanKind.SERVER, SpanKind.CONSUMER)
    assert f"{request.context.trace_id:032x}" == f"{stage.context.trace_id:032x}" == PARENT[3:35]
    assert (request.parent.span_id, stage.parent.span_id) == (int(PARENT[36:52], 16), request.context.span_id)
    assert dict(request.attributes) == {
        "operation": "keep", "method": "GET", "http_status": 200, "request_id": "mine", "tenant_id": "",
    }  # fmt: skip
    assert dict(stage.attributes) == {"stage": "mix", "attempt": 1}


def test_a_job_is_one_trace_from_its_request_to_its_last_stage(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    with studio(tmp_path / "home", engines="fake", default_engine="fake") as service:
        headers = make_key(service.services) | {"traceparent": PARENT, "X-Request-Id": "mine"}
        body = {"lines": [{"speaker": "stock:fake/a", "text": SECRET}]}
        create_app(service.services).test_client().post("/v1/synthesize", json=body, headers=headers)
        service.work()
    request, *stages = spans.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in (request, *stages)} == {PARENT[3:35]}
    assert {span.parent.span_id for span in stages} == {request.context.span_id}
    assert {span.attributes["stage"] for span in stages} == {"synthesize", "fit", "mix", "package"}
    assert SECRET not in "".join(span.to_json() for span in (request, *stages))


@pytest.mark.parametrize("parent", ["", "x", PARENT + "-00", PARENT.upper(), "00-" + "0" * 32 + PARENT[35:]])
def test_a_parent_that_is_none_begins_a_trace(spans: InMemorySpanExporter, parent: str) -> None:
    with traces.span("stage", parent=parent):
        assert traces.current()[3:35] not in (PARENT[3:35], "0" * 32)
    assert spans.get_finished_spans()[0].parent is None


def test_what_is_not_allowed_stays_out(spans: InMemorySpanExporter) -> None:
    def fail() -> None:
        with traces.span("stage", text=SECRET) as note:
            note(title=SECRET, stage="mix")
            raise ValueError(SECRET)

    with pytest.raises(ValueError, match=SECRET):
        fail()
    (span,) = spans.get_finished_spans()
    assert dict(span.attributes) == {"stage": "mix", "error": "ValueError"}
    assert span.status.status_code is StatusCode.ERROR
    assert SECRET not in span.to_json()


def test_a_request_leaves_nothing_behind_for_the_next(app: Flask, spans: InMemorySpanExporter) -> None:
    client = app.test_client()
    client.get("/livez")
    client.get("/nowhere")
    first, second = spans.get_finished_spans()
    assert (first.parent, second.parent) == (None, None)
    assert first.context.trace_id != second.context.trace_id
    assert traces.current() == ""


OFF = """
import sys
from tests.conftest import make_key
from tests.rendering import studio
from voicereel.api.app import create_app
from voicereel.telemetry import traces
assert not traces.configure(process="x", endpoint="")
with traces.span("x", stage="mix") as note:
    note(stage="fit")
print(repr(traces.current()), "opentelemetry" in sys.modules)
"""


def test_without_an_endpoint_nothing_is_loaded() -> None:
    ran = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "'' False"
