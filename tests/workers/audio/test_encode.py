import hashlib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.workers.audio.signals import in_blocks, noise, tone
from workers.audio.clip import Samples
from workers.audio.encode import RATES, encode, encoders

EVERY = [(kind, rate) for kind, rates in RATES.items() for rate in rates]


def _decoded(path: Path) -> tuple[np.ndarray, int]:
    """All channels, shape (channels, n), as FFmpeg decodes them, and their rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        channels = stream.channels
    parts = [f.to_ndarray() if f.format.is_planar else f.to_ndarray().reshape(-1, channels).T for f in frames]
    return np.concatenate(parts, axis=1), frames[0].sample_rate


def _with_impulse(total: int, at: int, rate: int) -> Samples:
    """Faint noise and one click, wide enough to survive a coder's low-pass."""
    samples = noise(total / rate, rate=rate, rms=1e-3)[:total].copy()
    samples[at - 3 : at + 4] += np.float32([0.1, -0.2, 0.5, 0.9, 0.5, -0.2, 0.1])
    return samples


def _write(path: Path, kind: str, samples: Samples, *, rate: int, channels: int = 1) -> Path:
    encode(path, kind, rate=rate, channels=channels, blocks=in_blocks(samples), total_samples=len(samples))
    return path


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "rate"), EVERY)
def test_a_file_is_as_long_as_its_sound_and_an_impulse_stays_in_its_place(tmp_path, kind, rate, channels):
    # 137 beyond a second: no multiple of any coder's frame
    total, at = rate + 137, rate // 2 + 11
    path = _write(tmp_path / f"a.{kind}", kind, _with_impulse(total, at, rate), rate=rate, channels=channels)
    heard, heard_rate = _decoded(path)
    assert heard.shape[0] == channels
    # Opus always decodes at 48 kHz; 1 ms is the published tolerance, and all formats keep to one sample
    assert abs(heard.shape[1] / heard_rate - total / rate) <= 1 / rate
    for channel in heard:
        assert abs(np.argmax(np.abs(channel)) / heard_rate - at / rate) <= 0.001


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_another_decoder_agrees_on_length_and_place(tmp_path, kind):
    """libsndfile (mpg123, libopus) shares no code with FFmpeg; it has no AAC."""
    rate = 48_000
    total, at = rate + 137, rate // 2 + 11
    path = _write(tmp_path / f"a.{kind}", kind, _with_impulse(total, at, rate), rate=rate)
    heard, heard_rate = soundfile.read(path)
    assert (len(heard), heard_rate) == (total, rate)
    assert abs(int(np.argmax(np.abs(heard))) - at) <= rate // 1000


@pytest.mark.parametrize(
    ("kind", "rate"), [("mp3", 8_000), ("mp3", 44_100), ("m4a", 44_100), ("ogg", 48_000)]
)
def test_every_length_decodes_exactly(tmp_path, kind, rate):
    """LAME's last packet may be nothing but padding, and AAC files end with a whole frame."""
    for extra in (0, 1, 74, 222, 333, 444, 666, 851, 1023):
        total = rate // 4 + extra
        path = _write(tmp_path / f"a.{kind}", kind, noise(total / rate, rate=rate)[:total], rate=rate)
        assert _decoded(path)[0].shape[1] == total, extra


@pytest.mark.parametrize(("kind", "rate"), EVERY)
def test_no_encoder_changes_the_level(tmp_path, kind, rate):
    """Or the loudness asked for would be missed: LAME, left alone, takes 0.45 dB off."""
    sound = tone(1.0, rate=rate)
    heard, heard_rate = _decoded(_write(tmp_path / f"a.{kind}", kind, sound, rate=rate))
    middle = heard[0, heard_rate // 4 : -heard_rate // 4]
    if middle.dtype == np.int16:
        middle = middle / 32768
    assert 20 * np.log10(np.sqrt((middle**2).mean()) / (0.3 / np.sqrt(2))) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("kind", RATES)
def test_the_same_sound_gives_the_same_bytes_however_it_is_cut_into_blocks(tmp_path, kind):
    rate = 48_000
    sound = noise(1.3, rate=rate)
    digests = set()
    for index, size in enumerate((4_001, 70_000, 480)):
        path = tmp_path / f"{index}.{kind}"
        encode(path, kind, rate=rate, channels=1, blocks=in_blocks(sound, size), total_samples=len(sound))
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_what_is_beyond_full_scale_is_clipped_and_does_not_wrap(tmp_path, kind):
    loud = np.full(24_000, 1.7, np.float32)
    heard, _ = soundfile.read(_write(tmp_path / f"a.{kind}", kind, loud, rate=24_000))
    assert heard[2_000:-2_000].min() > 0.5


def test_sixteen_bit_files_keep_the_samples_to_the_last_bit(tmp_path):
    sound = noise(0.5)
    heard, _ = soundfile.read(_write(tmp_path / "a.flac", "flac", sound, rate=24_000), dtype="float32")
    assert np.abs(heard - sound).max() <= 1.5 / 32768


def test_a_wav_that_would_pass_4_gb_has_a_64_bit_header(tmp_path):
    path = tmp_path / "a.wav"
    encode(path, "wav", rate=48_000, channels=2, blocks=[noise(0.1)], total_samples=1_100_000_000)
    assert path.read_bytes()[:4] == b"RF64"


def test_a_rate_the_format_does_not_have_is_refused(tmp_path):
    with pytest.raises(ValueError, match="44100"):
        encode(tmp_path / "a.ogg", "ogg", rate=44_100, channels=1, blocks=[])


def test_every_format_can_be_written_here():
    assert encoders() == dict.fromkeys(("wav", "flac", "mp3", "ogg", "m4a"), True)
