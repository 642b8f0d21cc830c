"""The finished timeline: where each line's take sits, and its words. Whole milliseconds only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voicereel.domain.script import Line, Segment, Warn, spoken_text

WordSource = Literal["engine", "aligned", "estimated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a line. ``text`` is the customer's spelling with its punctuation.

    The words of a line partition its spoken text: joined, white space aside, they equal it.
    ``confidence`` is in [0, 1]: how much the times can be trusted.
    """

    text: str
    start_ms: int
    end_ms: int
    source: WordSource
    confidence: float

    def shifted(self, offset_ms: int) -> "Word":
        return Word(
            text=self.text,
            start_ms=self.start_ms + offset_ms,
            end_ms=self.end_ms + offset_ms,
            source=self.source,
            confidence=self.confidence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A line on the timeline: its take sounds in ``[start_ms, end_ms)``.

    ``words`` are in reel time. A line with nothing to speak has zero length and no words.
    """

    line_id: str
    role: str
    speaker_id: str
    speaker_name: str
    language: str
    text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()

    @property
    def spoken(self) -> str:
        return spoken_text(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reel:
    """All placements in script order, and how long the audio is."""

    title: str
    language: str
    duration_ms: int
    placements: tuple[Placement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What `lay_out` decides: one segment a line in script order, the reel's length, warnings."""

    segments: tuple[Segment, ...]
    duration_ms: int
    warnings: tuple[Warn, ...]


def lay_out(lines: Sequence[Line], durations_ms: Sequence[int]) -> Timeline:
    """Place each take of ``durations_ms`` (one a line, trimmed) on the timeline.

    ``start = end(previous) + pause_after_ms(previous) - overlap_ms``, never below 0. A slot sets
    the start absolutely. The reel lasts until the last take and its pause have ended.
    """
    segments: list[Segment] = []
    warnings: list[Warn] = []
    cursor_ms = 0
    for index, (line, length_ms) in enumerate(zip(lines, durations_ms, strict=True)):
        start_ms = line.slot.start_ms if line.slot else max(0, cursor_ms - line.overlap_ms)
        segment = Segment(start_ms=start_ms, end_ms=start_ms + length_ms)
        if line.slot and segment.end_ms > line.slot.end_ms:
            warnings.append(_slot_overrun(index, segment.end_ms - line.slot.end_ms))
        segments.append(segment)
        cursor_ms = segment.end_ms + line.pause_after_ms
    duration_ms = reel_duration_ms(list(zip(lines, segments, strict=True)))
    return Timeline(segments=tuple(segments), duration_ms=duration_ms, warnings=tuple(warnings))


def _slot_overrun(index: int, over_ms: int) -> Warn:
    return Warn(
        code="slot_overrun",
        pointer=f"/lines/{index}/slot",
        detail=f"The take is {over_ms} ms longer than its slot.",
    )


def reel_duration_ms(placed: Sequence[tuple[Line, Segment | None]]) -> int:
    """How long a reel lasts: until the last take and its pause have ended."""
    return max((part.end_ms + line.pause_after_ms for line, part in placed if part), default=0)


def samples(position_ms: int, rate_hz: int) -> int:
    """The sample at a position: computed from zero each time, so errors never add up."""
    return (position_ms * rate_hz + 500) // 1000
