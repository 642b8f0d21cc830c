"""The client on the real application, over WSGI: no server, no network, a worker run by hand."""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import soundfile
import yaml

from tests.rendering import Studio, studio
from voicereel.api.app import create_app
from voicereel.domain.account import SCOPES
from voicereel_client import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableError,
    VoiceReel,
    line_names,
)

LINES = [{"speaker": "stock:fake/a", "text": "Hello there."}]
UNKNOWN = "job_01JB8Z7W3V5K6Q2N4M8T0R1S2X"


@pytest.fixture
def fake_studio(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path / "home", engines="fake", default_engine="fake") as found:
        yield found


def connect(found: Studio, *scopes: str, tenant: str = "acme", key: str | None = None) -> VoiceReel:
    made = found.services.accounts.create_key("sdk", tenant=tenant, scopes=scopes or SCOPES)
    transport = httpx.WSGITransport(app=create_app(found.services))
    client = httpx.Client(transport=transport, base_url="http://voicereel.test")
    return VoiceReel(api_key=key or made.key, base_url="http://voicereel.test", http_client=client)


def test_from_script_to_files(fake_studio: Studio, tmp_path: Path) -> None:
    client = connect(fake_studio)
    job = client.synthesize(lines=LINES, output={"formats": ["wav", "flac"]}, metadata={"project": "p1"})
    assert (job.status, job.metadata) == ("queued", {"project": "p1"})
    fake_studio.work()
    events: list[str] = []
    done = job.wait(on_event=lambda event: events.append(event.type))
    assert (done.status, events[0], events[-1]) == ("succeeded", "job.updated", "job.finished")
    files = done.download(tmp_path / "out")
    assert {path.name for path in files} == {
        "reel.wav",
        "reel.flac",
        "reel.json",
        "reel.vtt",
        "reel.srt",
        "certificate.json",
    }
    assert done.outputs is not None
    hashes = {audio.format: audio.sha256 for audio in done.outputs.audio}
    assert hashlib.sha256((tmp_path / "out" / "reel.wav").read_bytes()).hexdigest() == hashes["wav"]


def test_lines_are_saved_before_the_job_has_ended(fake_studio: Studio, tmp_path: Path) -> None:
    client = connect(fake_studio)
    lines = [{"id": line_id, "speaker": "stock:fake/a", "text": "Hello there."} for line_id in ("..", "b")]
    job = client.synthesize(lines=lines)
    assert fake_studio.runner.run_one()
    assert client.jobs.get(job.id).status == "running"
    for line in job.lines():
        path = job.save_line(line, tmp_path / "lines" / line_names([line.id])[line.id])
        assert line.audio is not None
        assert soundfile.info(path).frames == line.audio.duration_ms * 24
        assert path.read_bytes() == job.save_line("b", tmp_path / "again.wav").read_bytes()


def test_the_same_key_makes_one_job(fake_studio: Studio) -> None:
    client = connect(fake_studio)
    first, second = (client.synthesize(lines=LINES, idempotency_key="k1") for _ in range(2))
    assert first.id == second.id
    with pytest.raises(UnprocessableError) as refused:
        client.synthesize(lines=[*LINES, *LINES], idempotency_key="k1")
    assert refused.value.code == "idempotency_key_reused"


def test_lists_go_on_from_page_to_page(fake_studio: Studio) -> None:
    client = connect(fake_studio)
    made = [client.synthesize(lines=LINES).id for _ in range(5)]
    assert [job.id for job in client.jobs.list(page_size=2)] == made[::-1]
    client.jobs.cancel(made[0])
    assert [job.id for job in client.jobs.list(status="canceled")] == made[:1]
    assert {voice.id for voice in client.voices.list()} >= {"stock:fake/a"}


def test_each_refusal_has_its_error(fake_studio: Studio) -> None:
    client = connect(fake_studio)
    job = client.synthesize(lines=LINES)
    client.jobs.cancel(job.id)
    with pytest.raises(ConflictError, match="finished"):
        client.jobs.cancel(job.id)
    with pytest.raises(NotFoundError):
        client.jobs.get(UNKNOWN)
    with pytest.raises(NotFoundError):
        connect(fake_studio, tenant="other").jobs.get(job.id)
    with pytest.raises(PermissionDeniedError):
        connect(fake_studio, "jobs:read").synthesize(lines=LINES)
    with pytest.raises(AuthenticationError):
        connect(fake_studio, key="vr_live_wrong").jobs.get(job.id)


def test_a_speaker_is_enrolled_read_renamed_and_deleted(fake_studio: Studio, tmp_path: Path) -> None:
    client = connect(fake_studio)
    speech = {"lines": [{"speaker": "stock:fake/a", "text": "Again and again. " * 60}] * 2}
    fake_studio.render({**speech, "output": {"formats": ["flac"]}}, tmp_path)
    consent = {"subject": "A", "attested_by": "B", "attested_at": "2026-11-01T10:00:00Z"}
    made = client.speakers.create(
        name="Ana", language="en", samples=[tmp_path / "reel.flac"], consent=consent
    )
    assert made.status == "processing"
    fake_studio.work()
    ready = client.speakers.wait(made.id)
    assert (ready.status, ready.reference is not None) == ("ready", True)
    assert client.speakers.update(made.id, name="Anna").name == "Anna"
    assert [speaker.id for speaker in client.speakers.list()] == [made.id]
    client.speakers.delete(made.id)
    with pytest.raises(NotFoundError):
        client.speakers.get(made.id)


def test_every_published_example_is_accepted(fake_studio: Studio) -> None:
    """The scripts that the specification shows, spoken here by the fake engine's voices."""
    spec = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text(encoding="utf-8"))
    script = spec["components"]["examples"]["Script"]["value"]
    script["cast"] = {"ANA": "stock:fake/a", "BEN": {**script["cast"]["BEN"], "speaker": "stock:fake/b"}}
    assert connect(fake_studio).synthesize(script).status == "queued"


def test_a_quote_of_an_estimate_binds_the_job(fake_studio: Studio) -> None:
    client = connect(fake_studio)
    estimate = client.estimate(lines=LINES)
    assert estimate.lines == 1
    assert estimate.expected.duration.ms <= estimate.at_most.billable_ms
    job = client.synthesize(lines=LINES, quote_id=estimate.quote_id, max_cost=Decimal(1))
    fake_studio.work()
    billed_ms = client.jobs.get(job.id).billable_ms
    assert billed_ms is not None
    assert billed_ms <= estimate.at_most.billable_ms
    with pytest.raises(UnprocessableError) as refused:
        client.synthesize(lines=[*LINES, *LINES], quote_id=estimate.quote_id)
    assert refused.value.code == "quote_mismatch"
