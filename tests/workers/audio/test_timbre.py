"""Reshaping a voice: nothing moves in time, and what was done to a voice is found again."""

import numpy as np
import pytest

from workers.audio.clip import Clip
from workers.audio.timbre import CENTRES_HZ, RATE, gains_towards, long_term_db, reshaped, warp_towards

FLAT = np.zeros(len(CENTRES_HZ))


def vowels(seconds: float = 4.0) -> Clip:
    """A buzz through three resonances that wander, with pauses: enough of a voice to be measured."""
    times = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 15 * np.sin(2 * np.pi * times)) / RATE
    sound = np.zeros(len(times))
    for harmonic in range(1, 70):
        hz = harmonic * 120
        gain = sum(
            1 / (1 + ((hz - centre * (1 + 0.15 * np.sin(2 * np.pi * times * pace))) / 90) ** 2)
            for centre, pace in ((600, 1.3), (1500, 0.7), (2700, 0.4))
        )
        sound += gain * np.cos(harmonic * phase)
    sound *= np.sin(2 * np.pi * times * 0.5) > -0.8
    return Clip((0.3 * sound / np.abs(sound).max()).astype(np.float32), RATE)


def test_with_nothing_to_do_the_sound_stays_as_it_is() -> None:
    clip = vowels()
    same = reshaped(clip, warp=1.0, gains_db=FLAT)
    np.testing.assert_allclose(same.samples, clip.samples, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 100, 22_051])
def test_a_clip_keeps_its_length_and_its_loudness(length: int) -> None:
    clip = Clip(vowels().samples[:length], RATE)
    changed = reshaped(clip, warp=1.1, gains_db=np.linspace(-12, 12, len(CENTRES_HZ)))
    assert len(changed.samples) == length
    if length > 1000:
        assert np.square(changed.samples).mean() == pytest.approx(np.square(clip.samples).mean(), rel=0.01)


def test_pauses_stay_where_they_are() -> None:
    """A window, 46 ms, may ring before and after a sound."""
    clip = vowels()
    still = np.convolve(np.abs(clip.samples), np.ones(2049), mode="same") == 0
    assert still.mean() > 0.1
    changed = reshaped(clip, warp=0.9, gains_db=FLAT)
    assert np.abs(changed.samples[still]).max() < 1e-6


@pytest.mark.parametrize("warp", [0.92, 1.0, 1.08])
def test_a_known_warp_is_found_again(warp: float) -> None:
    clip = vowels()
    assert warp_towards(clip, reshaped(clip, warp=warp, gains_db=FLAT)) == pytest.approx(warp, abs=0.02)


def test_known_gains_are_found_again() -> None:
    clip = vowels()
    gains = np.interp(np.arange(len(CENTRES_HZ)), [0, 9, 19], [-5.0, 3.0, 2.0])
    other = reshaped(clip, warp=1.0, gains_db=gains)
    found = gains_towards(clip, other)
    sounding = long_term_db(clip) > long_term_db(clip).max() - 40
    np.testing.assert_allclose((found - found[9])[sounding], (gains - gains[9])[sounding], atol=1.5)
