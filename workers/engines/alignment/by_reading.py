"""Alignment in any language that another engine speaks and times: its readings are warped onto the take.

No model, and no weights: what is compared is how two sayings of one text sound. It is done twice, with
two voices at two paces: where both say the same, a time can be trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from voicereel.domain.words import Timing
from workers.audio.cepstra import HOP_MS, Floats, cepstra
from workers.audio.clip import Clip
from workers.audio.timing import trim
from workers.engines.alignment import confidence
from workers.engines.alignment.warping import Warp, warp
from workers.engines.base import Mark, Synthesizer, TakeRequest

_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
# how fast the readings are, measured by the take
_PACES = (1.15, 0.85)
PAD_MS = 200


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text as it was read: trimmed sound, and when its words sound in that."""

    clip: Clip
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Warped:
    """A reading's words, and how it is warped onto the take: in frames, of silence of `PAD_MS` on, too."""

    marks: tuple[Mark, ...]
    path: Warp


@dataclass(frozen=True, slots=True)
class Comparison:
    """Words, and the mean of 1 - cosine between the take and its readings."""

    timings: tuple[Timing, ...]
    cost: float


class ByReading:
    """An `Aligner` with the voices of ``reader``, which has word times.

    ``voices`` are two of the reader's, as unlike as can be; they need not speak the text's language.
    """

    def __init__(self, reader: Synthesizer, *, voices: Sequence[str]) -> None:
        self._reader = reader
        self._voices = voices

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        """As the protocol says; ``clip`` is trimmed to its sound."""
        return self.compare(clip, text, language).timings

    def compare(self, clip: Clip, text: str, language: str) -> Comparison:
        """The same, with how unlike the take its readings are."""
        readings = self.readings(clip, text, language)
        if not readings:
            return Comparison((), 0.0)
        paths = [reading.path for reading in readings]
        cost = float(np.mean([path.cost.mean() for path in paths]))
        known = [{mark.start_char: mark for mark in reading.marks} for reading in readings]
        shared = [mark.start_char for mark in readings[0].marks if mark.start_char in known[1]]
        found = [_timed([marks[char] for marks in known], paths, clip, cost=cost) for char in shared]
        return Comparison(tuple(found), cost)

    def readings(self, clip: Clip, text: str, language: str) -> Sequence[Warped]:
        """The text as both voices read it, beside the take; nothing where one of them cannot."""
        readings = [
            self._read_at_pace(clip, text, language, voice=voice, pace=pace)
            for voice, pace in zip(self._voices, _PACES, strict=True)
        ]
        if not len(clip.samples) or not all(reading.marks for reading in readings):
            return ()
        frames = _framed(clip)
        return [Warped(reading.marks, warp(_framed(reading.clip), frames)) for reading in readings]

    def _read_at_pace(self, clip: Clip, text: str, language: str, *, voice: str, pace: float) -> _Reading:
        request = TakeRequest(text=text, language=language, voice=voice)
        plain = self._read(request)
        if not plain.marks:
            return plain
        ratio = len(plain.clip.samples) / plain.clip.rate / max(len(clip.samples) / clip.rate, 0.01)
        return self._read(replace(request, speed=min(max(ratio * pace, _MIN_SPEED), _MAX_SPEED)))

    def _read(self, request: TakeRequest) -> _Reading:
        (take,) = self._reader.synthesize([request])
        first, last = trim(take.clip)
        offset_ms = first * 1000 / take.clip.rate
        marks = () if take.error else tuple(_earlier(mark, offset_ms) for mark in take.marks)
        return _Reading(Clip(take.clip.samples[first:last], take.clip.rate), marks)


def _earlier(mark: Mark, by_ms: float) -> Mark:
    return replace(mark, start_ms=max(0.0, mark.start_ms - by_ms), end_ms=max(0.0, mark.end_ms - by_ms))


def _framed(clip: Clip) -> Floats:
    """The clip's frames, with silence before and after: for what a take's edges have beside the speech."""
    return cepstra(Clip(np.pad(clip.samples, PAD_MS * clip.rate // 1000), clip.rate))


def _timed(marks: Sequence[Mark], paths: Sequence[Warp], clip: Clip, *, cost: float) -> Timing:
    """A word's time is the mean of what the readings say."""
    starts, ends = (
        [_there(path, ms, clip) for path, ms in zip(paths, times, strict=True)]
        for times in ([mark.start_ms for mark in marks], [mark.end_ms for mark in marks])
    )
    start_ms, end_ms = float(np.mean(starts)), float(np.mean(ends))
    return replace(
        marks[0],
        start_ms=start_ms,
        end_ms=max(start_ms, end_ms),
        exact=all(mark.exact for mark in marks),
        source="aligned",
        confidence=confidence.of_readings(spread_ms=max(starts) - min(starts), cost=cost),
    )


def _there(path: Warp, ms: float, clip: Clip) -> float:
    """Where in the clip a moment of the reading is, in ms."""
    found = path.at((ms + PAD_MS) / HOP_MS) * HOP_MS - PAD_MS
    return float(min(max(found, 0.0), clip.duration_ms))
