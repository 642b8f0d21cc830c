import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.service import (
    JOB_ID,
    Service,
    VirtualTime,
    broken,
    content,
    file,
    job,
    ok,
    outputs,
    problem,
)
from voicereel_client import (
    APIConnectionError,
    APIStatusError,
    DownloadError,
    DownloadProgress,
    NotFoundError,
    PermissionDeniedError,
    VoiceReel,
)
from voicereel_client._retries import PATIENCE

MP3 = bytes(range(256)) * 40
REEL = b'{"lines": []}'


@pytest.fixture
def done(vr: VoiceReel, service: Service):
    """A job with one file, read, so that the next replies are the store's."""
    service.answers(ok(job("succeeded", outputs=outputs(mp3=MP3))))
    found = vr.jobs.get(JOB_ID)
    service.seen.clear()
    return found


def test_all_results_are_written_under_their_names(vr: VoiceReel, service: Service, tmp_path: Path):
    results = outputs(mp3=MP3, vtt=b"WEBVTT", srt=b"1", ttml=b"<tt/>", json=REEL)
    files = (MP3, REEL, b"WEBVTT", b"1", b"<tt/>")
    service.answers(ok(job("succeeded", outputs=results)), *map(content, files))
    heard: list[DownloadProgress] = []
    paths = vr.jobs.download(JOB_ID, tmp_path / "new" / "out", on_progress=heard.append)
    assert sorted(path.name for path in paths) == [
        "reel.json",
        "reel.mp3",
        "reel.srt",
        "reel.ttml",
        "reel.vtt",
    ]
    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "out").iterdir()} == {
        "reel.mp3": MP3,
        "reel.json": REEL,
        "reel.vtt": b"WEBVTT",
        "reel.srt": b"1",
        "reel.ttml": b"<tt/>",
    }
    assert DownloadProgress("reel.mp3", len(MP3), len(MP3)) in heard


def test_the_store_does_not_get_the_key(done, service: Service, tmp_path: Path):
    service.answers(content(MP3))
    done.download(tmp_path)
    assert "authorization" not in service.seen[0].headers
    assert service.seen[0].headers["accept-encoding"] == "identity"
    assert service.seen[0].url.params["sig"] == "x"


def test_a_store_elsewhere_gets_neither_key_nor_trust(vr: VoiceReel, service: Service, tmp_path: Path):
    """A presigned URL of an object store; where it leads on, nobody follows."""
    results = outputs(mp3=MP3)
    results["audio"][0]["url"] = "https://bucket.store.test/a/reel.mp3?X-Amz-Signature=x"
    service.answers(ok(job(outputs=results)), content(MP3))
    vr.jobs.download(JOB_ID, tmp_path / "one")
    assert service.seen[1].url.host == "bucket.store.test"
    assert not {"authorization", "cookie"} & set(service.seen[1].headers)
    moved = {"Location": "http://voicereel.test/v1/jobs"}
    service.answers(ok(job(outputs=results)), lambda _: httpx.Response(307, headers=moved))
    with pytest.raises(APIStatusError):
        vr.jobs.download(JOB_ID, tmp_path / "two")
    assert len(service.seen) == 4


@pytest.mark.parametrize(("etag", "condition"), [('"abc"', '"abc"'), ('W/"abc"', None)])
def test_only_a_strong_etag_is_a_condition(
    etag: str, condition: str | None, done, service: Service, tmp_path: Path
):
    service.answers(broken(MP3[:1000], ETag=etag), content(MP3))
    done.download(tmp_path)
    assert service.seen[1].headers["range"] == "bytes=1000-"
    assert service.seen[1].headers.get("if-range") == condition


def test_a_broken_download_goes_on_where_it_broke_off(done, service: Service, tmp_path: Path):
    service.answers(broken(MP3[:1000]), httpx.ConnectError("refused"), content(MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3
    assert [request.headers.get("range") for request in service.seen] == [None, "bytes=1000-", "bytes=1000-"]


def test_a_later_call_goes_on_too(done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3.part").write_bytes(MP3[:5000])
    service.answers(content(MP3))
    done.download(tmp_path)
    assert service.seen[0].headers["range"] == "bytes=5000-"
    assert [path.name for path in tmp_path.iterdir()] == ["reel.mp3"]


def test_a_whole_part_needs_no_request(done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3.part").write_bytes(MP3)
    done.download(tmp_path)
    assert service.seen == []
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


def test_a_file_that_is_there_and_right_is_not_fetched(done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3").write_bytes(MP3)
    assert done.download(tmp_path) == [tmp_path / "reel.mp3"]
    assert service.seen == []


def test_a_file_that_is_there_and_wrong_is_replaced(done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3").write_bytes(b"x" * len(MP3))
    service.answers(content(MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


@pytest.mark.parametrize("part", [b"wrong" * 10, MP3 + b"too long"])
def test_a_wrong_part_is_thrown_away(part, done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3.part").write_bytes(part)
    service.answers(content(MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


def test_a_store_without_ranges_sends_it_all_again(done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3.part").write_bytes(MP3[:1000])
    service.answers(lambda _: httpx.Response(200, content=MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


def test_a_range_the_store_refuses_starts_over(done, service: Service, tmp_path: Path):
    (tmp_path / "reel.mp3.part").write_bytes(MP3[:1000])
    service.answers(problem(416), content(MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


@pytest.mark.parametrize("body", [b"y" * len(MP3), MP3 + b"more"])
def test_bytes_that_do_not_match_leave_nothing_behind(body, done, service: Service, tmp_path: Path):
    service.answers(content(body))
    with pytest.raises(DownloadError) as caught:
        done.download(tmp_path)
    assert caught.value.code == "checksum_mismatch"
    assert list(tmp_path.iterdir()) == []


def test_an_expired_url_is_asked_for_anew(done, service: Service, tmp_path: Path):
    fresh = outputs(mp3=MP3)
    fresh["audio"][0]["url"] += "&fresh=1"
    service.answers(problem(403, "bad_signature"), ok(job("succeeded", outputs=fresh)), content(MP3))
    done.download(tmp_path)
    assert [request.url.params.get("fresh") for request in service.seen] == [None, None, "1"]


def test_a_slow_download_may_outlive_more_than_one_url(done, service: Service, tmp_path: Path):
    again, expired = ok(job(outputs=outputs(mp3=MP3))), problem(403)
    head, middle = (
        broken(MP3[:1000]),
        broken(MP3[1000:2000], status=206, Content_Range="bytes 1000-1999/10240"),
    )
    service.answers(head, expired, again, middle, expired, again, content(MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


def test_a_store_that_is_busy_for_a_while_is_asked_again(done, service: Service, tmp_path: Path):
    service.answers(*[problem(503), problem(429), httpx.ReadTimeout("slow")] * 2, content(MP3))
    done.download(tmp_path)
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


def test_a_url_that_is_refused_twice_is_an_error(done, service: Service, tmp_path: Path):
    service.answers(problem(403), ok(job("succeeded", outputs=outputs(mp3=MP3))), problem(403))
    with pytest.raises(PermissionDeniedError):
        done.download(tmp_path)
    assert len(service.seen) == 3


def test_a_deleted_file_is_an_error(done, service: Service, tmp_path: Path):
    service.answers(problem(404, "not_found"))
    with pytest.raises(NotFoundError):
        done.download(tmp_path)


def test_a_store_that_sends_nothing_is_given_up(done, service: Service, tmp_path: Path, time: VirtualTime):
    service.answers(broken(MP3[:10]), broken(status=206, Content_Range="bytes 10-10239/10240"))
    with pytest.raises(APIConnectionError):
        done.download(tmp_path)
    assert len(service.seen) == 1 + PATIENCE
    assert (tmp_path / "reel.mp3.part").read_bytes() == MP3[:10]


@pytest.mark.parametrize("short", [broken(MP3[:10]), lambda _: httpx.Response(200, content=MP3[:10])])
def test_a_store_without_ranges_that_always_breaks_off_is_given_up(
    short, done, service: Service, tmp_path: Path
):
    service.answers(short)
    with pytest.raises(APIConnectionError):
        done.download(tmp_path)
    assert len(service.seen) == 1 + PATIENCE


def test_a_job_that_has_finished_since_is_read_again(vr: VoiceReel, service: Service, tmp_path: Path):
    service.answers(ok(job("running")), ok(job("succeeded", outputs=outputs(mp3=MP3))), content(MP3))
    assert vr.jobs.get(JOB_ID).download(tmp_path) == [tmp_path / "reel.mp3"]


def test_a_job_without_files_is_an_error(vr: VoiceReel, service: Service, tmp_path: Path):
    service.answers(ok(job("running")))
    with pytest.raises(DownloadError) as caught:
        vr.jobs.download(JOB_ID, tmp_path / "out")
    assert caught.value.code == "no_outputs"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "", "..", "part.json"])
def test_a_format_cannot_lead_out_of_the_folder(name, vr: VoiceReel, service: Service, tmp_path: Path):
    hostile = {**outputs(), "captions": {name: file("x", b"x")}}
    service.answers(ok(job("succeeded", outputs=hostile)))
    with pytest.raises(DownloadError):
        vr.jobs.download(JOB_ID, tmp_path / "out")


def test_an_empty_file_is_written(vr: VoiceReel, service: Service, tmp_path: Path):
    service.answers(ok(job("succeeded", outputs=outputs(srt=b""))))
    (path,) = vr.jobs.download(JOB_ID, tmp_path)
    assert path.read_bytes() == b""


def test_a_relative_url_is_below_the_service(vr: VoiceReel, service: Service, tmp_path: Path):
    results = outputs(mp3=MP3)
    results["audio"][0]["url"] = "/v1/artifacts/art_1/content?exp=1"
    service.answers(ok(job("succeeded", outputs=results)), content(MP3))
    vr.jobs.download(JOB_ID, tmp_path)
    assert str(service.seen[1].url) == "http://voicereel.test/v1/artifacts/art_1/content?exp=1"


WAV = b"RIFF" + bytes(5000)


def with_parts(*names: str, sha256: str | None = None) -> tuple[dict[str, Any], bytes, bytes]:
    """Outputs of a job with a stem, a cue sheet and clips of these names; the manifest and the archive."""
    digest = sha256 or hashlib.sha256(WAV).hexdigest()
    entries = [{"line_id": name, "file": name, "sha256": digest, "bytes": len(WAV)} for name in names]
    manifest = json.dumps({"clips": [*entries, {"line_id": "silent", "file": None}]}).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, WAV)
    found = outputs()
    found["stems"] = [file("stem", WAV, role="지민/x", format="wav") | {"name": "지민_x.wav"}]
    found["cue_sheets"] = {"otio": file("otio", b"{}")}
    found["clips"] = [
        file("zip", packed.getvalue(), format="zip") | {"name": "clips.zip"},
        file("manifest", manifest, format="json") | {"name": "clips.json"},
    ]
    return found, manifest, packed.getvalue()


def stored(request: httpx.Request, found: dict[str, Any], manifest: bytes, archive: bytes) -> httpx.Response:
    name = request.url.path.split("/")[3]
    bodies = {"stem": WAV, "otio": b"{}", "zip": archive, "manifest": manifest}
    if name in bodies:
        return content(bodies[name])(request)
    return ok(job("succeeded", outputs=found))(request)


def test_stems_clips_and_cue_sheets_are_written_and_clips_unpacked(
    vr: VoiceReel, service: Service, tmp_path: Path
):
    parts = with_parts("clips/l1.wav", "clips/_con.wav")
    service.answers(lambda request: stored(request, *parts))
    paths = vr.jobs.download(JOB_ID, tmp_path)
    expected = {"stems/지민_x.wav", "reel.otio", "clips.json", "clips/l1.wav", "clips/_con.wav"}
    assert {path.relative_to(tmp_path).as_posix() for path in paths} == expected
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == expected
    assert (tmp_path / "clips/_con.wav").read_bytes() == WAV


def test_the_archive_is_fetched_again_only_where_a_clip_is_missing(
    vr: VoiceReel, service: Service, tmp_path: Path
):
    parts = with_parts("clips/l1.wav", "clips/l2.wav")
    service.answers(lambda request: stored(request, *parts))
    vr.jobs.download(JOB_ID, tmp_path)
    service.seen.clear()
    vr.jobs.download(JOB_ID, tmp_path)
    assert len(service.seen) == 1
    (tmp_path / "clips/l2.wav").write_bytes(b"x" * len(WAV))
    service.seen.clear()
    vr.jobs.download(JOB_ID, tmp_path)
    assert [path.split("/")[3] for path in service.paths] == [JOB_ID, "zip"]
    assert (tmp_path / "clips/l2.wav").read_bytes() == WAV


@pytest.mark.parametrize(
    "name", ["../l1.wav", "clips/../../l1.wav", "/etc/l1.wav", "clips/.wav", "clips\\l1.wav", "l1"]
)
def test_a_clip_cannot_lead_out_of_the_folder(name: str, vr: VoiceReel, service: Service, tmp_path: Path):
    parts = with_parts(name)
    service.answers(lambda request: stored(request, *parts))
    with pytest.raises(DownloadError) as caught:
        vr.jobs.download(JOB_ID, tmp_path / "out")
    assert caught.value.code == "bad_format"
    assert not list(tmp_path.rglob("l1*"))


@pytest.mark.parametrize(
    "name", ["../x.wav", "a/b.wav", "a\\b.wav", ".wav", "..wav", "a\u202eb.wav", "x.exe"]
)
def test_a_stem_cannot_lead_out_of_the_folder(name: str, vr: VoiceReel, service: Service, tmp_path: Path):
    found, *_ = with_parts()
    found["stems"][0]["name"] = name
    service.answers(ok(job("succeeded", outputs=found)))
    with pytest.raises(DownloadError):
        vr.jobs.download(JOB_ID, tmp_path / "out")


def test_a_clip_that_is_not_as_the_manifest_says_is_not_kept(vr: VoiceReel, service: Service, tmp_path: Path):
    parts = with_parts("clips/l1.wav", sha256="0" * 64)
    service.answers(lambda request: stored(request, *parts))
    with pytest.raises(DownloadError) as caught:
        vr.jobs.download(JOB_ID, tmp_path)
    assert caught.value.code == "checksum_mismatch"
    assert not (tmp_path / "clips/l1.wav").exists()
