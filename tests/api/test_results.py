"""Event streams and downloads of jobs that have run."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import AUDIO, finish, script
from tests.conftest import Headers
from voicereel.bootstrap import Services
from voicereel.services.artifacts import UrlSigner

Event = tuple[int, str, dict[str, Any]]


def submit(client: FlaskClient, headers: Headers) -> str:
    job_id: str = client.post("/v1/synthesize", json=script(), headers=headers).json["id"]
    return job_id


def events(text: str) -> Iterator[Event]:
    for block in text.split("\n\n"):
        fields = dict(row.split(": ", 1) for row in block.splitlines() if not row.startswith(":"))
        if fields:
            yield int(fields["id"]), fields["event"], json.loads(fields["data"])


@pytest.fixture
def job_id(client: FlaskClient, headers: Headers, services: Services) -> str:
    """A job that has succeeded, with one mp3 of known bytes."""
    job_id = submit(client, headers)
    finish(services)
    return job_id


@pytest.fixture
def url(client: FlaskClient, headers: Headers, job_id: str) -> str:
    job = client.get(f"/v1/jobs/{job_id}", headers=headers).json
    parts = urlsplit(job["outputs"]["audio"][0]["url"])
    return f"{parts.path}?{parts.query}"


def test_the_events_of_a_job_are_told_from_the_first_to_the_last(
    client: FlaskClient, headers: Headers, job_id: str
) -> None:
    with client.get(f"/v1/jobs/{job_id}/events", headers=headers) as reply:
        told = list(events(reply.text))
    assert reply.mimetype == "text/event-stream"
    assert (reply.headers["Cache-Control"], reply.headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert [number for number, _, _ in told] == list(range(1, len(told) + 1))
    assert {kind for _, kind, _ in told} == {"job.updated", "stage.updated", "line.finished", "job.finished"}
    assert told[-1][1] == "job.finished"
    assert told[-1][2]["outputs"]["audio"][0]["url"].startswith("http://localhost/v1/artifacts/")


def test_a_stream_is_resumed_after_any_event(client: FlaskClient, headers: Headers, job_id: str) -> None:
    path = f"/v1/jobs/{job_id}/events"
    with client.get(path, headers=headers) as reply:
        whole = [(number, kind) for number, kind, _ in events(reply.text)]
    for after in range(len(whole) + 1):
        with client.get(path, headers=headers | {"Last-Event-ID": str(after)}) as reply:
            assert [(number, kind) for number, kind, _ in events(reply.text)] == whole[after:]


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "", str(2**53)])
def test_a_bad_last_event_id_is_422(client: FlaskClient, headers: Headers, job_id: str, last: str) -> None:
    reply = client.get(f"/v1/jobs/{job_id}/events", headers=headers | {"Last-Event-ID": last})
    assert reply.status_code == 422


def test_a_live_stream_pings_and_gives_its_place_back(
    client: FlaskClient, headers: Headers, services: Services
) -> None:
    services.events.ping_s = 0.01
    job_id = submit(client, headers)
    reply = client.get(f"/v1/jobs/{job_id}/events", headers=headers)
    chunks = iter(reply.response)
    assert next(chunks) == b": ping\n\n"
    assert next(chunks).startswith(b"id: 1\nevent: job.updated\ndata: {")
    assert next(chunks) == b": ping\n\n"
    client.post(f"/v1/jobs/{job_id}/cancel", headers=headers)
    assert b"event: job.finished" in b"".join(chunks)
    reply.close()
    assert services.events._open == 0


def test_streams_are_counted_and_given_back(
    client: FlaskClient, headers: Headers, services: Services
) -> None:
    services.events.max_streams = 1
    path = f"/v1/jobs/{submit(client, headers)}/events"
    first = client.get(path, headers=headers)
    refused = client.get(path, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_streams")
    assert int(refused.headers["Retry-After"]) > 0
    first.close()
    with client.head(path, headers=headers) as reply:
        assert reply.status_code == 200
    with client.get(path, headers=headers) as reply:
        assert reply.status_code == 200


def test_the_stream_of_a_deleted_job_ends(client: FlaskClient, headers: Headers, services: Services) -> None:
    services.events.ping_s = 0.01
    job_id = submit(client, headers)
    with client.get(f"/v1/jobs/{job_id}/events", headers=headers) as reply:
        chunks = iter(reply.response)
        next(chunks)
        client.delete(f"/v1/jobs/{job_id}", headers=headers)
        assert list(chunks)[-1:] != [b""]


def test_links_are_absolute_on_the_host_that_was_asked(
    client: FlaskClient, headers: Headers, job_id: str
) -> None:
    host = headers | {"Host": "reels.example.com:8443"}
    listed = client.get("/v1/jobs", headers=host).json["data"][0]
    for job in (listed, client.get(f"/v1/jobs/{job_id}", headers=host).json):
        assert job["outputs"]["audio"][0]["url"].startswith("http://reels.example.com:8443/v1/artifacts/art_")


@pytest.mark.parametrize("host", ["", "a b", "<x>", "\xff", "a/b", "[::1"])
def test_a_strange_host_breaks_nothing(client: FlaskClient, headers: Headers, job_id: str, host: str) -> None:
    reply = client.get(f"/v1/jobs/{job_id}", headers=headers, environ_overrides={"HTTP_HOST": host})
    assert reply.status_code < 500


def test_a_file_comes_whole_as_an_attachment(client: FlaskClient, url: str) -> None:
    with client.get(url) as reply:
        assert (reply.status_code, reply.data) == (200, AUDIO)
        assert reply.mimetype == "audio/mpeg"
        assert reply.headers["Content-Disposition"] == "attachment; filename=reel.mp3"
        assert reply.headers["Content-Length"] == str(len(AUDIO))
        assert reply.headers["Accept-Ranges"] == "bytes"
        assert re.fullmatch(r'"[0-9a-f]{64}"', reply.headers["ETag"])


def test_head_tells_the_same_without_the_bytes(client: FlaskClient, url: str) -> None:
    with client.head(url) as reply:
        assert (reply.status_code, reply.data) == (200, b"")
        assert reply.headers["Content-Length"] == str(len(AUDIO))


@pytest.mark.parametrize(
    ("wanted", "begin", "end"),
    [
        ("0-0", 0, 1),
        ("100-199", 100, 200),
        ("10000-", 10_000, 10_240),
        ("-40", 10_200, 10_240),
        ("9-99999", 9, 10_240),
    ],
)
def test_a_range_is_206(client: FlaskClient, url: str, wanted: str, begin: int, end: int) -> None:
    with client.get(url, headers={"Range": f"bytes={wanted}"}) as reply:
        assert (reply.status_code, reply.data) == (206, AUDIO[begin:end])
        assert reply.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(AUDIO)}"
        assert reply.headers["Content-Length"] == str(end - begin)


@pytest.mark.parametrize("wanted", ["bytes=10240-", "bytes=99999-100000"])
def test_a_range_behind_the_end_is_416(client: FlaskClient, url: str, wanted: str) -> None:
    reply = client.get(url, headers={"Range": wanted})
    assert (reply.status_code, reply.json["code"]) == (416, "range_not_satisfiable")
    assert reply.headers["Content-Range"] == f"bytes */{len(AUDIO)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=1-2", "bytes", "bytes=x-y", "bytes=9-1"])
def test_a_range_we_do_not_understand_is_ignored(client: FlaskClient, url: str, wanted: str) -> None:
    with client.get(url, headers={"Range": wanted}) as reply:
        assert (reply.status_code, len(reply.data)) == (200, len(AUDIO))


def test_a_file_that_is_known_is_not_sent_again(client: FlaskClient, url: str) -> None:
    with client.get(url) as reply:
        etag = reply.headers["ETag"]
    with client.get(url, headers={"If-None-Match": etag}) as reply:
        assert (reply.status_code, reply.data) == (304, b"")
    with client.get(url, headers={"Range": "bytes=1-2", "If-Range": etag}) as reply:
        assert reply.status_code == 206
    with client.get(url, headers={"Range": "bytes=1-2", "If-Range": '"other"'}) as reply:
        assert (reply.status_code, reply.data) == (200, AUDIO)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [(r"exp=\d", "exp=9"), (r"kid=u1", "kid=u2"), (r"sig=..", "sig=AA"), (r"$", "&disposition=inline")],
)
def test_an_altered_url_is_403(client: FlaskClient, url: str, pattern: str, replacement: str) -> None:
    reply = client.get(re.sub(pattern, replacement, url, count=1))
    assert (reply.status_code, reply.json["code"]) == (403, "bad_url_signature")


def test_the_url_of_another_file_is_404(client: FlaskClient, url: str) -> None:
    assert client.get(re.sub(r"art_.{26}", f"art_{'0' * 26}", url)).status_code == 404


def test_a_url_dies_with_its_job(client: FlaskClient, headers: Headers, job_id: str, url: str) -> None:
    assert client.delete(f"/v1/jobs/{job_id}", headers=headers).status_code == 204
    assert client.get(url).status_code == 404
    assert client.delete(f"/v1/jobs/{job_id}", headers=headers).status_code == 404


def test_the_signature_of_the_security_contract() -> None:
    signer = UrlSigner(secret=bytes(range(32)), key_id="u1")
    mac = signer.signature(
        path="/v1/artifacts/art_01JB8Z7W3V5K/content", expires=1795160700, tenant_id="ten_7"
    )
    assert mac == "LjgT9Jo9ed3Jo-JdtWH6MpIbiIhr3S7zQz8ovbmSn1U"
