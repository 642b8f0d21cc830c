"""The colour of a voice: its long-term spectrum, and giving it to another. Pure functions.

A frequency warp stands for the length of a vocal tract, an equaliser for what else differs on average.
"""

import functools

import numpy as np
import numpy.typing as npt
import soxr

from workers.audio.clip import Clip, Samples

Floats = npt.NDArray[np.float64]

RATE = 22_050
# third octaves from 100 Hz to 8 kHz
CENTRES_HZ = tuple(round(1000 * 2 ** (step / 3), 1) for step in range(-10, 10))
MAX_GAIN_DB = 12.0

_WINDOW, _HOP = 1024, 256
_BINS_HZ = np.fft.rfftfreq(_WINDOW, 1 / RATE)
# speech is what lies this near to the loudest frames
_SPEECH_DB = 30.0
# the envelope keeps this many cepstra: formants, not harmonics, up to a pitch of 400 Hz
_LIFTER = 28
_WARPS = np.round(np.arange(0.88, 1.141, 0.01), 2)
_FORMANTS_HZ = np.geomspace(250, 5000, 80)
_MAX_BEND_DB = 18.0
# frames that are reshaped at a time: 12 s
_BLOCK = 1024


def long_term_db(clip: Clip) -> Floats:
    """The mean power of speech in each third octave of `CENTRES_HZ`, in dB around their mean."""
    power = np.exp(_speech_log(clip)).mean(axis=0)
    edges = np.searchsorted(_BINS_HZ, [hz * 2 ** (side / 6) for hz in CENTRES_HZ for side in (-1, 1)])
    # the lowest bands are narrower than what the window tells apart
    level = [power[first : max(last, first + 1)].mean() for first, last in edges.reshape(-1, 2)]
    decibels = 10 * np.log10(np.maximum(level, 1e-12))
    return np.asarray(decibels - decibels.mean())


def warp_towards(own: Clip, wanted: Clip) -> float:
    """By what factor to move the resonances of ``own`` up (> 1) or down so that they lie as in ``wanted``."""
    mine, theirs = (_detrended(_envelope(_speech_log(clip)).mean(axis=0)) for clip in (own, wanted))
    target = np.interp(_FORMANTS_HZ, _BINS_HZ, theirs)
    distances = [
        float(np.square(np.interp(_FORMANTS_HZ / warp, _BINS_HZ, mine) - target).mean()) for warp in _WARPS
    ]
    return float(_WARPS[int(np.argmin(distances))])


def gains_towards(own: Clip, wanted: Clip) -> Floats:
    """What to add to each band of ``own``, in dB within ±`MAX_GAIN_DB`, to give it the other's colour."""
    difference = long_term_db(wanted) - long_term_db(own)
    smooth = np.convolve(np.pad(difference, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    return np.asarray(np.clip(smooth, -MAX_GAIN_DB, MAX_GAIN_DB))


def reshaped(clip: Clip, *, warp: float, gains_db: Floats) -> Clip:
    """The clip at `RATE` with its resonances moved and its bands lifted: as long and as loud as before.

    ``gains_db`` is of shape (bands,), for `CENTRES_HZ`. Nothing moves in time.
    """
    sound = clip.samples
    padded = np.pad(sound, (_WINDOW, _WINDOW + _HOP))
    out = np.zeros(len(padded))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    gains = np.interp(np.log2(_BINS_HZ + 1), np.log2(np.array(CENTRES_HZ) + 1), gains_db)
    for first in range(0, len(frames), _BLOCK):
        spectra = np.fft.rfft(frames[first : first + _BLOCK] * _window())
        changed = np.fft.irfft(spectra * 10 ** ((gains + _bend_db(spectra, warp)) / 20), _WINDOW) * _window()
        for index, frame in enumerate(changed, first):
            out[index * _HOP : index * _HOP + _WINDOW] += frame
    shaped = out[_WINDOW : _WINDOW + len(sound)]
    return Clip(_as_loud(shaped, sound), clip.rate)


def _bend_db(spectra: npt.NDArray[np.complex128], warp: float) -> Floats:
    """What moves each frame's envelope along the frequencies, of the shape of ``spectra``."""
    if warp == 1.0:
        return np.zeros(spectra.shape)
    envelope = _envelope(np.log(np.abs(spectra) ** 2 + 1e-9)) * (10 / np.log(10))
    places = np.minimum(_BINS_HZ / warp, _BINS_HZ[-1]) / _BINS_HZ[1]
    below = np.minimum(places.astype(np.intp), len(_BINS_HZ) - 2)
    share = places - below
    moved = envelope[:, below] * (1 - share) + envelope[:, below + 1] * share
    return np.asarray(np.clip(moved - envelope, -_MAX_BEND_DB, _MAX_BEND_DB))


def _as_loud(shaped: Floats, before: Samples) -> Samples:
    power, wanted = float(np.square(shaped).sum()), float(np.square(before.astype(np.float64)).sum())
    if power <= 0:
        return before
    factor = (wanted / power) ** 0.5
    return np.asarray(shaped * min(factor, 0.99 / float(np.abs(shaped).max())), dtype=np.float32)


def _speech_log(clip: Clip) -> Floats:
    """Log power spectra of the frames that hold speech, of shape (frames, bins)."""
    sound = clip.samples if clip.rate == RATE else soxr.resample(clip.samples, clip.rate, RATE)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, (0, _WINDOW)), _WINDOW)[:: 2 * _HOP]
    level = 10 * np.log10(np.square(frames).mean(axis=1, dtype=np.float64) + 1e-12)
    speech = frames[level > np.percentile(level, 95) - _SPEECH_DB]
    return np.asarray(np.log(np.abs(np.fft.rfft(speech * _window())) ** 2 + 1e-9))


def _envelope(log_power: Floats) -> Floats:
    """Log power without its harmonics: the lowest cepstra of each row."""
    cepstra = np.fft.irfft(log_power, _WINDOW)
    cepstra[:, _LIFTER : _WINDOW - _LIFTER + 1] = 0.0
    return np.asarray(np.fft.rfft(cepstra).real)


def _detrended(envelope: Floats) -> Floats:
    """Without level, tilt and curve: where the resonances are, not how strong the highs are."""
    inside = (_BINS_HZ >= 150) & (_BINS_HZ <= 6500)
    octave = np.log2(np.maximum(_BINS_HZ, 50))
    trend = np.polynomial.Polynomial.fit(octave[inside], envelope[inside], 2)
    return np.asarray(np.where(inside, envelope - trend(octave), 0.0))


@functools.cache
def _window() -> Floats:
    """The root of a Hann window, scaled so that the squares of four overlapping ones add up to one."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    return np.asarray(np.sqrt(hann / (_WINDOW / _HOP / 2)))
