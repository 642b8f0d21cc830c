"""The clips of a job that has run: listed, and each fetched by its URL."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests.conftest import Headers, make_key
from tests.rendering import studio
from voicereel.api.app import create_app

LINES = [
    {"id": "..", "speaker": "A", "text": "One."},
    {"id": "none", "speaker": "A", "text": "…"},
    {"id": "NUL", "speaker": "A", "text": "Two, and a little more."},
    {"id": "l3", "speaker": "A", "text": "Three."},
]


@dataclass
class Done:
    client: FlaskClient
    headers: Headers
    stranger: Headers
    job_id: str
    plain_id: str

    def page(self, **query: Any) -> dict[str, Any]:
        reply = self.client.get(f"/v1/jobs/{self.job_id}/clips", query_string=query, headers=self.headers)
        assert reply.status_code == 200
        page: dict[str, Any] = reply.json
        return page


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with studio(tmp_path_factory.mktemp("home"), engines="fake") as made:
        script = {"lines": LINES, "cast": {"A": "stock:fake/a"}}
        plain_id = made.submit(script)
        job_id = made.submit({**script, "output": {"clips": True}})
        made.work()
        client = create_app(made.services).test_client()
        stranger = make_key(made.services, tenant="other")
        yield Done(client, make_key(made.services), stranger, job_id, plain_id)


def content(client: FlaskClient, url: str) -> bytes:
    with client.get(local(url)) as reply:
        return reply.data


def local(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_each_clip_is_fetched_by_its_own_url_without_a_key(done: Done) -> None:
    clips = done.page()["data"]
    assert [(clip["line_id"], clip["name"]) for clip in clips] == [
        ("..", "_.wav"), ("NUL", "_NUL.wav"), ("l3", "l3.wav")
    ]  # fmt: skip
    for clip in clips:
        assert clip["url"].startswith("http://localhost/v1/artifacts/")
        with done.client.get(local(clip["url"])) as reply:
            data = reply.data
        assert (reply.status_code, reply.mimetype, len(data)) == (200, "audio/wav", clip["bytes"])
        assert hashlib.sha256(data).hexdigest() == clip["sha256"]
        assert data[:4] == b"RIFF"
        assert reply.headers["Content-Disposition"] == f"attachment; filename={clip['name']}"


def test_clips_come_page_by_page(done: Done) -> None:
    first = done.page(limit=2)
    assert (len(first["data"]), first["has_more"]) == (2, True)
    second = done.page(limit=2, cursor=first["next_cursor"])
    assert ([clip["line_id"] for clip in second["data"]], second["has_more"]) == (["l3"], False)


def test_a_clip_is_served_in_parts_and_only_when_it_has_changed(done: Done) -> None:
    clip = done.page()["data"][1]
    whole = content(done.client, clip["url"])
    with done.client.get(local(clip["url"]), headers={"Range": "bytes=10-19"}) as part:
        assert (part.status_code, part.data) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{clip['bytes']}"
    with done.client.get(local(clip["url"]), headers={"If-None-Match": part.headers["ETag"]}) as known:
        assert known.status_code == 304


def test_an_url_opens_its_own_clip_only(done: Done) -> None:
    first, second, _ = done.page()["data"]
    for wrong in (
        local(first["url"]).replace(first["name"], second["name"]),
        local(first["url"]).replace(f"clips/{first['name']}", "content"),
    ):
        reply = done.client.get(wrong)
        assert (reply.status_code, reply.json["code"]) == (403, "bad_url_signature")


def test_all_clips_at_once_are_in_the_job_which_stays_small(done: Done, tmp_path: Path) -> None:
    job = done.client.get(f"/v1/jobs/{done.job_id}", headers=done.headers).json
    files = {file["name"]: file for file in job["outputs"]["clips"]}
    manifest = json.loads(content(done.client, files["clips.json"]["url"]))
    assert [clip["line_id"] for clip in manifest["clips"]] == [line["id"] for line in LINES]
    archive = content(done.client, files["clips.zip"]["url"])
    assert hashlib.sha256(archive).hexdigest() == files["clips.zip"]["sha256"]


def test_others_see_nothing_and_a_job_without_clips_has_none(done: Done) -> None:
    path = "/v1/jobs/{}/clips"
    assert done.client.get(path.format(done.job_id), headers=done.stranger).status_code == 404
    reply = done.client.get(path.format(done.plain_id), headers=done.headers)
    assert reply.json == {"data": [], "has_more": False, "next_cursor": None}
    bad = done.client.get(path.format(done.job_id), query_string={"cursor": "xx"}, headers=done.headers)
    assert (bad.status_code, bad.json["errors"][0]["code"]) == (422, "bad_cursor")
