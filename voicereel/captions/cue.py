"""A cue: one timed text of one line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One timed text of one line. ``lines`` are what is displayed, top first.

    ``text`` is the cue's part of the line's spoken text with the white space after it: the texts
    of a line's cues, concatenated, are its spoken text. Its words sound in ``[words_start_ms,
    words_end_ms)``; it is shown in ``[start_ms, end_ms)``.
    """

    line_id: str
    role: str
    speaker_name: str
    language: str
    text: str
    lines: tuple[str, ...]
    start_ms: int
    end_ms: int
    words_start_ms: int
    words_end_ms: int


def clock(position_ms: int) -> str:
    """A position as WebVTT and TTML write it: ``00:01:02.345``."""
    seconds, milliseconds = divmod(position_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"
