"""Recordings of every kind, good and bad, through the enrolment's two stages."""

import io
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.rendering import Studio, studio
from voicereel.domain.speakers import Consent
from voicereel.services.speakers import Enrolment, Sample
from workers.audio.encode import encode
from workers.engines.base import TakeRequest
from workers.engines.tts.espeak import Espeak

Sound = npt.NDArray[np.float32]
RATE = 22_050
SENTENCES = ("The quick brown fox jumps over the lazy dog.", "She sells sea shells by the sea shore.")


@pytest.fixture(scope="module")
def any_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def speech() -> Sound:
    """33 seconds of one voice, at an ordinary level."""
    engine = Espeak()
    engine.load()
    requests = [TakeRequest(text=text, language="en", voice="en-us+m3") for text in SENTENCES * 8]
    sound = np.concatenate([take.clip.samples for take in engine.synthesize(requests)])[: 33 * RATE]
    assert len(sound) == 33 * RATE
    quieter: Sound = (sound * (0.5 / np.abs(sound).max())).astype(np.float32)
    return quieter


def encoded(tmp_path: Path, sound: Sound, kind: str, *, rate: int = RATE) -> bytes:
    path = tmp_path / f"sample.{kind}"
    if kind == "ogg":
        rate = 24_000
    encode(path, kind, rate=rate, channels=1, blocks=[sound], total_samples=len(sound))
    return path.read_bytes()


def enrolled(any_studio: Studio, *files: bytes, transcript: str | None = None) -> dict[str, Any]:
    """Enroll a speaker from files; the speaker once every stage has run."""
    consent = Consent(subject="A", attested_by="B", attested_at=datetime.now(UTC))
    reply = any_studio.services.speakers.enroll(
        any_studio.principal,
        Enrolment(name="Ana", language="en", consent=consent, transcript=transcript),
        [Sample(kind="wav", stream=io.BytesIO(data)) for data in files],
        once=None,
        request_id="req_test",
    )
    any_studio.work()
    speaker = any_studio.services.speakers.get(any_studio.principal, reply.body["id"])
    return {name: getattr(speaker, name) for name in ("id", "status", "error", "reference")}


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "ogg", "m4a"])
def test_every_kind_of_file_enrolls(kind: str, any_studio: Studio, speech: Sound, tmp_path: Path) -> None:
    found = enrolled(any_studio, encoded(tmp_path, speech, kind))
    assert (found["status"], found["error"]) == ("ready", None)
    seconds = 33 * RATE / (24_000 if kind == "ogg" else RATE)
    assert found["reference"]["seconds"] == pytest.approx(seconds, abs=0.01)
    assert found["reference"]["snr_db"] > 15
    assert -40 < found["reference"]["loudness_lufs"] < -10


@pytest.mark.parametrize("transcript", ["a b", "…", "👋", SENTENCES[0] * 3])
def test_a_transcript_too_short_to_learn_from_is_no_reason_to_reject(
    transcript: str, any_studio: Studio, speech: Sound, tmp_path: Path
) -> None:
    assert enrolled(any_studio, encoded(tmp_path, speech, "flac"), transcript=transcript)["status"] == "ready"


def test_seconds_of_all_recordings_count_together(any_studio: Studio, speech: Sound, tmp_path: Path) -> None:
    halves = [encoded(tmp_path, part, "flac") for part in (speech[: 17 * RATE], speech[17 * RATE :])]
    assert enrolled(any_studio, *halves)["status"] == "ready"


def test_an_enrolled_speaker_speaks_and_is_billed_while_enrolment_is_not(
    any_studio: Studio, speech: Sound, tmp_path: Path
) -> None:
    speaker = enrolled(any_studio, encoded(tmp_path, speech, "wav"))
    script = {"lines": [{"speaker": speaker["id"], "text": "Hello there."}], "output": {"formats": ["wav"]}}
    job = any_studio.render(script, tmp_path / "reel")
    assert job["status"] == "succeeded"
    page = any_studio.services.jobs.page(any_studio.principal, limit=100, cursor=None)
    assert {listed["kind"] for listed in page.data} == {"speech"}


def wav_header_that_claims(seconds: float, data: bytes) -> bytes:
    """A WAV file whose header promises more sound than it holds."""
    size = int(seconds * RATE) * 2
    return b"RIFF" + struct.pack("<I", 36 + size) + data[8:40] + struct.pack("<I", size) + data[44:]


def _short(sound: Sound, folder: Path) -> bytes:
    return encoded(folder, sound[: int(29.9 * RATE)], "wav")


def _truncated_mp3(sound: Sound, folder: Path) -> bytes:
    whole = encoded(folder, sound, "mp3")
    return whole[: len(whole) // 2]


def _lying_wav(sound: Sound, folder: Path) -> bytes:
    return wav_header_that_claims(60, encoded(folder, sound[: 20 * RATE], "wav"))


def _noisy(sound: Sound, folder: Path) -> bytes:
    noise = np.random.default_rng(1).standard_normal(len(sound)).astype(np.float32)
    power = float(np.sqrt(np.mean(sound**2)))
    return encoded(folder, sound + noise * np.float32(power / 2), "wav")


def _clipped(sound: Sound, folder: Path) -> bytes:
    return encoded(folder, np.clip(sound * 8, -1, 1), "wav")


def _picture(_: Sound, folder: Path) -> bytes:
    with av.open(str(folder / "p.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return (folder / "p.png").read_bytes()


def _noise_bytes(_: Sound, __: Path) -> bytes:
    return b"RIFF\x24\x00\x00\x00WAVE" + bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("make", "code", "figures"),
    [
        (_short, "reference_too_short", {"seconds": pytest.approx(29.9, abs=0.01)}),
        (_truncated_mp3, "truncated_audio", {"seconds": pytest.approx(16.5, abs=1)}),
        (_lying_wav, "truncated_audio", {"seconds": pytest.approx(20, abs=0.1)}),
        (_noisy, "too_noisy", {"snr_db": pytest.approx(6, abs=6)}),
        (_clipped, "clipped", {}),
        (_picture, "not_audio", {}),
        (_noise_bytes, "not_audio", {}),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_"),
)
def test_a_bad_recording_is_rejected_with_a_code_and_figures(
    make: Callable[[Sound, Path], bytes],
    code: str,
    figures: dict[str, Any],
    any_studio: Studio,
    speech: Sound,
    tmp_path: Path,
) -> None:
    found = enrolled(any_studio, make(speech, tmp_path))
    assert (found["status"], found["error"]["code"]) == ("rejected", code)
    for name, value in figures.items():
        assert found["error"]["measured"][name] == value


def test_a_deleted_speaker_leaves_no_bytes(any_studio: Studio, speech: Sound, tmp_path: Path) -> None:
    speaker = enrolled(any_studio, encoded(tmp_path, speech, "flac"))
    before = set(any_studio.services.work.store.keys())
    any_studio.services.speakers.delete(any_studio.principal, speaker["id"])
    any_studio.services.upkeep.sweep()
    gone = before - set(any_studio.services.work.store.keys())
    assert {found.key.rpartition("/")[2] for found in gone} >= {"0.wav", "reference.flac"}


def test_the_same_recording_gives_the_same_profile(any_studio: Studio, speech: Sound, tmp_path: Path) -> None:
    data = encoded(tmp_path, speech, "wav")
    ids = [enrolled(any_studio, data)["id"] for _ in range(2)]
    profiles = [any_studio.services.speakers.get(any_studio.principal, each).profile for each in ids]
    assert profiles[0] == profiles[1]


def test_samples_are_read_by_libsndfile_too(speech: Sound, tmp_path: Path) -> None:
    """The fixtures themselves are sound: what an independent reader makes of them."""
    samples, rate = soundfile.read(io.BytesIO(encoded(tmp_path, speech, "flac")))
    assert (len(samples), rate) == (33 * RATE, RATE)
