from collections.abc import Iterator

import numpy as np
import pytest

from tests.workers.audio.signals import in_blocks, noise, tone
from voicereel.domain.script import Bed, Duck
from workers.audio.bed import MAX_DEPTH_DB, Ducking, PlacedBed, Spoken, Window, depth_db, merged
from workers.audio.clip import Clip, Samples
from workers.audio.levels import take_lufs

RATE = 24_000
SOURCE = "src_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
PLAIN = {"fade_out_ms": 0, "duck": Duck(depth_db=0)}


def placed(sound: Samples, *, total: int, **options: object) -> PlacedBed:
    def opened() -> Iterator[Samples]:
        return iter(in_blocks(sound, 3_001))

    return PlacedBed(Bed(source_id=SOURCE, **options), opened, rate=RATE, total_samples=total)


def heard(bed: PlacedBed, spoken: tuple[Spoken, ...] = (), block: int = 4_096) -> Samples:
    return np.concatenate(list(bed.blocks(spoken, block=block)))


def test_a_bed_is_its_source_from_an_offset_at_a_gain_and_ends_when_it_ends():
    sound = noise(2.0)
    bed = placed(sound, total=3 * RATE, gain_db=-6.0, offset_ms=500, **PLAIN)
    found = heard(bed)
    np.testing.assert_allclose(found[: 3 * RATE // 2], sound[RATE // 2 :] * 10 ** (-6 / 20), rtol=1e-6)
    assert len(found) == 3 * RATE
    assert not found[3 * RATE // 2 :].any()
    assert bed.length == 3 * RATE // 2


def test_it_fades_in_and_out_at_its_own_ends():
    found = heard(placed(np.ones(2 * RATE, np.float32), total=5 * RATE, **{**PLAIN, "fade_in_ms": 100, "fade_out_ms": 500}))  # fmt: skip # noqa: E501
    rise, fall = found[: RATE // 10], found[3 * RATE // 2 : 2 * RATE]
    assert (np.diff(rise) > 0).all()
    assert (np.diff(fall) < 0).all()
    assert found[RATE // 10 : 3 * RATE // 2].min() == 1.0
    assert max(rise[0], fall[-1]) < 1e-3


def test_it_is_cut_with_the_reel_and_fades_before():
    bed = placed(np.ones(9 * RATE, np.float32), total=2 * RATE, duck=Duck(depth_db=0), fade_out_ms=1_000)
    found = heard(bed)
    assert (len(found), bed.length) == (2 * RATE, 2 * RATE)
    assert found[RATE - 1] == pytest.approx(1.0, abs=1e-6)
    assert found[-1] < 1e-3


def test_a_loop_goes_on_to_the_end_without_a_click():
    found = heard(placed(np.ones(RATE, np.float32), total=3 * RATE + 777, loop=True, **PLAIN))
    assert len(found) == 3 * RATE + 777
    assert np.abs(np.diff(found)).max() < 0.01
    assert found[RATE // 2] == found[RATE + RATE // 2] == 1.0
    assert abs(found[RATE]) < 1e-3


def test_the_bed_gives_way_as_far_as_the_line_needs():
    """D = bed - (line - target), between 0 and 12 dB."""
    duck = Duck(target_snr_db=11.0)
    assert depth_db(duck, bed_lufs=-25.0, line_lufs=-20.0) == pytest.approx(6.0)
    assert depth_db(duck, bed_lufs=-40.0, line_lufs=-20.0) == 0.0
    assert depth_db(duck, bed_lufs=-10.0, line_lufs=-20.0) == MAX_DEPTH_DB
    assert depth_db(duck, bed_lufs=None, line_lufs=-20.0) == 0.0


def test_what_is_left_under_a_line_is_the_bed_as_far_below_it_as_asked():
    """By subtraction: the ducked bed over the plain one is the gain, and under the line the right one."""
    sound = tone(6.0, amplitude=0.2)
    line = Spoken(start_ms=2_000, end_ms=4_000, line_lufs=-18.0)
    plain = heard(placed(sound, total=6 * RATE, **PLAIN))
    ducked = heard(placed(sound, total=6 * RATE, fade_out_ms=0), (line,))
    under = slice(2 * RATE, 4 * RATE)
    assert take_lufs(Clip(ducked[under], RATE)) == pytest.approx(-18.0 - 11.0, abs=0.1)
    away = np.r_[: int(1.9 * RATE), int(4.25 * RATE) : 6 * RATE]
    np.testing.assert_array_equal(ducked[away], plain[away])
    loud = np.abs(plain) > 0.05
    gains = ducked[loud] / plain[loud]
    at = np.flatnonzero(loud)
    down = gains[(at > 1.9 * RATE) & (at < 2 * RATE)]
    up = gains[(at > 4 * RATE) & (at < 4.25 * RATE)]
    assert (np.diff(down) < 1e-6).all()
    assert (np.diff(up) > -1e-6).all()


@pytest.mark.parametrize("block", [1_000, 4_097, 144_000])
def test_blocks_of_any_size_are_the_same_bed(block):
    spoken = (Spoken(start_ms=500, end_ms=1_500, line_lufs=-20.0), Spoken(start_ms=1_600, end_ms=2_500, line_lufs=-26.0))  # fmt: skip # noqa: E501
    bed = placed(noise(2.3, rms=0.2), total=6 * RATE, loop=True, fade_in_ms=300)
    np.testing.assert_array_equal(heard(bed, spoken), heard(bed, spoken, block))


def test_a_short_hole_stays_down_and_a_long_one_comes_up():
    hole = RATE * 6 // 10
    short = merged([Window(first=0, last=100, depth_db=8.0), Window(first=hole, last=hole + 100, depth_db=5.0)], hole=hole)  # fmt: skip # noqa: E501
    assert [(w.first, w.last, w.depth_db) for w in short][1] == (100, hole, 5.0)
    long = [Window(first=0, last=100, depth_db=8.0), Window(first=hole + 101, last=hole + 200, depth_db=5.0)]
    assert merged(long, hole=hole) == tuple(long)


def test_where_lines_overlap_the_deeper_counts():
    windows = [Window(first=0, last=1_000, depth_db=3.0), Window(first=500, last=2_000, depth_db=9.0)]
    gains = Ducking(windows, Duck(attack_ms=0, release_ms=0), RATE).gains(0, 2_500)
    decibels = -20 * np.log10(gains)
    assert decibels[[100, 700, 1_500, 2_400]] == pytest.approx([3.0, 9.0, 9.0, 0.0], abs=1e-6)
