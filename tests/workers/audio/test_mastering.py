from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.audio.meters import read_file, read_samples
from tests.workers.audio.signals import in_blocks, noise, speechlike, tone
from workers.audio.clip import Samples
from workers.audio.delivery import Wanted, deliver
from workers.audio.envelope import Envelope, EnvelopeMeter
from workers.audio.grid import Grid
from workers.audio.limiter import Limiter, reduction_db
from workers.audio.mastering import MAX_LIMITING_DB, master

RATE = 44_100


def envelope_of(samples: Samples, rate: int = RATE, block: int = 65_536) -> Envelope:
    with EnvelopeMeter(rate) as meter:
        for part in in_blocks(samples, block):
            meter.add(part)
        return meter.result()


def peaky(seconds: float = 8.0, rate: int = RATE) -> Samples:
    """Speech-like, with a crest that static gain cannot bring to -16 LUFS under -1 dBTP."""
    sound = speechlike(seconds, rate=rate)
    # no more near half the rate than voices have: there, meters' filters differ
    clicks = np.convolve(noise(seconds, rate=rate, rms=1.0, seed=3), [0.25, 0.5, 0.25], "same")
    clicks *= (np.arange(len(sound)) % (rate // 50) < rate // 2000) * (np.abs(sound) > 1e-3)
    return (sound + 0.15 * clicks).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("lufs", [-14.0, -16.0, -23.0])
def test_the_target_is_met_and_the_ceiling_is_not_passed(rate, lufs):
    sound = peaky(rate=rate)
    how = master(envelope_of(sound, rate), lufs=lufs, dbtp=-1.0)
    heard = read_samples(how.limiter().apply(sound, first=0)[None, :], rate)
    assert heard.lufs == pytest.approx(lufs, abs=0.05)
    assert how.lufs == pytest.approx(heard.lufs, abs=0.05)
    assert heard.dbtp <= -1.0
    assert not how.limited


def test_what_needs_no_limiting_is_one_gain_and_nothing_else():
    sound = speechlike(4.0, rate=RATE)
    how = master(envelope_of(sound), lufs=-30.0, dbtp=-1.0)
    assert how.limiting_db == 0.0
    np.testing.assert_array_equal(
        how.limiter().apply(sound, first=0), sound * np.float32(10 ** (how.gain_db / 20))
    )


def test_two_equal_channels_need_3_db_less():
    envelope = envelope_of(speechlike(4.0, rate=RATE))
    one, two = (master(envelope, lufs=-30.0, dbtp=-1.0, channels=channels) for channels in (1, 2))
    assert one.gain_db - two.gain_db == pytest.approx(3.01, abs=0.01)


def test_what_would_be_squashed_stays_quieter_and_says_so():
    sound = peaky()
    how = master(envelope_of(sound), lufs=-8.0, dbtp=-9.0)
    assert how.limited
    assert how.limiting_db <= MAX_LIMITING_DB + 0.1
    assert how.lufs is not None
    assert how.lufs < -8.2


def test_what_has_no_loudness_keeps_its_level_below_the_limit():
    short = tone(0.2, rate=RATE, amplitude=0.5)
    how = master(envelope_of(short), lufs=-16.0, dbtp=-1.0)
    assert (how.gain_db, how.lufs, how.limited) == (0.0, None, False)
    silent = master(envelope_of(np.zeros(RATE, np.float32)), lufs=-16.0, dbtp=-1.0)
    assert (silent.gain_db, silent.lufs) == (0.0, None)
    nothing = master(envelope_of(np.zeros(0, np.float32)), lufs=-16.0, dbtp=-1.0)
    assert len(nothing.limiter().apply(np.zeros(0, np.float32), first=0)) == 0


@pytest.mark.parametrize("block", [1, 997, 4_096, 65_536])
def test_how_sound_is_cut_into_blocks_changes_no_bit(block):
    sound = peaky(1.0 if block == 1 else 3.0)
    if block > 1:
        whole, cut = envelope_of(sound, block=len(sound)), envelope_of(sound, block=block)
        np.testing.assert_array_equal(whole.peaks, cut.peaks)
        np.testing.assert_array_equal(whole.powers, cut.powers)
    limiter = master(envelope_of(sound), lufs=-14.0, dbtp=-1.0).limiter()
    parts = [limiter.apply(sound[n : n + block], first=n) for n in range(0, len(sound), block)]
    np.testing.assert_array_equal(limiter.apply(sound, first=0), np.concatenate(parts))


def test_a_long_programme_is_limited_in_parts_that_fit_together(monkeypatch):
    peaks_db = (20 * np.log10(np.abs(noise(1.0, rate=40_000, rms=0.6)) + 1e-6)).astype(np.float32)
    whole = reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=1.45)
    monkeypatch.setattr("workers.audio.limiter._SEGMENT", 3_001)
    np.testing.assert_array_equal(whole, reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=1.45))


PEAKS = st.lists(st.floats(-60, 14, width=32), min_size=1, max_size=200)


@settings(max_examples=60)
@given(PEAKS, st.sampled_from([1.33, 1.45, 2.0]))
def test_no_moment_of_a_chunk_is_louder_than_it_may_be(peaks, chunk_ms):
    """Whatever the peaks: all along each chunk, with the straight lines between."""
    peaks_db = np.array(peaks, np.float32)
    curve = reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=chunk_ms)
    gains = Limiter(curve, gain_db=0.0, grid=Grid.of([16] * len(peaks), chunk=16)).apply(
        np.ones(16 * len(peaks), np.float32), first=0
    )
    loudest = gains.reshape(-1, 16).max(axis=1)
    assert (20 * np.log10(loudest) + peaks_db <= np.maximum(-1.0, peaks_db) + 1e-3).all()
    assert (20 * np.log10(loudest)[peaks_db > -1.0] + peaks_db[peaks_db > -1.0] <= -1.0 + 1e-3).all()


def test_the_limiter_looks_ahead_and_lets_go_slowly():
    peaks_db = np.full(600, -20.0, np.float32)
    peaks_db[200] = 5.0
    curve = reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=1.0)
    assert curve[199:202] == pytest.approx([-6.0] * 3, abs=1e-3)
    assert curve[190] == pytest.approx(-1.0, abs=1.5)
    assert curve[185] == 0.0
    # 60 dB a second: half of 6 dB after 50 ms and the hold
    assert curve[265] == pytest.approx(-3.0, abs=0.4)
    assert curve[330] == 0.0


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "m4a", "ogg"])
def test_a_delivered_file_is_what_it_is_said_to_be(tmp_path: Path, audio_format, channels):
    """The independent meter on the decoded file: a lossy coder's overshoot included."""
    rate = 24_000
    sound = peaky(rate=rate)
    mix, path = tmp_path / "mix.wav", tmp_path / f"reel.{audio_format}"
    soundfile.write(mix, sound, rate, subtype="FLOAT")
    told: list[float] = []
    made = deliver(
        path,
        audio_format,
        mix=mix,
        envelope=envelope_of(sound, rate),
        wanted=Wanted(lufs=-16.0, dbtp=-1.0, channels=channels),
        progress=told.append,
    )
    heard = read_file(path)
    assert heard.lufs == pytest.approx(-16.0, abs=0.2)
    assert heard.dbtp <= -1.0
    assert made.heard.integrated_lufs == pytest.approx(heard.lufs, abs=0.06)
    assert made.heard.true_peak_dbtp == pytest.approx(heard.dbtp, abs=0.05)
    assert told[-1] == 1.0
