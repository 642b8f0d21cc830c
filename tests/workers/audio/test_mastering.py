from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.audio.meters import read_file, read_samples
from tests.workers.audio.signals import in_blocks, noise, speechlike, tone
from workers.audio.clip import Samples
from workers.audio.delivery import Delivered, Pin, Wanted, deliver
from workers.audio.envelope import Envelope, EnvelopeMeter
from workers.audio.grid import Grid
from workers.audio.limiter import Limiter, reduction_db
from workers.audio.mastering import MAX_LIMITING_DB, master, master_at

RATE = 44_100


def envelope_of(
    samples: Samples, rate: int = RATE, block: int = 65_536, starts: Sequence[int] = ()
) -> Envelope:
    with EnvelopeMeter(rate, starts) as meter:
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


def often(sound: Samples, rate: int) -> list[int]:
    """Starts some 50 ms apart, few of them at a whole chunk."""
    return np.cumsum(np.random.default_rng(1).integers(1, rate // 10, len(sound) * 30 // rate)).tolist()


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("lufs", [-14.0, -16.0, -23.0])
@pytest.mark.parametrize("starting", [lambda sound, rate: [], often])
def test_the_target_is_met_and_the_ceiling_is_not_passed(rate, lufs, starting):
    sound = peaky(rate=rate)
    how = master(envelope_of(sound, rate, starts=starting(sound, rate)), lufs=lufs, dbtp=-1.0)
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
    starts = often(sound, RATE)
    whole = envelope_of(sound, block=len(sound), starts=starts)
    if block > 1:
        cut = envelope_of(sound, block=block, starts=starts)
        np.testing.assert_array_equal(whole.peaks, cut.peaks)
        np.testing.assert_array_equal(whole.powers, cut.powers)
    limiter = master(whole, lufs=-14.0, dbtp=-1.0).limiter()
    parts = [limiter.apply(sound[n : n + block], first=n) for n in range(0, len(sound), block)]
    np.testing.assert_array_equal(limiter.apply(sound, first=0), np.concatenate(parts))


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize("moved", [1, 31, 63, 64, 65, 4_411, 100_003])
def test_a_line_is_limited_as_it_was_wherever_it_moves(rate, moved):
    """It keeps its look-ahead and its release; what is before it is something else."""
    line, pause = peaky(3.0, rate=rate), rate // 2
    alone, after = (limited(line, first, rate) for first in (pause, len(line) + pause + moved))
    assert np.abs(alone - line * np.float32(10 ** (9 / 20))).max() > 0.05
    np.testing.assert_array_equal(alone, after)


def limited(line: Samples, first: int, rate: int) -> Samples:
    """The line at ``first`` of a programme: another comes before it, where there is room, and one after."""
    pause = np.zeros(rate // 2, np.float32)
    other = -line[: max(0, first - len(pause))]
    silence = np.zeros(first - len(other), np.float32)
    programme = np.concatenate((other, silence, line, pause, line))
    starts = [0, first, first + len(line) + len(pause)]
    how = master_at(envelope_of(programme, rate, starts=starts), gain_db=9.0, dbtp=-1.0)
    return how.limiter().apply(programme, first=0)[first : first + len(line)]


def test_what_reaches_beyond_the_programme_is_mastered_as_its_end_is():
    """A clip may be a sample longer: its place is in whole milliseconds."""
    sound = tone(1.0, rate=RATE, amplitude=0.9)[: 640 * 64]
    limiter = master_at(envelope_of(sound), gain_db=6.0, dbtp=-1.0).limiter()
    longer = limiter.apply(np.append(sound, sound[:2]), first=0)
    np.testing.assert_array_equal(longer[:-2], limiter.apply(sound, first=0))


def test_an_envelope_is_stored_with_its_chunks_and_one_without_has_chunks_of_one_length(tmp_path: Path):
    sound = peaky(1.0)
    made, path = envelope_of(sound, starts=[10_001]), tmp_path / "envelope.npy"
    made.save(path)
    found = Envelope.load(path, rate=RATE)
    for name in ("peaks", "powers"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    np.testing.assert_array_equal(found.grid.edges, made.grid.edges)
    plain = envelope_of(sound)
    np.save(path, np.stack((plain.peaks, plain.powers)))
    np.testing.assert_array_equal(Envelope.load(path, rate=RATE).grid.edges, plain.grid.edges)


def test_a_long_programme_is_limited_in_parts_that_fit_together(monkeypatch):
    peaks_db = (20 * np.log10(np.abs(noise(1.0, rate=40_000, rms=0.6)) + 1e-6)).astype(np.float32)
    whole = reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=1.45)
    monkeypatch.setattr("workers.audio.limiter._SEGMENT", 3_001)
    np.testing.assert_array_equal(whole, reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=1.45))


CHUNKS = st.lists(st.tuples(st.floats(-60, 14, width=32), st.integers(16, 31)), min_size=1, max_size=200)


@settings(max_examples=60)
@given(CHUNKS, st.sampled_from([1.33, 1.45, 2.0]))
def test_no_moment_of_a_chunk_is_louder_than_it_may_be(chunks, chunk_ms):
    """Whatever the peaks: all along each chunk, with the straight lines between."""
    peaks_db = np.array([peak for peak, _ in chunks], np.float32)
    grid = Grid.of([length for _, length in chunks], chunk=16)
    curve = reduction_db(peaks_db, over_dbtp=-1.0, chunk_ms=chunk_ms)
    ones = np.ones(grid.edges[-1], np.float32)
    gains = Limiter(curve, gain_db=0.0, grid=grid).apply(ones, first=0)
    loudest = np.maximum.reduceat(gains, grid.edges[:-1])
    assert (20 * np.log10(loudest) + peaks_db <= np.maximum(-1.0, peaks_db) + 1e-3).all()
    assert (20 * np.log10(loudest)[peaks_db > -1.0] + peaks_db[peaks_db > -1.0] <= -1.0 + 1e-3).all()
    # no step is greater than between the middles of two chunks of the usual length
    levels = 10 ** (curve / 20)
    assert np.abs(np.diff(gains)).max(initial=0) <= np.abs(np.diff(levels)).max(initial=0) / 16 + 1e-5


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


@pytest.mark.parametrize(("lufs", "dbtp", "is_limited"), [(-16.0, -1.0, False), (-8.0, -9.0, True)])
def test_a_pinned_file_has_the_gain_it_had_or_what_is_wanted(tmp_path: Path, lufs, dbtp, is_limited):
    """Also where more limiting would be needed than is done: then what is wanted is what can be had."""
    sound = peaky(6.0)
    changed = np.concatenate((sound[: 5 * RATE], sound[:RATE] * np.float32(0.9)))
    wanted = Wanted(lufs=lufs, dbtp=dbtp)
    first = delivered(tmp_path, sound, wanted)
    pin = Pin(gain_db=first.gain_db, mastered_to=first.mastered_to)
    again = delivered(tmp_path, changed, wanted, pin)
    assert (again.pinned, again.gain_db, again.limited) == (True, first.gain_db, is_limited)
    others = [delivered(tmp_path, sound * np.float32(factor), wanted, pin) for factor in (0.5, 2.0)]
    assert [made.pinned for made in others] == [False, False]
    for made in (first, again, *others):
        assert made.limited == is_limited
        assert made.limiting_db <= MAX_LIMITING_DB + 0.5
        assert made.heard.true_peak_dbtp is not None
        assert made.heard.true_peak_dbtp <= dbtp


def delivered(folder: Path, sound: Samples, wanted: Wanted, pin: Pin | None = None) -> Delivered:
    mix = folder / "mix.wav"
    soundfile.write(mix, sound, RATE, subtype="FLOAT")
    return deliver(
        folder / "reel.wav",
        "wav",
        mix=mix,
        envelope=envelope_of(sound),
        wanted=wanted,
        progress=lambda _: None,
        pin=pin,
    )
