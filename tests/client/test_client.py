"""The nouns: what they send, and what they make of the replies."""

import io
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from pathlib import Path

import pytest

import voicereel_client
from tests.client.service import (
    JOB_ID,
    SPEAKER_ID,
    Service,
    VirtualTime,
    empty,
    job,
    ok,
    page,
    problem,
    speaker,
)
from voicereel_client import (
    ConfigurationError,
    RawResponse,
    SpeakerRejectedError,
    VoiceReel,
    WaitTimeoutError,
)

CONSENT = {"subject": "Ana", "attested_by": "legal", "attested_at": "2026-11-01T10:00:00Z"}


def parts(service: Service, number: int = 0) -> list[tuple[str, str | None, str | None, bytes]]:
    """Name, filename, content type and body of each part of a multipart request."""
    header = f"Content-Type: {service.seen[number].headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(header + service.bodies[number])
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part["content-type"],
            part.get_payload(decode=True),
        )
        for part in message.get_payload()
    ]


def test_synthesize_sends_only_what_is_given(vr: VoiceReel, service: Service):
    service.answers(ok(job("queued"), status=202))
    lines = ({"speaker": name, "text": "x"} for name in "AB")
    made = vr.synthesize({"title": "Pilot", "seed": 1}, lines=lines, seed=0, cast={})
    sent = {"title": "Pilot", "seed": 0, "cast": {}, "lines": [{"speaker": n, "text": "x"} for n in "AB"]}
    assert json.loads(service.bodies[0]) == sent
    assert made.id == JOB_ID


def test_a_list_goes_on_over_pages_as_it_is_read(vr: VoiceReel, service: Service):
    service.answers(page(job("a"), job("b"), next_cursor="c1"), page(job("c")))
    found = vr.jobs.list(
        status="failed", created_after=datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    )
    assert service.seen == []
    assert next(found).status == "a"
    assert len(service.seen) == 1
    assert [job.status for job in found] == ["b", "c"]
    assert dict(service.seen[1].url.params) == {
        "status": "failed",
        "created_after": "2025-12-31T23:00:00.000Z",
        "limit": "100",
        "cursor": "c1",
    }


def test_a_list_without_a_next_cursor_ends(vr: VoiceReel, service: Service):
    service.answers(ok({"data": [speaker()], "has_more": True, "next_cursor": None}))
    assert len(list(vr.speakers.list())) == 1


def test_voices_are_filtered_by_language(vr: VoiceReel, service: Service):
    service.answers(
        page({"id": "stock:espeak/en-us", "languages": ["en"], "capabilities": {"word_times": True}})
    )
    (voice,) = vr.voices.list(language="en")
    assert (voice.languages, voice.capabilities.word_times) == (("en",), True)
    assert service.seen[0].url.params["language"] == "en"


def test_queue(vr: VoiceReel, service: Service):
    service.answers(ok({"pools": [{"pool": "cpu", "waiting": 3, "expected_wait_ms": None}]}))
    assert vr.queue.get().pools[0].waiting == 3


def test_unknown_fields_and_states_are_kept(vr: VoiceReel, service: Service):
    service.answers(ok(job("paused_by_moon", tide="high")))
    found = vr.jobs.get(JOB_ID)
    assert (found.status, found.extra, found.raw["tide"]) == ("paused_by_moon", {"tide": "high"}, "high")
    assert not found.at_rest


def test_ids_cannot_leave_their_place_in_the_path(vr: VoiceReel, service: Service):
    service.answers(problem(404))
    with pytest.raises(Exception, match="404"):
        vr.jobs.get("../speakers?x=1")
    assert service.seen[0].url.raw_path == b"/v1/jobs/..%2Fspeakers%3Fx%3D1"
    with pytest.raises(ValueError, match="empty"):
        vr.jobs.get("")


def test_a_base_url_may_have_a_path(service: Service, time: VirtualTime):
    service.answers(ok({"pools": []}))
    VoiceReel("k", "https://h.test/voice/", http_client=service.http_client()).queue.get()
    assert str(service.seen[0].url) == "https://h.test/voice/v1/queue"


def test_enrolling_sends_fields_consent_and_files(vr: VoiceReel, service: Service, tmp_path: Path):
    (tmp_path / "ana.wav").write_bytes(b"RIFF1")
    service.answers(ok(speaker("processing"), status=202))
    lent = io.BytesIO(b"second")
    lent.seek(6)
    vr.speakers.create(
        name="Ana", language="en", samples=[tmp_path / "ana.wav", lent], consent=CONSENT, transcript="hm"
    )
    assert parts(service) == [
        ("name", None, None, b"Ana"),
        ("language", None, None, b"en"),
        ("transcript", None, None, b"hm"),
        ("consent", None, "application/json", json.dumps(CONSENT).encode()),
        ("samples", "ana.wav", "audio/wav", b"RIFF1"),
        ("samples", "sample-2", "application/octet-stream", b"second"),
    ]
    assert not lent.closed


def test_a_single_sample_may_be_given_by_itself(vr: VoiceReel, service: Service, tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(b"x")
    service.answers(ok(speaker("processing"), status=202))
    for samples in (str(tmp_path / "a.wav"), tmp_path / "a.wav", io.BytesIO(b"x")):
        vr.speakers.create(name="A", language="en", samples=samples, consent=CONSENT)
    assert [parts(service, number)[-1][-1] for number in range(3)] == [b"x"] * 3


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_files_are_sent_whole_again_on_a_retry(kind, vr: VoiceReel, service: Service, tmp_path: Path):
    (tmp_path / "ana.mp3").write_bytes(b"from a path")
    service.answers(problem(503), ok(speaker("processing"), status=202))
    vr.speakers.create(
        name="Ana",
        language="en",
        samples=[str(tmp_path / "ana.mp3"), kind(b"from an object")],
        consent=CONSENT,
    )
    assert parts(service, 0) == parts(service, 1)
    assert [body for *_, body in parts(service, 1)][-2:] == [b"from a path", b"from an object"]


def test_enrolling_waits_until_ready(vr: VoiceReel, service: Service):
    service.answers(ok(speaker("processing"), status=202), ok(speaker("processing")), ok(speaker("ready")))
    made = vr.speakers.create(name="A", language="en", samples=[io.BytesIO(b"x")], consent=CONSENT, wait=True)
    assert made.status == "ready"


def test_a_rejected_speaker_is_an_error_with_the_figures(vr: VoiceReel, service: Service):
    failure = {"code": "too_noisy", "detail": "Too noisy.", "measured": {"snr_db": 4.0}}
    service.answers(ok(speaker("rejected", error=failure)))
    with pytest.raises(SpeakerRejectedError) as caught:
        vr.speakers.wait(SPEAKER_ID)
    assert (caught.value.code, caught.value.speaker.error.measured) == ("too_noisy", {"snr_db": 4.0})


def test_waiting_for_a_speaker_ends_in_time(vr: VoiceReel, service: Service, time: VirtualTime):
    service.answers(ok(speaker("processing")))
    with pytest.raises(WaitTimeoutError):
        vr.speakers.wait(SPEAKER_ID, timeout=9)
    assert sum(time.slept) == pytest.approx(9)


def test_speakers_are_renamed_and_deleted(vr: VoiceReel, service: Service):
    service.answers(ok(speaker(name="Anna")), empty())
    assert vr.speakers.update(SPEAKER_ID, name="Anna").name == "Anna"
    vr.speakers.delete(SPEAKER_ID)
    assert service.paths == [f"PATCH /v1/speakers/{SPEAKER_ID}", f"DELETE /v1/speakers/{SPEAKER_ID}"]
    assert json.loads(service.bodies[0]) == {"name": "Anna"}


def test_raw_responses_come_beside_the_result(vr: VoiceReel, service: Service):
    service.answers(problem(503), ok(job("queued"), status=202, Idempotent_Replayed="true"))
    raw = vr.with_raw_response.synthesize(lines=[])
    assert isinstance(raw, RawResponse)
    assert (raw.status_code, raw.request_id, raw.parsed.id) == (202, "req_1", JOB_ID)
    assert raw.headers["idempotent-replayed"] == "true"


def test_a_raw_list_gives_a_reply_a_page(vr: VoiceReel, service: Service):
    service.answers(page(job("a"), job("b"), next_cursor="c1"), page(job("c")))
    replies = list(vr.with_raw_response.jobs.list())
    assert [[job.status for job in reply.parsed] for reply in replies] == [["a", "b"], ["c"]]
    assert b'"c1"' in replies[0].content


def test_a_job_from_a_raw_response_is_no_raw_job(vr: VoiceReel, service: Service):
    service.answers(ok(job("succeeded")))
    found = vr.with_raw_response.jobs.get(JOB_ID).parsed
    assert found.wait().status == "succeeded"


def test_an_injected_client_stays_open(service: Service, time: VirtualTime):
    http_client = service.http_client()
    with VoiceReel("k", http_client=http_client):
        pass
    assert not http_client.is_closed


def test_a_configuration_that_cannot_work_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="No API key"):
        VoiceReel()
    with pytest.raises(ConfigurationError, match="http"):
        VoiceReel("k", "example.com:8700")
    with pytest.raises(ConfigurationError) as caught:
        VoiceReel("vr_live_x\nEvil: 1")
    assert "vr_live" not in str(caught.value)


def test_the_command_loads_neither_httpx_nor_rich_before_it_needs_them():
    code = "import sys, voicereel_client.cli; sys.exit(bool({'httpx', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_the_transport_knows_httpx():
    package = Path(voicereel_client.__file__).parent
    knowing = [path.name for path in package.rglob("*.py") if "import httpx" in path.read_text()]
    assert knowing == ["_transport.py"]
