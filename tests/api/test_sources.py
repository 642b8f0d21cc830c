"""Sources: what is stored, whose it is, what is refused, and who may name it."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import WAV, Pointers, pointers, script, source_form
from tests.conftest import Headers
from voicereel.bootstrap import Services

NOWHERE = "src_01JB8Z7W3V5K6Q2N4M8T0R1S2X"


def source(content: bytes | None = WAV, **changes: Any) -> dict[str, Any]:
    file = None if content is None else (io.BytesIO(content), "bed.wav")
    return source_form(**({"file": file} | changes))


def post(client: FlaskClient, headers: Headers, form: dict[str, Any], **extra: str) -> Any:
    return client.post(
        "/v1/sources", data=form, headers={**headers, **extra}, content_type="multipart/form-data"
    )


def test_a_source_is_kept_until_it_is_deleted(
    client: FlaskClient, headers: Headers, services: Services
) -> None:
    made = post(client, headers, source())
    assert made.status_code == 201
    found = client.get(made.headers["Location"], headers=headers)
    assert found.json == made.json
    assert (made.json["name"], made.json["format"], made.json["bytes"]) == ("Harbour", "wav", len(WAV))
    assert [each["id"] for each in client.get("/v1/sources", headers=headers).json["data"]] == [
        made.json["id"]
    ]
    keys = [stored.key for stored in services.work.store.keys("")]
    with services.jobs.work.reading() as tx:
        assert tx.artifacts.unknown_keys(keys) == frozenset()
    assert client.delete(made.headers["Location"], headers=headers).status_code == 204
    assert client.get(made.headers["Location"], headers=headers).status_code == 404
    assert client.delete(made.headers["Location"], headers=headers).status_code == 404
    services.artifacts.collect()
    assert list(services.work.store.keys("")) == []


def test_pages_go_on_where_the_last_ended(client: FlaskClient, headers: Headers) -> None:
    made = [post(client, headers, source(name=f"s{n}")).json["id"] for n in range(3)]
    first = client.get("/v1/sources?limit=2", headers=headers).json
    assert first["has_more"]
    rest = client.get(f"/v1/sources?limit=2&cursor={first['next_cursor']}", headers=headers).json
    assert [each["id"] for each in (*first["data"], *rest["data"])] == sorted(made, reverse=True)


def test_the_same_key_and_form_is_one_source(client: FlaskClient, headers: Headers) -> None:
    key = {"Idempotency-Key": "k1"}
    first, second = (post(client, headers, source(), **key) for _ in range(2))
    assert second.json == first.json
    assert second.headers["Idempotent-Replayed"] == "true"
    other = post(client, headers, source(WAV + b"x"), **key)
    assert (other.status_code, pointers(other)) == (422, {"Idempotency-Key": "idempotency_key_reused"})
    assert len(client.get("/v1/sources", headers=headers).json["data"]) == 1


BAD: dict[str, tuple[dict[str, Any], int, Pointers]] = {
    "no name": (source(name=None), 422, {"/name": "missing"}),
    "no file": (source(None), 422, {"/file": "missing"}),
    "a file as text": (source(None, file="RIFF"), 422, {"/file": "not_a_file"}),
    "an empty file": (source(b""), 422, {"/file": "empty_file"}),
    "a name twice": (source(name=["a", "b"]), 422, {"/name": "repeated"}),
    "an unknown field": (source(colour="red"), 422, {"/colour": "unknown_field"}),
    "not audio": (source(b"%PDF-1.7 and so on"), 415, {"/file": "not_audio"}),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_form_is_said(client: FlaskClient, headers: Headers, name: str) -> None:
    form, status, expected = BAD[name]
    reply = post(client, headers, form)
    assert (reply.status_code, pointers(reply)) == (status, expected)


def test_a_bed_names_a_source_of_its_own_tenant(
    client: FlaskClient, headers: Headers, make_headers: Callable[..., Headers]
) -> None:
    theirs = post(client, make_headers(tenant="other"), source()).json["id"]
    for unknown in (NOWHERE, theirs):
        reply = client.post("/v1/synthesize", json=script(bed={"source": unknown}), headers=headers)
        assert (reply.status_code, pointers(reply)) == (422, {"/bed/source": "unknown_source"})
    assert client.get(f"/v1/sources/{theirs}", headers=headers).status_code == 404
    mine = post(client, headers, source()).json["id"]
    reply = client.post("/v1/synthesize", json=script(bed={"source": mine}), headers=headers)
    assert reply.status_code == 202
