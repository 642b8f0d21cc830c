"""The client against ``openapi.yaml``: the same endpoints, the same fields."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.client.service import JOB_ID, SPEAKER_ID, Service, empty, job, ok, page, speaker
from voicereel_client import VoiceReel, _models, _usage

CONTRACT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text())
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
ELSEWHERE = {
    "downloadArtifact", "getHealth", "getLiveness", "getMetrics", "getReadiness", "streamJobEvents"
}  # fmt: skip
"""A job's URLs lead to the first, operators call the next four, test_events.py the last."""
MONTH = "2026-10"


def inside(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The object below a property, where it may also be null."""
    found = schema["properties"][name]
    return next((one for one in found.get("anyOf", []) if one.get("type") == "object"), found)


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        (_models.Speaker, SCHEMAS["Speaker"]),
        (_models.Consent, inside(SCHEMAS["Speaker"], "consent")),
        (_models.Reference, inside(SCHEMAS["Speaker"], "reference")),
        (_models.Capabilities, inside(SCHEMAS["Voice"], "capabilities")),
        (_models.Failure, SCHEMAS["Failure"]),
        (_models.Voice, SCHEMAS["Voice"]),
        (_models.JobRecord, SCHEMAS["Job"]),
        (_models.Progress, inside(SCHEMAS["Job"], "progress")),
        (_models.Stage, SCHEMAS["Stage"]),
        (_models.JobWarning, SCHEMAS["Warning"]),
        (_models.Outputs, SCHEMAS["Outputs"]),
        (_models.File, SCHEMAS["File"]),
        (_models.AudioFile, SCHEMAS["AudioFile"]),
        (_usage.Usage, SCHEMAS["Usage"]),
        (_usage.UsageGroup, SCHEMAS["UsageGroup"]),
        (_usage.UsageTotal, SCHEMAS["UsageTotal"]),
        (_usage.UsageReport, SCHEMAS["UsageReport"]),
        (_usage.UsageEntry, SCHEMAS["UsageEntry"]),
        (_usage.UsageItem, SCHEMAS["UsageItem"]),
        (_models.Queue, SCHEMAS["Queue"]),
        (_models.Pool, inside(SCHEMAS["Queue"], "pools")["items"]),
    ],
)
def test_models_have_the_fields_of_the_contract(model: type, schema: dict[str, Any]):
    names = {_models._key(known.name) for known in fields(model)}
    assert names - {"raw"} == set(schema["properties"])


def called(vr: VoiceReel, service: Service) -> list[str]:
    service.answers(ok(speaker()))
    vr.speakers.create(name="A", language="en", samples=[], consent={})
    vr.speakers.get(SPEAKER_ID)
    vr.speakers.update(SPEAKER_ID, name="B")
    service.answers(ok(job()))
    vr.synthesize(lines=[])
    vr.jobs.get(JOB_ID)
    vr.jobs.cancel(JOB_ID)
    vr.jobs.approve(JOB_ID)
    vr.queue.get()
    vr.usage.get()
    vr.usage.report(MONTH)
    service.answers(empty())
    vr.speakers.delete(SPEAKER_ID)
    vr.jobs.delete(JOB_ID)
    service.answers(page())
    for found in (vr.speakers.list(), vr.voices.list(), vr.jobs.list()):
        assert list(found) == []
    return service.paths


def test_every_operation_is_called_as_the_contract_says(vr: VoiceReel, service: Service):
    names = {SPEAKER_ID: "{speaker_id}", JOB_ID: "{job_id}", MONTH: "{month}"}
    sent = set()
    for path in called(vr, service):
        for identity, name in names.items():
            path = path.replace(identity, name)
        sent.add(path)
    assert sent == {
        f"{method.upper()} {path}"
        for path, item in CONTRACT["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and operation["operationId"] not in ELSEWHERE
    }


def test_a_script_is_synthesized_with_every_field_of_the_contract(vr: VoiceReel):
    accepted = set(vr.synthesize.__annotations__) - {"script", "idempotency_key", "return"}
    assert accepted == set(SCHEMAS["Script"]["properties"])
