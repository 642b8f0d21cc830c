"""The client against ``openapi.yaml``: the same endpoints, the same fields."""

import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.client.service import (
    JOB_ID,
    LEXICON_ID,
    SOURCE_ID,
    SPEAKER_ID,
    Service,
    empty,
    job,
    lexicon,
    ok,
    page,
    speaker,
)
from voicereel_client import VoiceReel, _edits, _estimates, _models, _usage

CONTRACT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text())
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
ELSEWHERE = {
    "downloadArtifact", "downloadClip", "downloadLineAudio", "getHealth", "getLiveness", "getMetrics",
    "getReadiness", "getLineAudio", "streamJobEvents",
}  # fmt: skip
"""URLs of jobs, clips and lines lead to the first three, operators call the next four, who has no client the
one after; test_events.py calls the last."""
LINE_ID = "the-line"
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
        (_models.Source, SCHEMAS["Source"]),
        (_models.Voice, SCHEMAS["Voice"]),
        (_models.JobRecord, SCHEMAS["Job"]),
        (_models.Progress, inside(SCHEMAS["Job"], "progress")),
        (_models.Stage, SCHEMAS["Stage"]),
        (_models.JobWarning, SCHEMAS["Warning"]),
        (_models.Lexicon, SCHEMAS["Lexicon"]),
        (_models.Pronunciation, SCHEMAS["Pronunciation"]),
        (_models.LexiconRef, inside(SCHEMAS["Job"], "lexicons")["items"]),
        (_models.Outputs, SCHEMAS["Outputs"]),
        (_models.File, SCHEMAS["File"]),
        (_models.AudioFile, SCHEMAS["AudioFile"]),
        (_models.NamedFile, SCHEMAS["NamedFile"]),
        (_models.Stem, SCHEMAS["Stem"]),
        (_models.Clip, SCHEMAS["Clip"]),
        (_models.LineAudio, SCHEMAS["LineAudio"]),
        (_edits.JobLine, SCHEMAS["JobLine"]),
        (_edits.RevisionEstimate, SCHEMAS["RevisionEstimate"]),
        (_estimates.Estimate, SCHEMAS["Estimate"]),
        (_estimates.Span, SCHEMAS["Span"]),
        (_estimates.Expected, inside(SCHEMAS["Estimate"], "expected")),
        (_estimates.AtMost, inside(SCHEMAS["Estimate"], "at_most")),
        (_estimates.Speech, inside(SCHEMAS["Estimate"], "speech")["items"]),
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
    service.answers(ok({"id": SOURCE_ID}))
    vr.sources.create(name="A", file=io.BytesIO(b"RIFF"))
    vr.sources.get(SOURCE_ID)
    service.answers(ok(job()))
    vr.synthesize(lines=[])
    vr.estimate(lines=[])
    vr.jobs.get(JOB_ID)
    vr.jobs.cancel(JOB_ID)
    vr.jobs.approve(JOB_ID)
    vr.jobs.estimate_revision(JOB_ID)
    vr.jobs.revise(JOB_ID, max_cost="1.50")
    vr.queue.get()
    vr.usage.get()
    vr.usage.report(MONTH)
    service.answers(ok(lexicon()))
    vr.lexicons.create(name="Names", entries=[])
    vr.lexicons.get(LEXICON_ID)
    vr.lexicons.replace(LEXICON_ID, name="Names", entries=[])
    service.answers(ok({"id": LINE_ID}))
    vr.jobs.insert_line(JOB_ID, {"speaker": "A", "text": "B"})
    vr.jobs.line(JOB_ID, LINE_ID)
    vr.jobs.update_line(JOB_ID, LINE_ID, text="C")
    service.answers(empty())
    vr.jobs.delete_line(JOB_ID, LINE_ID)
    vr.lexicons.delete(LEXICON_ID)
    vr.speakers.delete(SPEAKER_ID)
    vr.sources.delete(SOURCE_ID)
    vr.jobs.delete(JOB_ID)
    service.answers(page())
    lists = (
        vr.speakers.list(),
        vr.sources.list(),
        vr.lexicons.list(),
        vr.voices.list(),
        vr.jobs.list(),
        vr.jobs.clips(JOB_ID),
        vr.jobs.lines(JOB_ID),
        vr.jobs.revisions(JOB_ID),
    )
    for found in lists:
        assert list(found) == []
    return service.paths


def test_every_operation_is_called_as_the_contract_says(vr: VoiceReel, service: Service):
    names = {
        SOURCE_ID: "{source_id}",
        SPEAKER_ID: "{speaker_id}",
        JOB_ID: "{job_id}",
        LEXICON_ID: "{lexicon_id}",
        LINE_ID: "{line_id}",
        MONTH: "{month}",
    }
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
