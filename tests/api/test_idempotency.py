"""The same POST sent twice is done once."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.bodies import CONSENT, JSON, WAV, form, script
from tests.conftest import Headers

KEY = "Idempotency-Key"


def count(client: FlaskClient, headers: Headers, path: str = "/v1/jobs") -> int:
    return len(client.get(f"{path}?limit=100", headers=headers).json["data"])


def test_the_first_reply_is_replayed(client: FlaskClient, headers: Headers) -> None:
    keyed = headers | {KEY: "k"}
    first, second = (client.post("/v1/synthesize", json=script(), headers=keyed) for _ in range(2))
    assert (first.status_code, first.data, first.headers["Location"]) == (
        second.status_code,
        second.data,
        second.headers["Location"],
    )
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert count(client, headers) == 1


def test_one_pair_of_quotes_is_not_part_of_the_key(client: FlaskClient, headers: Headers) -> None:
    for key in ("k", '"k"'):
        client.post("/v1/synthesize", json=script(), headers=headers | {KEY: key})
    assert count(client, headers) == 1
    client.post("/v1/synthesize", json=script(), headers=headers | {KEY: '""k""'})
    assert count(client, headers) == 2


def test_a_key_of_255_characters_may_be_quoted(client: FlaskClient, headers: Headers) -> None:
    reply = client.post("/v1/synthesize", json=script(), headers=headers | {KEY: f'"{"k" * 255}"'})
    assert reply.status_code == 202


@pytest.mark.parametrize("key", ["", '""', "a b", "k" * 256, "\x7f", "ä", "a\tb"])
def test_a_bad_key_is_422(client: FlaskClient, headers: Headers, key: str) -> None:
    reply = client.post("/v1/synthesize", json=script(), headers=headers | {KEY: key})
    assert reply.status_code == 422
    assert [error["pointer"] for error in reply.json["errors"]] == [KEY]
    assert count(client, headers) == 0


def test_another_body_under_a_key_is_422(client: FlaskClient, headers: Headers) -> None:
    keyed = headers | {KEY: "k"}
    client.post("/v1/synthesize", json=script(), headers=keyed)
    reply = client.post("/v1/synthesize", json=script(title="x"), headers=keyed)
    assert (reply.status_code, reply.json["code"]) == (422, "idempotency_key_reused")


def test_a_refused_request_does_not_use_up_its_key(client: FlaskClient, headers: Headers) -> None:
    keyed = headers | {KEY: "k"}
    assert client.post("/v1/synthesize", json=script(lines=[]), headers=keyed).status_code == 422
    assert client.post("/v1/synthesize", json=script(), headers=keyed).status_code == 202


def test_a_key_belongs_to_its_tenant_and_route(
    client: FlaskClient, make_headers: Callable[..., Headers]
) -> None:
    one, other = make_headers(tenant="one") | {KEY: "k"}, make_headers(tenant="other") | {KEY: "k"}
    ids = [client.post("/v1/synthesize", json=script(), headers=each).json["id"] for each in (one, other)]
    assert len(set(ids)) == 2
    assert client.post(f"/v1/jobs/{ids[0]}/cancel", headers=one).status_code == 200


def test_a_cancel_is_replayed_where_a_second_one_conflicts(client: FlaskClient, headers: Headers) -> None:
    jobs = [client.post("/v1/synthesize", json=script(), headers=headers).json["id"] for _ in range(2)]
    keyed = headers | {KEY: "k"}
    first, second = (client.post(f"/v1/jobs/{jobs[0]}/cancel", headers=keyed) for _ in range(2))
    assert (first.status_code, second.status_code, first.json) == (200, 200, second.json)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert client.post(f"/v1/jobs/{jobs[0]}/cancel", headers=headers).status_code == 409
    assert client.post(f"/v1/jobs/{jobs[1]}/cancel", headers=keyed).json["id"] == jobs[1]


def test_fifty_threads_with_one_key_make_one_job(app: Flask, headers: Headers) -> None:
    def post(_: int) -> tuple[int, str]:
        client = app.test_client()
        reply = client.post("/v1/synthesize", json=script(), headers=headers | {KEY: "k"})
        return reply.status_code, reply.text

    with ThreadPoolExecutor(50) as threads:
        replies = set(threads.map(post, range(50)))
    assert len(replies) == 1
    assert next(iter(replies))[0] == 202
    assert count(app.test_client(), headers) == 1


def test_a_form_is_the_same_by_its_fields_and_files(client: FlaskClient, headers: Headers) -> None:
    """Boundaries, file names and the order of fields are no part of it."""

    def enroll(**changes: object) -> tuple[int, bool]:
        reply = client.post("/v1/speakers", data=form() | changes, headers=headers | {KEY: "k"})
        return reply.status_code, "Idempotent-Replayed" in reply.headers

    assert enroll() == (202, False)
    assert enroll() == (202, True)
    assert enroll(samples=[(io.BytesIO(WAV), "another name.wav")]) == (202, True)
    assert enroll(consent=json.dumps(CONSENT, indent=2)) == (202, True)
    assert enroll(samples=[(io.BytesIO(WAV + b"x"), "take 0.wav")]) == (422, False)
    assert enroll(name="Eva") == (422, False)
    assert count(client, headers, "/v1/speakers") == 1


def test_the_raw_body_is_compared(client: FlaskClient, headers: Headers) -> None:
    keyed = headers | {KEY: "k"}
    client.post("/v1/synthesize", data=json.dumps(script()), content_type=JSON, headers=keyed)
    reply = client.post(
        "/v1/synthesize", data=json.dumps(script(), indent=1), content_type=JSON, headers=keyed
    )
    assert reply.status_code == 422
