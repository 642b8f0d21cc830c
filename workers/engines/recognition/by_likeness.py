"""Whether a take says its text, in all languages that another engine reads: by how unlike the readings it is.

It tells only of takes that sound much like the readings, as most of espeak's voices do to each other. What
sounds clearly unlike them is for another recogniser; of what is in between nothing is said.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from workers.audio.cepstra import HOP_MS, Floats
from workers.audio.clip import Clip
from workers.engines.alignment.by_reading import PAD_MS, ByReading, Warped
from workers.engines.base import Hearing, Mark, Recognizer

NAME = "readings"

# 1 - cosine, of half of a take's frames: three of four of espeak's voices are nearer than the first (with
# their readers' accent all are); those of flite have 0.137 or more.
_ALIKE, _UNLIKE = 0.1, 0.13
# Set so that one in a hundred good takes by any of espeak's voices is blamed. Of damaged ones that costs
# a seventh of the words that were left out, and two fifths of those said twice.
_MISSING_COST = 0.5
# what nobody read: a tenth of a second that costs more than this
_EXTRA_COST, _EXTRA_FRAMES = 0.8, 10


class ByLikeness:
    """A `Recognizer` that compares with what ``readings`` read; ``others`` is for takes unlike them."""

    def __init__(self, readings: ByReading, others: Recognizer | None = None) -> None:
        self._readings = readings
        self._others = others

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        readings = self._readings.readings(clip, text, language)
        if not readings:
            return None
        costs = np.minimum.reduce([_cost_of_frames(reading) for reading in readings])
        if (unlike := float(np.median(costs))) > _ALIKE:
            return self._others.hear(clip, text, language) if self._others and unlike > _UNLIKE else None
        words = _words(readings)
        if not words:
            return None
        missing = {at for at, marks in enumerate(words) if _cost(marks, readings) > _MISSING_COST}
        repeated = set(_before_extras(costs, words, readings)) - missing
        expected = tuple(text[mark.start_char : mark.end_char].lower() for mark, *_ in words)
        heard = (
            word
            for at, word in enumerate(expected)
            if at not in missing
            for _ in range(2 if at in repeated and at + 1 not in missing else 1)
        )
        return Hearing(recognizer=NAME, expected=expected, heard=tuple(heard))


def _words(readings: Sequence[Warped]) -> list[tuple[Mark, ...]]:
    """The words that all readings know, each with what each says of it."""
    by_char = [{mark.start_char: mark for mark in reading.marks} for reading in readings]
    shared = [mark.start_char for mark in readings[0].marks if all(mark.start_char in one for one in by_char)]
    return [tuple(one[char] for one in by_char) for char in shared]


def _cost_of_frames(reading: Warped) -> Floats:
    """The mean cost of each of the take's frames, of shape (frames,)."""
    path = reading.path
    count = np.bincount(path.other)
    return np.asarray(np.bincount(path.other, path.cost) / np.maximum(count, 1))


def _cost(marks: Sequence[Mark], readings: Sequence[Warped]) -> float:
    """What a word costs in the reading that is most like the take."""
    return min(_mean_cost(mark, reading) for mark, reading in zip(marks, readings, strict=True))


def _mean_cost(mark: Mark, reading: Warped) -> float:
    known = reading.path.known
    inside = (known >= _frame(mark.start_ms)) & (known < _frame(mark.end_ms))
    return float(reading.path.cost[inside].mean()) if inside.any() else 0.0


def _frame(ms: float) -> float:
    return (ms + PAD_MS) / HOP_MS


def _before_extras(
    costs: Floats, words: Sequence[tuple[Mark, ...]], readings: Sequence[Warped]
) -> Iterator[int]:
    """The word that was last begun before each stretch that nobody read."""
    mean = np.convolve(costs, np.ones(_EXTRA_FRAMES) / _EXTRA_FRAMES, "same")
    path = readings[0].path
    for frame in np.flatnonzero(mean > _EXTRA_COST):
        known = float(path.known[np.searchsorted(path.other, frame)])
        begun = [at for at, marks in enumerate(words) if _frame(marks[0].start_ms) <= known]
        yield begun[-1] if begun else 0
