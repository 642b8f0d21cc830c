"""Enrolment forms: what is refused, and how."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import CONSENT, WAV, Pointers, form, pointers
from tests.conftest import Headers
from voicereel.bootstrap import Services

BAD_FORMS: dict[str, tuple[dict[str, Any], int, Pointers]] = {
    "no name": (form(name=None), 422, {"/name": "missing"}),
    "blank name": (form(name="  "), 422, {"/name": "bad_format"}),
    "bad language": (form(language="english!"), 422, {"/language": "bad_language"}),
    "a language the engine lacks": (form(language="ko"), 422, {"/language": "language_not_supported"}),
    "no consent": (form(consent=None), 422, {"/consent": "missing"}),
    "consent is no JSON": (form(consent="yes"), 422, {"/consent": "wrong_type"}),
    "consent without a subject": (
        form(consent=json.dumps(CONSENT | {"subject": ""})),
        422,
        {"/consent/subject": "too_short"},
    ),
    "consent at no moment": (
        form(consent=json.dumps(CONSENT | {"attested_at": "2026-11-01"})),
        422,
        {"/consent/attested_at": "bad_moment"},
    ),
    "consent before the year 1": (
        form(consent=json.dumps(CONSENT | {"attested_at": "0001-01-01T00:00:00+12:00"})),
        422,
        {"/consent/attested_at": "bad_moment"},
    ),
    "consent before the year 1000": (
        form(consent=json.dumps(CONSENT | {"attested_at": "0999-12-31T23:59:59Z"})),
        422,
        {"/consent/attested_at": "bad_moment"},
    ),
    "consent until after the year 9999": (
        form(consent=json.dumps(CONSENT | {"expires_at": "9999-12-31T23:59:59-01:00"})),
        422,
        {"/consent/expires_at": "bad_moment"},
    ),
    "consent of unknown fields": (
        form(consent=json.dumps(CONSENT | {"x": 1})),
        422,
        {"/consent/x": "unknown_field"},
    ),
    "unknown field": (form(colour="red"), 422, {"/colour": "unknown_field"}),
    "a field twice": (form(name=["Ana", "Eva"]), 422, {"/name": "repeated"}),
    "no recordings": (form(samples=None), 422, {"/samples": "too_few"}),
    "six recordings": (form(*[WAV] * 6), 422, {"/samples": "too_many"}),
    "an empty file": (form(WAV, b""), 422, {"/samples/1": "empty_file"}),
    "recordings as text": (form(samples="RIFF"), 422, {"/samples": "not_a_file"}),
    "not audio": (form(b"%PDF-1.7 and so on"), 415, {"/samples/0": "not_audio"}),
    "a picture beside audio": (form(WAV, b"\x89PNG\r\n\x1a\n0000"), 415, {"/samples/1": "not_audio"}),
    "not audio, and no name": (
        form(b"<html>", name=None),
        422,
        {"/name": "missing", "/samples/0": "not_audio"},
    ),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_bad_form_is_refused_with_its_pointer(client: FlaskClient, headers: Headers, name: str) -> None:
    data, status, expected = BAD_FORMS[name]
    data = {key: _fresh(value) for key, value in data.items()}
    reply = client.post("/v1/speakers", data=data, headers=headers, content_type="multipart/form-data")
    assert reply.status_code == status
    assert expected.items() <= pointers(reply).items()


def _fresh(value: Any) -> Any:
    """Parametrised files are read by their first test; each gets its own."""
    if not isinstance(value, list) or isinstance(value[0], str):
        return value
    return [(io.BytesIO(stream.getvalue()), name) for stream, name in value]


def test_a_recording_over_the_limit_is_413(client: FlaskClient, headers: Headers, services: Services) -> None:
    big = WAV + bytes(services.speakers.max_sample_bytes)
    reply = client.post("/v1/speakers", data=form(WAV, big), headers=headers)
    assert (reply.status_code, pointers(reply)) == (413, {"/samples/1": "too_large"})


def test_a_form_without_a_boundary_is_400(client: FlaskClient, headers: Headers) -> None:
    reply = client.post("/v1/speakers", data=b"--x\r\n", content_type="multipart/form-data", headers=headers)
    assert (reply.status_code, reply.json["code"]) == (400, "malformed_multipart")


def test_a_speaker_is_enrolled_and_renamed(client: FlaskClient, headers: Headers) -> None:
    reply = client.post("/v1/speakers", data=form(WAV, WAV + b"more", transcript="Hi.\x00"), headers=headers)
    assert reply.status_code == 202
    assert reply.headers["Location"] == f"/v1/speakers/{reply.json['id']}"
    assert reply.json["consent"]["attested_at"] == "2026-11-01T10:00:00.000Z"
    renamed = client.patch(reply.headers["Location"], json={"name": "Eva"}, headers=headers)
    assert renamed.json["name"] == "Eva"
    assert client.patch(reply.headers["Location"], json={"name": 1}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("files", "changes", "pointer", "code"),
    [
        ((WAV, WAV), {}, "/samples/1", "repeated"),
        ((WAV,), {"expires_at": "2026-01-01T00:00:00Z"}, "/consent/expires_at", "consent_expired"),
        ((WAV,), {"attested_at": "2999-01-01T00:00:00Z"}, "/consent/attested_at", "attested_in_future"),
    ],
)
def test_recordings_are_not_kept_without_sense_or_consent(
    client: FlaskClient,
    headers: Headers,
    services: Services,
    files: tuple[bytes, ...],
    changes: dict[str, str],
    pointer: str,
    code: str,
) -> None:
    consent = json.dumps({**CONSENT, **changes})
    reply = client.post("/v1/speakers", data=form(*files, consent=consent), headers=headers)
    assert reply.status_code == 422
    assert [(error["pointer"], error["code"]) for error in reply.json["errors"]] == [(pointer, code)]
    assert list(services.work.store.keys()) == []
