import math

import av
import numpy as np
import pyloudnorm
import pytest
import soxr

from tests.workers.audio.signals import in_blocks, noise, speechlike, tone
from workers.audio.clip import Samples
from workers.audio.loudness import Loudness, Meter

RATE = 48_000


def _metered(samples: Samples, *, rate: int = RATE, channels: int = 1, block: int = 4_001) -> Loudness:
    with Meter(rate, channels) as meter:
        for part in in_blocks(samples, block):
            meter.add(part)
        return meter.result()


@pytest.mark.parametrize(
    ("rate", "within"), [(8_000, 0.3), (16_000, 0.15), (22_050, 0.1), (44_100, 0.1), (48_000, 0.1)]
)
def test_loudness_agrees_with_pyloudnorm(rate, within):
    """BS.1770 gives its filters for 48 kHz only: carried to low rates by two methods, they part."""
    sound = speechlike(6.0, rate=rate)
    expected = pyloudnorm.Meter(rate).integrated_loudness(sound.astype(np.float64))
    assert _metered(sound, rate=rate).integrated_lufs == pytest.approx(expected, abs=within)


def test_the_standards_own_tone_reads_as_the_standard_says():
    """EBU Tech 3341, case 1: 1 kHz at -23 dBFS in both channels is -23 LUFS (a sine's peak is 0 dBFS)."""
    sine = tone(20.0, rate=RATE, hz=1000.0, amplitude=10 ** (-23 / 20))
    assert _metered(sine, channels=2).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_two_equal_channels_are_3_db_louder_and_peak_no_higher():
    sound = speechlike(3.0, rate=RATE)
    one, two = _metered(sound), _metered(sound, channels=2)
    assert one.integrated_lufs is not None
    assert two.integrated_lufs == pytest.approx(one.integrated_lufs + 10 * math.log10(2), abs=0.001)
    assert two.true_peak_dbtp == one.true_peak_dbtp


@pytest.mark.parametrize("hz", [997.0, 7_000.0, 11_990.0])
def test_true_peak_lies_between_the_samples(hz):
    """A quarter of the rate is the worst case: its samples can miss 3 dB of the peak."""
    sine = tone(1.0, rate=RATE, hz=hz, amplitude=0.5) * np.hanning(RATE).astype(np.float32)
    expected = 20 * math.log10(np.abs(soxr.resample(sine, RATE, 4 * RATE, quality="VHQ")).max())
    assert _metered(sine).true_peak_dbtp == pytest.approx(expected, abs=0.2)


def test_a_peak_in_the_last_instant_counts():
    """The filter looks at whole tenths of a second; what is left over must not be lost."""
    sound = noise(1.04, rate=RATE, rms=0.01)
    sound[-100:] += tone(100 / RATE, rate=RATE, hz=1000.0, amplitude=0.8)
    assert _metered(sound).true_peak_dbtp == pytest.approx(20 * math.log10(0.8), abs=0.3)


def test_a_faint_peak_is_not_rounded_away():
    """The filter prints three decimals of a ratio: below -40 dBFS that alone would be 0.4 dB off."""
    impulse = np.zeros(RATE, np.float32)
    impulse[1000] = 0.0014
    assert _metered(impulse).true_peak_dbtp >= 20 * math.log10(0.0014) - 1e-6


def test_how_sound_is_cut_into_blocks_does_not_matter():
    sound = speechlike(3.0, rate=RATE)
    assert _metered(sound, block=RATE * 3) == _metered(sound, block=480)


def test_what_cannot_be_measured_is_none():
    assert _metered(np.zeros(RATE, np.float32)) == Loudness(integrated_lufs=None, true_peak_dbtp=None)
    assert _metered(np.zeros(0, np.float32)) == Loudness(integrated_lufs=None, true_peak_dbtp=None)
    assert _metered(tone(0.3, rate=RATE)).integrated_lufs is None


def test_the_filter_is_there():
    assert "ebur128" in av.filter.filters_available
