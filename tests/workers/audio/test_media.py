import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.workers.audio.signals import noise, tone
from voicereel.domain.errors import StageFailed
from workers.audio.encode import encode
from workers.audio.media import DecodeLimits, decode

KINDS = ("wav", "flac", "mp3", "ogg", "m4a")
RATE = 48_000
SECONDS = 6.0
LIMITS = DecodeLimits()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("media")
    sound = tone(SECONDS, rate=RATE) + noise(SECONDS, rate=RATE, rms=0.01)
    for kind in KINDS:
        encode(folder / kind, kind, rate=RATE, channels=2, blocks=[sound], total_samples=len(sound))
    return {kind: (folder / kind).read_bytes() for kind in KINDS}


def _seconds(path: Path, *, rate: int = 16_000, limits: DecodeLimits = LIMITS) -> float:
    return sum(len(block) for block in decode(path, rate=rate, limits=limits)) / rate


def _refused(path: Path, *, limits: DecodeLimits = LIMITS) -> StageFailed:
    with pytest.raises(StageFailed) as refusal:
        _seconds(path, limits=limits)
    return refusal.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_decoded_to_its_last_sample(tmp_path, files, kind):
    path = tmp_path / "upload"  # the name says nothing: the content decides
    path.write_bytes(files[kind])
    blocks = list(decode(path, rate=16_000, limits=LIMITS))
    heard = np.concatenate(blocks)
    assert heard.dtype == np.float32
    assert abs(len(heard) - SECONDS * 16_000) <= 16
    # two equal channels become one of the same level, but for what coding changes
    assert np.sqrt((heard**2).mean()) == pytest.approx(0.212, rel=0.03)


@pytest.mark.parametrize("share", [0.3, 0.93])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_is_told_from_a_whole_one(tmp_path, files, kind, share):
    path = tmp_path / "upload"
    path.write_bytes(files[kind][: int(len(files[kind]) * share)])
    refusal = _refused(path)
    assert refusal.code == "truncated_audio"
    assert refusal.measured["seconds"] < SECONDS


def test_a_wav_that_declares_three_times_what_it_holds_is_truncated(tmp_path, files):
    lying = bytearray(files["wav"])
    at = lying.index(b"data") + 4
    struct.pack_into("<I", lying, at, 3 * struct.unpack_from("<I", lying, at)[0])
    path = tmp_path / "upload"
    path.write_bytes(lying)
    refusal = _refused(path)
    assert refusal.code == "truncated_audio"
    assert refusal.measured == {"seconds": SECONDS}


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_written_to_a_pipe_declares_nothing_and_is_whole(tmp_path, files, size):
    piped = bytearray(files["wav"])
    struct.pack_into("<I", piped, piped.index(b"data") + 4, size)
    path = tmp_path / "upload"
    path.write_bytes(piped)
    assert _seconds(path) == pytest.approx(SECONDS)


def test_a_64_bit_wav_can_be_read_and_its_cut_is_seen(tmp_path):
    path = tmp_path / "upload"
    soundfile.write(path, noise(2.0), 24_000, subtype="PCM_16", format="RF64")
    assert _seconds(path) == pytest.approx(2.0)
    path.write_bytes(path.read_bytes()[:-48_000])
    assert _refused(path).measured["seconds"] == pytest.approx(1.0)


def test_a_scratch_in_the_middle_does_not_make_a_file_unreadable(tmp_path, files):
    damaged = bytearray(files["mp3"])
    middle = len(damaged) // 2
    damaged[middle : middle + 60] = bytes(60)
    path = tmp_path / "upload"
    path.write_bytes(damaged)
    assert _seconds(path) == pytest.approx(SECONDS, abs=0.25)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello " * 100,
        bytes(10_000),
        b"RIFF\0\0\0\0WAVE",
        b"ID3\4\0\0\0\0\0\0" + bytes(100),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"GIF89a" + bytes(100),
    ],
)
def test_what_is_not_audio_is_refused_as_such(tmp_path, content):
    path = tmp_path / "upload"
    path.write_bytes(content)
    refusal = _refused(path)
    assert (refusal.code, refusal.measured, refusal.retryable) == ("not_audio", {"seconds": 0.0}, False)


def test_decoding_stops_at_the_limit_and_not_at_the_end(tmp_path, files):
    path = tmp_path / "upload"
    path.write_bytes(files["flac"])
    refusal = _refused(path, limits=DecodeLimits(max_seconds=2.0))
    assert refusal.code == "audio_too_long"
    assert 2.0 < refusal.measured["seconds"] < 2.2


def test_a_file_of_too_many_channels_is_refused(tmp_path):
    path = tmp_path / "upload"
    soundfile.write(path, np.zeros((24_000, 6)), 24_000, subtype="PCM_16", format="WAV")
    assert _refused(path, limits=DecodeLimits(max_channels=2)).code == "not_audio"


def test_sound_is_given_out_as_it_is_decoded(tmp_path, files):
    path = tmp_path / "upload"
    path.write_bytes(files["wav"])
    blocks: Iterator = decode(path, rate=RATE, limits=LIMITS)
    assert 0 < len(next(blocks)) < 2 * RATE
    blocks.close()


def test_a_missing_file_is_our_fault_and_not_the_customers(tmp_path):
    with pytest.raises(FileNotFoundError):
        _seconds(tmp_path / "gone")
