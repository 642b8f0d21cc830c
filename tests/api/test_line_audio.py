"""The audio of a line: there while the rest of its job renders, and as long as takes are kept."""

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from flask.testing import FlaskClient

from tests.conftest import Headers, make_key
from tests.rendering import Studio, studio
from voicereel.api.app import create_app
from workers.engines.tts import fake

LONG = "and on and on it goes " * 70
LINES = [
    {"id": "NUL", "speaker": "A", "text": "One, and a little more."},
    {"id": "silent", "speaker": "A", "text": "…"},
    {"id": "broken", "speaker": "A", "text": "FAIL"},
    {"id": "late", "speaker": "A", "text": f"GATE {LONG}"},
]
SCRIPT: dict[str, Any] = {"lines": LINES, "cast": {"A": "stock:fake/a"}}


@dataclass
class House:
    studio: Studio
    client: FlaskClient
    headers: Headers

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=self.headers | headers)

    def line(self, job_id: str, line_id: str) -> dict[str, Any]:
        view: dict[str, Any] = self.get(f"/v1/jobs/{job_id}/lines/{line_id}").json
        return view

    def take(self, job_id: str, line_id: str) -> np.ndarray:
        """The samples of a line's take, read out of the file of takes."""
        with self.studio.services.jobs.work.reading() as tx:
            take = next(r.take for r in tx.jobs.lines(job_id) if r.line.id == line_id)
            assert take is not None
            file = next(a for a in tx.artifacts.of_job(job_id, kind="takes") if a.id == take.artifact_id)
        path = self.studio.services.work.store.fetch(file.key, Path())
        with soundfile.SoundFile(path) as read:
            read.seek(take.offset_samples)
            return read.read(take.length_samples, dtype="float32")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with studio(tmp_path / "home", engines="fake") as made:
        client = create_app(made.services).test_client()
        yield House(made, client, make_key(made.services))


def local(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def content(client: FlaskClient, url: str) -> bytes:
    with client.get(local(url)) as reply:
        assert reply.status_code == 200
        return reply.data


def samples_of(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data), dtype="float32")[0]


def told(stream: Iterator[bytes], kind: str, count: int) -> list[dict[str, Any]]:
    """The next ``count`` events of a kind of an open stream."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        rows = next(stream).decode().splitlines()
        fields = dict(row.split(": ", 1) for row in rows if row[:1] not in ("", ":"))
        if fields.get("event") == kind:
            found.append(json.loads(fields["data"]))
    return found


def test_a_finished_line_can_be_heard_while_the_rest_renders(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(fake, "_misbehave", lambda words: "GATE" in words and gate.wait(60))
    job_id = house.studio.submit(SCRIPT)
    worker = threading.Thread(target=house.studio.work)
    reply = house.get(f"/v1/jobs/{job_id}/events")
    stream = iter(reply.response)
    worker.start()
    try:
        first, silent, broken = told(stream, "line.finished", 3)
        assert house.get(f"/v1/jobs/{job_id}").json["status"] == "running"
        assert [event["status"] for event in (first, silent, broken)] == ["succeeded", "succeeded", "failed"]
        assert (silent["audio"], broken["audio"]) == (None, None)
        link = first["audio"]
        assert set(link) == {"url", "expires_at", "duration_ms", "bytes", "media_type"}
        assert link["url"].startswith("http://localhost/v1/artifacts/")
        data = content(house.client, link["url"])
        assert (len(data), link["media_type"]) == (link["bytes"], "audio/wav")
        assert link["duration_ms"] == first["duration_ms"]
        assert np.array_equal(samples_of(data), house.take(job_id, "NUL"))
        assert house.line(job_id, "late")["audio"] is None
        waiting = house.get(f"/v1/jobs/{job_id}/lines/late/audio")
        assert (waiting.status_code, waiting.json["code"]) == (404, "no_audio")
    finally:
        gate.set()
        worker.join()
    (late,) = told(stream, "line.finished", 1)
    reply.close()
    assert np.array_equal(samples_of(content(house.client, late["audio"]["url"])), house.take(job_id, "late"))


@dataclass
class Done:
    house: House
    job_id: str

    @property
    def path(self) -> str:
        return f"/v1/jobs/{self.job_id}/lines/NUL/audio"


@pytest.fixture
def done(house: House) -> Done:
    job_id = house.studio.submit({**SCRIPT, "lines": LINES[:3]})
    house.studio.work()
    return Done(house, job_id)


def test_it_is_served_by_key_and_by_url_alike(done: Done) -> None:
    house = done.house
    with house.get(done.path) as reply:
        data = reply.data
    link = house.line(done.job_id, "NUL")["audio"]
    assert data == content(house.client, link["url"])
    assert (reply.mimetype, reply.content_length) == ("audio/wav", link["bytes"])
    assert reply.headers["Content-Disposition"] == "attachment; filename=_NUL.wav"
    page = house.get(f"/v1/jobs/{done.job_id}/lines").json["data"]
    assert [line["audio"] and line["audio"]["bytes"] for line in page] == [link["bytes"], None, None]
    assert page[0]["audio"]["url"].startswith("http://localhost/")


def test_it_is_served_in_parts_and_only_when_it_has_changed(done: Done) -> None:
    with done.house.get(done.path) as whole:
        data = whole.data
    for begin, end in ((0, 3), (40, 99), (len(data) - 5, len(data) - 1)):
        with done.house.get(done.path, Range=f"bytes={begin}-{end}") as part:
            assert (part.status_code, part.data) == (206, data[begin : end + 1])
            assert part.headers["Content-Range"] == f"bytes {begin}-{end}/{len(data)}"
    with done.house.get(done.path, **{"If-None-Match": whole.headers["ETag"]}) as known:
        assert known.status_code == 304
    with done.house.get(done.path, Range=f"bytes={len(data)}-") as beyond:
        assert beyond.status_code == 416


def test_an_url_opens_its_own_samples_only(done: Done) -> None:
    url = local(done.house.line(done.job_id, "NUL")["audio"]["url"])
    span = url.split("/")[5]
    for wrong in (url.replace(span, "0-1"), url.replace("_NUL.wav", "x.wav"), url.replace("exp=1", "exp=2")):
        reply = done.house.client.get(wrong)
        assert (reply.status_code, reply.json["code"]) == (403, "bad_url_signature")


def test_lines_without_audio_say_so_and_others_see_nothing(done: Done) -> None:
    base = f"/v1/jobs/{done.job_id}/lines"
    for line_id, code in (("silent", "no_audio"), ("broken", "no_audio"), ("none", "not_found")):
        reply = done.house.get(f"{base}/{line_id}/audio")
        assert (reply.status_code, reply.json["code"]) == (404, code)
    stranger = make_key(done.house.studio.services, tenant="other")
    assert done.house.client.get(done.path, headers=stranger).status_code == 404


def test_a_line_that_was_taken_out_of_the_script_is_not_found(done: Done) -> None:
    house, line = done.house, f"/v1/jobs/{done.job_id}/lines/NUL"
    with house.studio.services.jobs.work.writing() as tx:  # as after a job with a reel
        tx.jobs.lock(done.job_id)
        tx.drafts.remove(done.job_id, "NUL", ordinal=0)
    for path in (line, f"{line}/audio"):
        reply = house.get(path)
        assert (reply.status_code, reply.json["code"]) == (404, "not_found")


def test_once_takes_are_gone_views_say_null_and_urls_why(done: Done) -> None:
    house, job_id = done.house, done.job_id
    url = local(house.line(job_id, "NUL")["audio"]["url"])
    with house.studio.services.jobs.work.writing() as tx:
        tx.jobs.lock(job_id)
        tx.artifacts.drop(job_id, kind="takes")
    assert house.line(job_id, "NUL")["audio"] is None
    reply = house.get(done.path)
    assert (reply.status_code, reply.json["code"]) == (410, "audio_gone")
    reply = house.client.get(url)
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")
    with house.get(f"/v1/jobs/{job_id}/events", **{"Last-Event-ID": "0"}) as stream:
        told_now = [
            row for row in stream.text.splitlines() if '"duration_ms"' in row and '"audio":null' in row
        ]
    assert len(told_now) == 3


def test_takes_of_before_their_layout_was_noted_have_no_audio(done: Done) -> None:
    house = done.house
    with house.studio.services.jobs.work.writing() as tx:
        tx.jobs.lock(done.job_id)
        (file,) = tx.artifacts.of_job(done.job_id, kind="takes")
        tx.artifacts.forget([file.key])
        tx.artifacts.add(replace(file, facts={}), stage_run_id=None, fence=0)
    assert house.line(done.job_id, "NUL")["audio"] is None
    reply = house.get(done.path)
    assert (reply.status_code, reply.json["code"]) == (410, "audio_gone")
