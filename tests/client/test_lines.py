"""Lines that are finished, early: saved by event, line or id, by both drivers and by the command."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.service import (
    BASE_URL,
    JOB_ID,
    Reply,
    Run,
    Service,
    broken,
    content,
    event,
    events,
    job,
    ok,
    outputs,
    page,
    problem,
)
from voicereel.domain.delivery import safe_names
from voicereel_client import APIConnectionError, DownloadError, Event, VoiceReel, line_names
from voicereel_client._retries import PATIENCE

WAV = b"RIFF" + bytes(range(256))
LINE = f"/v1/jobs/{JOB_ID}/lines/l1"


def audio(name: str = "l1", data: bytes = WAV) -> dict[str, Any]:
    return {
        "url": f"{BASE_URL}/v1/artifacts/art_1/takes/0-9/{name}.wav?exp=1&kid=u1&sig=x",
        "expires_at": "2026-11-20T09:46:00.000Z",
        "duration_ms": 9,
        "bytes": len(data),
        "media_type": "audio/wav",
    }


def line(line_id: str = "l1", **fields: Any) -> dict[str, Any]:
    return {"id": line_id, "status": "succeeded", "audio": audio(line_id), **fields}


def finished(line_id: str = "l1", **fields: Any) -> Event:
    return Event(1, "line.finished", line(line_id, **fields))


def test_what_an_event_tells_of_is_saved_without_asking_again(
    vr: VoiceReel, service: Service, tmp_path: Path
):
    service.answers(content(WAV))
    assert vr.jobs.save_line(JOB_ID, finished(), tmp_path / "new" / "l1.wav") == tmp_path / "new" / "l1.wav"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["l1.wav"]
    assert (tmp_path / "new" / "l1.wav").read_bytes() == WAV
    assert service.paths == ["GET /v1/artifacts/art_1/takes/0-9/l1.wav"]
    assert "authorization" not in service.seen[0].headers


def test_an_event_has_audio_only_where_a_line_has():
    assert finished().audio is not None
    assert finished().audio.bytes == len(WAV)
    assert finished(audio=None).audio is None
    assert Event(1, "job.finished", {"audio": audio()}).audio is None


def test_a_line_is_saved_by_its_id_and_by_its_job(vr: VoiceReel, service: Service, tmp_path: Path):
    service.answers(ok(job("running")), ok(line()), content(WAV), page(line()), content(WAV))
    running = vr.jobs.get(JOB_ID)
    running.save_line("l1", tmp_path / "a.wav")
    (found,) = running.lines()
    running.save_line(found, tmp_path / "b.wav")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes() == WAV
    assert service.paths[1] == f"GET {LINE}"


def test_one_without_audio_says_why(vr: VoiceReel, service: Service, tmp_path: Path):
    service.answers(ok(line(audio=None, status="queued")))
    with pytest.raises(DownloadError, match="it is queued") as refused:
        vr.jobs.save_line(JOB_ID, finished(audio=None), tmp_path / "l1.wav")
    assert refused.value.code == "no_audio"
    assert not list(tmp_path.glob("*.wav*"))


def test_an_expired_url_is_asked_for_anew_once(vr: VoiceReel, service: Service, tmp_path: Path):
    service.answers(problem(403, "bad_url_signature"), ok(line()), content(WAV))
    vr.jobs.save_line(JOB_ID, finished(), tmp_path / "l1.wav")
    assert (tmp_path / "l1.wav").read_bytes() == WAV


def test_a_broken_connection_is_outlasted_and_no_half_file_is_left_under_its_name(
    vr: VoiceReel, service: Service, tmp_path: Path
):
    (tmp_path / "l1.wav").write_bytes(b"of before")
    service.answers(broken(WAV[:9]), content(WAV[:9]), content(WAV))
    vr.jobs.save_line(JOB_ID, finished(), tmp_path / "l1.wav")
    assert (tmp_path / "l1.wav").read_bytes() == WAV
    service.seen.clear()
    service.answers(broken(WAV[:9]))
    with pytest.raises(APIConnectionError):
        vr.jobs.save_line(JOB_ID, finished(), tmp_path / "l1.wav")
    assert len(service.seen) == PATIENCE + 1
    assert (tmp_path / "l1.wav").read_bytes() == WAV


@given(st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True), unique=True))
def test_files_are_named_as_the_service_names_clips(ids: list[str]):
    assert list(line_names(ids).values()) == [f"{name}.wav" for name in safe_names(ids)]


@pytest.mark.parametrize("line_id", ["..", "CON", "com1.x", "-x", "a.", "x" * 64])
def test_names_that_lead_elsewhere_are_none(line_id: str):
    assert line_names([line_id])[line_id] == f"{safe_names([line_id])[0]}.wav"


def by_path(replies: dict[str, list[Reply]]) -> Reply:
    """Replies by the end of the path, the last one for ever."""

    def reply(request: httpx.Request) -> httpx.Response:
        found = next(found for end, found in replies.items() if request.url.path.endswith(end))
        return (found.pop(0) if len(found) > 1 else found[0])(request)

    return reply


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "script.json").write_text(json.dumps({"lines": [{"speaker": "A", "text": "B"}]}))
    return str(tmp_path / "script.json")


def rendering(service: Service, *, late: list[Reply]) -> None:
    """Two lines told of, of which ``late`` is the second's file, and a third that nobody told of."""
    ids = ("l1", "L1", "l3")
    told = [event(n, "line.finished", line(line_id)) for n, line_id in enumerate(ids[:2], 1)]
    silent = event(3, "line.finished", line("none", audio=None))
    done = job("succeeded", outputs=outputs(mp3=b"mp3"))
    replies: dict[str, list[Reply]] = {
        "/synthesize": [ok(job("queued"), status=202)],
        "/events": [events(*told, silent, event(4, "job.finished", done))],
        "/lines": [page(*map(line, ids), line("none", audio=None))],
        "/l1.wav": [content(WAV)],
        "/L1.wav": late,
        "/l3.wav": [content(WAV)],
        "/content": [content(b"mp3")],
        JOB_ID: [ok(done)],
    }
    service.answers(by_path(replies))


def test_render_writes_each_line_as_it_is_finished(run: Run, service: Service, script: str, tmp_path: Path):
    rendering(service, late=[content(WAV)])
    result = run("render", script, "-o", str(tmp_path / "out"), "--lines-to", str(tmp_path / "lines"))
    assert result.exit_code == 0, result.output
    names = ["l1.wav", "L1_2.wav", "l3.wav"]
    assert result.stdout.splitlines() == [
        *(str(tmp_path / "lines" / name) for name in names),
        str(tmp_path / "out" / "reel.mp3"),
    ]
    assert {path.name: path.read_bytes() for path in (tmp_path / "lines").iterdir()} == dict.fromkeys(
        names, WAV
    )
    order = [path.rpartition("/")[2] for path in service.paths]
    assert order.index("l1.wav") < order.index("L1.wav") < order.index(JOB_ID) < order.index("l3.wav")


def test_a_line_that_cannot_be_had_just_now_is_had_at_the_end(
    run: Run, service: Service, script: str, tmp_path: Path
):
    rendering(service, late=[problem(404, "not_found"), content(WAV)])
    result = run("render", script, "-o", str(tmp_path), "--lines-to", str(tmp_path / "lines"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "lines" / "L1_2.wav").read_bytes() == WAV


def test_the_command_that_resumes_writes_the_same_lines(run: Run, service: Service, script: str):
    service.answers(ok(job("queued"), status=202), KeyboardInterrupt())
    result = run("render", script, "-o", "out", "--lines-to", "my lines")
    assert f"voicereel jobs download {JOB_ID} -o out --lines-to 'my lines' --wait" in result.stderr


def test_lines_of_a_job_that_has_ended_are_written_too(run: Run, service: Service, tmp_path: Path):
    rendering(service, late=[content(WAV)])
    result = run("jobs", "download", JOB_ID, "-o", str(tmp_path), "--lines-to", str(tmp_path / "lines"))
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "lines").iterdir()) == ["L1_2.wav", "l1.wav", "l3.wav"]
