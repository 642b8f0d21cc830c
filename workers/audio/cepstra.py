"""How speech sounds, frame by frame, for comparing two sayings of one text. Pure functions."""

import functools

import numpy as np
import numpy.typing as npt
import soxr

from workers.audio.clip import Clip

HOP_MS = 10

Floats = npt.NDArray[np.float64]

_RATE = 16_000
_HOP, _WINDOW, _FFT = _RATE * HOP_MS // 1000, _RATE * 25 // 1000, 512
_LOW_HZ, _HIGH_HZ, _BANDS, _CEPSTRA = 100.0, 7_000.0, 32, 12
# what lies this far below a band's loudest frame is silence: a gate's and a room's are to look alike
_FLOOR_DB = 40.0
# Found on flite's voices, whose times are known, against espeak's readings: the higher a cepstrum the more
# it is the voice's and the less the sound's, and pauses are worth most.
_ENERGY_WEIGHT, _SLOPE_WEIGHT, _FALL = 2.0, 0.7, 0.7
_DELTA_FRAMES = 2
# frames whose spectra are held at a time: 10 s
_BLOCK = 1000


def cepstra(clip: Clip) -> Floats:
    """Frames of `HOP_MS` as vectors of length one, of shape (frames, 26): the cosine is their product.

    MFCC 1-12 and the energy, with their slopes; each brought to mean 0 and one deviation over the clip,
    so that voices, microphones and telephone lines matter little. Frame k is centred on k * `HOP_MS`.
    """
    power = np.concatenate([block @ _filters().T for block in _spectra(clip)])
    level = 10 * np.log10(np.maximum(power, 1e-12))
    level = np.maximum(level, level.max(axis=0) - _FLOOR_DB)
    static = np.column_stack([level @ _cosines().T, level.mean(axis=1)])
    weights = _weights()
    slopes = _normal(_slopes(static)) * weights * _SLOPE_WEIGHT
    vectors = np.column_stack([_normal(static) * weights, slopes])
    vectors[:, _CEPSTRA] *= _ENERGY_WEIGHT
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float64)


def _spectra(clip: Clip) -> list[Floats]:
    """Power spectra in blocks of shape (≤ `_BLOCK`, 257)."""
    sound = clip.samples if clip.rate == _RATE else soxr.resample(clip.samples, clip.rate, _RATE)
    count = len(sound) // _HOP + 1
    padded = np.pad(sound, (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:count]
    window = np.hanning(_WINDOW).astype(np.float32)
    return [
        np.abs(np.fft.rfft(frames[first : first + _BLOCK] * window, _FFT)) ** 2
        for first in range(0, count, _BLOCK)
    ]


def _normal(values: Floats) -> Floats:
    return np.asarray((values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-6))


def _slopes(values: Floats) -> Floats:
    """The slope of a line through each value and its neighbours, two to each side."""
    padded = np.pad(values, ((_DELTA_FRAMES, _DELTA_FRAMES), (0, 0)), mode="edge")
    steps = range(-_DELTA_FRAMES, _DELTA_FRAMES + 1)
    total = sum(step * padded[step + _DELTA_FRAMES :][: len(values)] for step in steps)
    return np.asarray(total / sum(step**2 for step in steps))


@functools.cache
def _filters() -> Floats:
    """Triangles evenly spaced on the mel scale, of shape (bands, 257)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(_FFT, 1 / _RATE)
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


@functools.cache
def _cosines() -> Floats:
    """The discrete cosine transform's rows 1-12, of shape (cepstra, bands)."""
    centres = (np.arange(_BANDS) + 0.5) * np.pi / _BANDS
    return np.asarray(np.cos(np.arange(1, _CEPSTRA + 1)[:, None] * centres))


@functools.cache
def _weights() -> Floats:
    """What each cepstrum counts, of shape (cepstra + 1,); the last is the energy."""
    order = np.arange(1.0, _CEPSTRA + 1)
    return np.append((_CEPSTRA**0.5 / order) ** _FALL, 1.0)
