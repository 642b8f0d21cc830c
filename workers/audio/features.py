"""Figures about a voice: pitch, pace, noise, clipping. Pure functions over float32 of shape (n,)."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyworld
import soxr

from workers.audio.clip import Samples

MAX_SNR_DB = 60.0
F0_FRAME_MS = 10.0

_F0_FLOOR_HZ, _F0_CEIL_HZ = 40.0, 600.0
# enough for pitch, and half the time of 16 kHz
_F0_RATE = 8_000
_FRAME_MS = 20
# frames this quiet are digital silence: a gate, or an editor, not the room the voice was in
_SILENCE_POWER = 1e-9
_NOISE_PERCENTILE = 2
_FULL_SCALE, _CLIPPED_RUN = 0.985, 3
# the nuclei of syllables are voiced: what fricatives add above 2 kHz would count as more of them
_NUCLEUS_RATE = 4_000
_NUCLEUS_DIP_DB, _NUCLEUS_RANGE_DB = 2.0, 25.0

Floats = npt.NDArray[np.float64]


def f0(samples: Samples, rate: int) -> Floats:
    """Pitch in Hz every `F0_FRAME_MS`, 0 where unvoiced (DIO, then StoneMask)."""
    sound = _at(samples, rate, _F0_RATE).astype(np.float64)
    rough, times = pyworld.dio(
        sound, _F0_RATE, f0_floor=_F0_FLOOR_HZ, f0_ceil=_F0_CEIL_HZ, frame_period=F0_FRAME_MS
    )
    return np.asarray(pyworld.stonemask(sound, rough, times, _F0_RATE), dtype=np.float64)


def snr_db(samples: Samples, rate: int) -> float:
    """How far speech is above the noise between its words, at most `MAX_SNR_DB`.

    The noise is the power that one in fifty of all 20 ms frames is below, digital silence aside;
    the speech is the mean power of all of them, less the noise.
    """
    power = _frame_power(samples, rate * _FRAME_MS // 1000)
    power = power[power > _SILENCE_POWER]
    if not len(power):
        return 0.0
    noise = float(np.percentile(power, _NOISE_PERCENTILE))
    speech = max(float(power.mean()) - noise, 1e-12)
    return float(np.clip(10 * np.log10(speech / noise), 0.0, MAX_SNR_DB))


def clipping(samples: Samples) -> float:
    """The share of samples in runs of three or more at full scale (0.985 and up, of one sign)."""
    return sum(_clipped(samples >= _FULL_SCALE) + _clipped(samples <= -_FULL_SCALE)) / max(1, len(samples))


def syllable_rate(samples: Samples, rate: int) -> float:
    """Syllables a second while speaking: peaks of the energy below 2 kHz, pauses left out."""
    frame = _NUCLEUS_RATE // 100
    power = _frame_power(_at(samples, rate, _NUCLEUS_RATE), frame)
    smooth = np.convolve(power, np.hanning(9)[1:-1], mode="same")
    level = 10 * np.log10(np.maximum(smooth, 1e-12))
    floor = np.percentile(level, 95) - _NUCLEUS_RANGE_DB
    speaking_s = float((level > floor).sum()) / 100
    return sum(1 for _ in _nuclei(np.maximum(level, floor))) / speaking_s if speaking_s else 0.0


def _nuclei(level_db: Floats) -> Iterator[int]:
    """Frames where the level turns: up from a dip of 2 dB, and down again by as much."""
    low, peak, peak_at = level_db[0] if len(level_db) else 0.0, -np.inf, 0
    for index, level in enumerate(level_db):
        if level > peak:
            peak, peak_at = level, index
        if level < peak - _NUCLEUS_DIP_DB:
            if peak > low + _NUCLEUS_DIP_DB:
                yield peak_at
                low = level
            peak = level
        low = min(low, level)


def _clipped(full: npt.NDArray[np.bool_]) -> list[int]:
    """The lengths of the runs of true that are long enough to be clipping."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], full, [False])).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return [int(length) for length in lengths if length >= _CLIPPED_RUN]


def _frame_power(samples: Samples, frame: int) -> Floats:
    """The mean square of each whole frame of ``frame`` samples."""
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    return np.asarray((whole**2).mean(axis=1), dtype=np.float64)


def _at(samples: Samples, rate: int, wanted: int) -> Samples:
    return samples if rate == wanted else np.asarray(soxr.resample(samples, rate, wanted), dtype=np.float32)
