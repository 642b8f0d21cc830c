"""What is wrong with a take's sound, whatever it says: no recogniser is needed to hear it.

A good take that is blamed makes a paying customer wait. The limits were set on takes of espeak's and flite's
so that none is: benchmarks/quality/verify.py.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from workers.audio.clip import Clip, Samples
from workers.audio.timing import trim

# The quietest good take, a whispered "Psst!", has -32 dBFS.
TOO_QUIET_DBFS = -50.0
# Sound goes on to the very end: the last moments are less than so far below the take's active level. espeak's
# and flite's plain voices end at -14.7 dB at most; those of espeak's with an echo break it off anywhere, so
# where an engine says when its words sound it is believed.
_END_MS, _END_DB = 5, -12.0
# espeak pauses for 0.7 s at its slowest.
LONG_GAP_MS = 1500
_GAP_DB = -35.0
# What is quieter than the loudest frame by so much is pause, not speech.
_ACTIVE_DB = 25.0
_FRAME_MS = 20
# Times what a table says (see `voicereel.domain.pace`): espeak is within 0.46 and 2.6.
_SHORTEST, _LONGEST = 1 / 4, 4.0
# What is too short or long for its text is so by more than this, too: a word may be said in many ways.
_SHORT_BY_MS, _LONG_BY_MS = 500, 2000

_Levels = npt.NDArray[np.float64]


def faults(clip: Clip, *, expected_ms: float, last_word_ms: float | None = None) -> tuple[str, ...]:
    """What is wrong with a take, of `voicereel.domain.checks.FAULTS`; nothing of one with no sound at all.

    ``clip`` is as its engine made it, untrimmed: an end that was trimmed tells nothing. ``expected_ms`` is
    how long its text should sound at its speed; 0 where that is not known. ``last_word_ms`` is when its last
    word ends, in ms from the clip's first sample, if its engine says so.
    """
    first, last = trim(clip)
    sound = clip.samples[first:last]
    if not len(sound):
        return ()
    levels = _levels(sound, clip.rate)
    active_db = _active_db(levels)
    found = {
        "too_quiet": active_db < TOO_QUIET_DBFS,
        "truncated": _is_cut(clip, active_db) if last_word_ms is None else _is_beyond(clip, last_word_ms),
        "long_gap": _longest_gap_ms(levels, active_db) > LONG_GAP_MS,
        **_implausible(len(sound) * 1000 / clip.rate, expected_ms),
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _levels(sound: Samples, rate: int) -> _Levels:
    """Of frames of `_FRAME_MS`, in dBFS; a take that is shorter is one frame."""
    size = rate * _FRAME_MS // 1000
    count = max(1, len(sound) // size)
    frames = sound[: count * size].astype(np.float64).reshape(count, -1)
    return np.asarray(10 * np.log10(np.square(frames).mean(axis=1) + 1e-12))


def _active_db(levels: _Levels) -> float:
    """The mean power of what is no pause."""
    speech = levels[levels > levels.max() - _ACTIVE_DB]
    return float(10 * np.log10(np.mean(10 ** (speech / 10))))


def _is_cut(clip: Clip, active_db: float) -> bool:
    end = clip.samples[-max(1, clip.rate * _END_MS // 1000) :].astype(np.float64)
    return float(10 * np.log10(np.square(end).mean() + 1e-12)) > active_db + _END_DB


def _is_beyond(clip: Clip, last_word_ms: float) -> bool:
    return last_word_ms > clip.duration_ms + _FRAME_MS


def _longest_gap_ms(levels: _Levels, active_db: float) -> int:
    voiced = np.flatnonzero(levels > active_db + _GAP_DB)
    if len(voiced) < 2:
        return 0
    return int((np.diff(voiced).max() - 1) * _FRAME_MS)


def _implausible(length_ms: float, expected_ms: float) -> Mapping[str, bool]:
    if not expected_ms:
        return {}
    return {
        "too_short": length_ms < min(expected_ms * _SHORTEST, expected_ms - _SHORT_BY_MS),
        "too_long": length_ms > max(expected_ms * _LONGEST, expected_ms + _LONG_BY_MS),
    }
