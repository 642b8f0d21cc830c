import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.workers.audio.signals import in_blocks, noise
from workers.audio.broadcast import Bext
from workers.audio.encode import encode

RATE = 48_000
BEXT = Bext(
    description="Pilot",
    originator="VoiceReel",
    originator_reference="job_01JB8Z7W3V5K6Q2N4M8T0R1S2X",
    date="2026-11-20",
    time="09:31:00",
    time_reference=3600 * RATE,
)


def written(
    path: Path, *, kind: str = "wav", bit_depth: int, bext: Bext | None = None, channels: int = 1
) -> Path:
    sound = noise(0.4, rate=RATE)
    encode(
        path,
        kind,
        rate=RATE,
        channels=channels,
        blocks=in_blocks(sound),
        total_samples=len(sound),
        bit_depth=bit_depth,
        bext=bext,
    )
    return path


def chunks(path: Path) -> dict[bytes, bytes]:
    data, found, at = path.read_bytes(), {}, 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


@pytest.mark.parametrize("bit_depth", [16, 24, 32])
def test_the_chunk_is_laid_out_as_ebu_tech_3285_says(tmp_path, bit_depth):
    path = written(tmp_path / "a.wav", bit_depth=bit_depth, bext=BEXT.at(480))
    bext = chunks(path)[b"bext"]
    fields = struct.unpack_from("<256s32s32s10s8sQH", bext)
    texts = [field.rstrip(b"\0").decode() for field in fields[:5]]
    assert texts == ["Pilot", "VoiceReel", BEXT.originator_reference, "2026-11-20", "09:31:00"]
    assert (fields[5], len(bext) >= 602) == (3600 * RATE + 480, True)
    # and as another reader understands it
    with av.open(str(path)) as container:
        assert container.metadata["time_reference"] == str(3600 * RATE + 480)


def test_a_broadcast_wave_holds_the_same_samples(tmp_path):
    for bit_depth in (16, 24, 32):
        plain, _ = soundfile.read(written(tmp_path / "a.wav", bit_depth=bit_depth), dtype="float32")
        broadcast, _ = soundfile.read(
            written(tmp_path / "b.wav", bit_depth=bit_depth, bext=BEXT), dtype="float32"
        )
        np.testing.assert_array_equal(plain, broadcast)


def test_text_beyond_ascii_is_replaced_and_what_is_too_long_is_cut(tmp_path):
    long = Bext(**{**{name: getattr(BEXT, name) for name in BEXT.__slots__}, "description": "é" * 300})
    bext = chunks(written(tmp_path / "a.wav", bit_depth=24, bext=long))[b"bext"]
    assert bext[:256].rstrip(b"\0").strip(b"?") == b""
    assert bext[256:265] == b"VoiceReel"


@pytest.mark.parametrize(
    ("kind", "bit_depth", "subtype"),
    [("wav", 24, "PCM_24"), ("wav", 32, "FLOAT"), ("flac", 24, "PCM_24")],
)
def test_deeper_files_keep_the_sound_to_their_last_bit(tmp_path, kind, bit_depth, subtype):
    path = written(tmp_path / f"a.{kind}", kind=kind, bit_depth=bit_depth, channels=2)
    heard, _ = soundfile.read(path, dtype="float64")
    assert soundfile.info(path).subtype == subtype
    assert np.abs(heard - noise(0.4, rate=RATE)[:, None]).max() <= (0 if bit_depth == 32 else 0.5 / 2**23)


def test_float_is_not_clipped_and_says_no_date(tmp_path):
    loud = np.full(1000, 1.7, np.float32)
    for name in ("a.wav", "b.wav"):
        encode(tmp_path / name, "wav", rate=RATE, channels=1, blocks=[loud], total_samples=1000, bit_depth=32)
    heard, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_array_equal(heard, loud)
    # libsndfile would write a PEAK chunk with the time of day
    assert set(chunks(tmp_path / "a.wav")) <= {b"fmt ", b"fact", b"data"}


def test_a_broadcast_wave_that_would_pass_4_gb_has_a_64_bit_header(tmp_path):
    path = tmp_path / "a.wav"
    sound = noise(0.1, rate=RATE)
    encode(
        path,
        "wav",
        rate=RATE,
        channels=2,
        blocks=[sound],
        total_samples=800_000_000,
        bit_depth=24,
        bext=BEXT,
    )
    assert path.read_bytes()[:4] == b"RF64"
    assert soundfile.info(path).frames == len(sound)
