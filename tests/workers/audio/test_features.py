import numpy as np
import pytest

from tests.workers.audio.signals import noise, speechlike, tone
from workers.audio.clip import Samples
from workers.audio.features import MAX_SNR_DB, clipping, f0, snr_db, syllable_rate

RATE = 24_000


def _with_noise(speech: Samples, snr: float) -> Samples:
    rms = float(np.sqrt((speech.astype(np.float64) ** 2).mean()) / 10 ** (snr / 20))
    return speech + noise(len(speech) / RATE, rate=RATE, rms=rms)


@pytest.mark.parametrize("snr", [0.0, 5.0, 10.0, 20.0, 30.0])
def test_the_noise_that_was_added_is_found_again(snr):
    """Within 1 dB: the quietest frames of white noise lie a little below its mean."""
    assert snr_db(_with_noise(speechlike(8.0), snr), RATE) == pytest.approx(snr, abs=1.0)


def test_clean_sound_has_much_more_signal_than_noise_and_is_capped():
    assert snr_db(speechlike(8.0), RATE) > 25
    assert snr_db(_with_noise(speechlike(8.0), 65.0), RATE) == MAX_SNR_DB


def test_digital_silence_does_not_hide_noise():
    noisy = _with_noise(speechlike(6.0), 10.0)
    padded = np.concatenate([np.zeros(5 * RATE, np.float32), noisy, np.zeros(5 * RATE, np.float32)])
    assert snr_db(padded, RATE) == pytest.approx(10.0, abs=1.0)


def test_silence_has_no_signal():
    assert snr_db(np.zeros(RATE, np.float32), RATE) == 0.0
    assert snr_db(np.zeros(0, np.float32), RATE) == 0.0


def test_clipped_sound_is_told_from_sound_that_touches_full_scale():
    loud = tone(2.0, rate=RATE, hz=150.0, amplitude=3.0)
    assert clipping(np.clip(loud, -1, 1)) == pytest.approx(2 * np.arccos(0.985 / 3) / np.pi, abs=0.01)
    assert clipping(speechlike(2.0)) == 0.0
    assert clipping(np.float32([0, 1, 0, -1, 1, 1, 0])) == 0.0
    assert clipping(np.float32([0, 1, 1, 1, 0, -1, -1, -1, 0, 0])) == pytest.approx(0.6)
    assert clipping(np.zeros(0, np.float32)) == 0.0


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
@pytest.mark.parametrize("hz", [80.0, 120.0, 250.0])
def test_pitch_is_found_at_every_rate(rate, hz):
    contour = f0(speechlike(2.0, rate=rate, hz=hz), rate)
    voiced = contour[contour > 0]
    assert len(voiced) > 50
    assert np.median(voiced) == pytest.approx(hz, rel=0.01)


@pytest.mark.parametrize("per_second", [2.5, 4.0, 6.0])
def test_syllables_are_counted_and_pauses_left_out(per_second):
    """Pauses cut a swell here and there: one in ten may be lost or split."""
    counted = syllable_rate(speechlike(20.0, syllables_per_s=per_second), RATE)
    assert counted == pytest.approx(per_second, rel=0.15)


def test_silence_has_no_syllables():
    assert syllable_rate(np.zeros(RATE, np.float32), RATE) == 0.0
