"""The aligner of this installation: what is here is used, and what is not is done without."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from voicereel.domain.words import Timing
from workers.audio.clip import Clip
from workers.engines.alignment import confidence
from workers.engines.base import Aligner

if TYPE_CHECKING:
    from workers.engines.alignment.by_reading import Comparison

# A low voice and a high one. They lend themselves to every language that espeak speaks.
READERS = ("en-us+m3", "en-us+f2")


class _Comparing(Protocol):
    def compare(self, clip: Clip, text: str, language: str) -> "Comparison": ...


class Agreement:
    """Two methods that know nothing of each other: the mean of both, trusted as far as they agree.

    Where ``dictionary`` has no answer that of the readings stands.
    """

    def __init__(self, readings: _Comparing, dictionary: Aligner) -> None:
        self._readings = readings
        self._dictionary = dictionary

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        compared = self._readings.compare(clip, text, language)
        others = {timing.start_char: timing for timing in self._dictionary.align(clip, text, language)}
        if not compared.timings:
            return tuple(others.values())
        return tuple(_joined(timing, others, cost=compared.cost) for timing in compared.timings)


def _joined(timing: Timing, others: dict[int, Timing], *, cost: float) -> Timing:
    other = others.get(timing.start_char)
    if other is None:
        return timing
    gap_ms = abs(timing.start_ms - other.start_ms)
    return replace(
        timing,
        start_ms=(timing.start_ms + other.start_ms) / 2,
        end_ms=(timing.end_ms + other.end_ms) / 2,
        confidence=confidence.of_two_methods(gap_ms=gap_ms, cost=cost),
    )


class Unable:
    """No word can be timed here."""

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:  # noqa: ARG002
        return ()


def make_aligner() -> Aligner:
    """The best that is installed: espeak's readings, and pocketsphinx beside them for English."""
    try:
        from workers.engines.alignment.by_reading import ByReading
        from workers.engines.tts.espeak import Espeak
    except ImportError:
        return Unable()
    reader = Espeak()
    reader.load()
    readings = ByReading(reader, voices=READERS)
    try:
        from workers.engines.alignment.by_dictionary import ByDictionary
    except ImportError:
        return readings

    def pronounce(words: Sequence[str]) -> Sequence[Sequence[str]]:
        return reader.pronounce(words, language="en-US")

    return Agreement(readings, ByDictionary(pronounce))
