import numpy as np
import pyloudnorm
import pytest

from tests.workers.audio.signals import in_blocks, noise, speechlike, tone
from workers.audio.clip import Clip
from workers.audio.levels import SpokenLevel, matching_db, take_lufs
from workers.audio.weighting import KWeighting


@pytest.mark.parametrize(
    ("rate", "within"), [(8_000, 0.3), (16_000, 0.15), (22_050, 0.1), (24_000, 0.1), (48_000, 0.1)]
)
def test_a_takes_loudness_is_what_a_meter_reads(rate, within):
    sound = speechlike(5.0, rate=rate)
    expected = pyloudnorm.Meter(rate).integrated_loudness(sound.astype(np.float64))
    assert take_lufs(Clip(sound, rate)) == pytest.approx(expected, abs=within)


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.39])
def test_a_take_too_short_for_a_meter_has_a_level_too(seconds):
    long, short = (take_lufs(Clip(noise(s, rms=0.1), 24_000)) for s in (3.0, seconds))
    assert short == pytest.approx(long, abs=1.0)


def test_silence_inside_a_take_does_not_make_it_quieter():
    spoken = tone(2.0, amplitude=0.2)
    pause = np.zeros(3 * 24_000, np.float32)
    alone = take_lufs(Clip(spoken, 24_000))
    paused = take_lufs(Clip(np.concatenate([spoken, pause, spoken]), 24_000))
    assert paused == pytest.approx(alone, abs=0.5)


def test_what_has_no_level_is_none():
    assert take_lufs(Clip(np.zeros(0, np.float32), 24_000)) is None
    assert take_lufs(Clip(np.zeros(24_000, np.float32), 24_000)) is None


def test_weighting_does_not_depend_on_how_sound_is_cut():
    sound = speechlike(1.0, rate=44_100)
    one = KWeighting(44_100).weighted(sound)
    weighting = KWeighting(44_100)
    parts = np.concatenate([weighting.weighted(part) for part in in_blocks(sound, 997)])
    np.testing.assert_array_equal(one, parts)


def spoken(**levels: tuple[str, float | None]) -> list[SpokenLevel]:
    return [SpokenLevel(line_id=k, speaker_id=v[0], take_lufs=v[1]) for k, v in levels.items()]


def test_speakers_meet_and_a_line_keeps_half_of_its_difference():
    lines = spoken(
        a1=("A", -20.0),
        a2=("A", -20.0),
        whisper=("A", -28.0),
        b1=("B", -24.0),
        b2=("B", -24.0),
        shout=("B", -18.0),
    )
    assert matching_db(lines) == {"a1": -2.0, "a2": -2.0, "whisper": 2.0, "b1": 2.0, "b2": 2.0, "shout": -1.0}


def test_no_line_is_moved_further_than_the_cap():
    lines = spoken(
        a=("A", -20.0), b=("A", -20.0), far=("A", -45.0), c=("B", -50.0), d=("D", -19.0), silent=("B", None)
    )
    assert matching_db(lines) == {"a": 0.0, "b": 0.0, "far": 6.0, "c": 6.0, "d": -1.0}


def test_one_line_alone_and_no_line_are_not_moved():
    assert matching_db(spoken(a=("A", -33.3))) == {"a": 0.0}
    assert matching_db([]) == {}
