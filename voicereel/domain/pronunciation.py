"""Words of a line that are said otherwise than written: put in their place, and timed.

What is shown stays as it was written. An engine is handed the *spoken form* of a line; the times it
gives are of that form, and are brought back to the written text before words are made of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from voicereel.domain.lexicons import Reading
from voicereel.domain.script import Warn, spoken_text, without_emoji
from voicereel.domain.words import Timing

# --- putting other words in their place ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Swap:
    """Characters ``[start, end)`` of a text are ``[new_start, new_end)`` of the changed one."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A text with parts of it replaced, and the way back to where each character came from."""

    text: str
    swaps: tuple[_Swap, ...] = ()

    def start_of(self, position: int) -> int:
        """Where in the original begins what begins here; the whole of what was replaced counts as one."""
        shift = 0
        for swap in self.swaps:
            if position < swap.new_start:
                break
            if position < swap.new_end:
                return swap.start
            shift = swap.end - swap.new_end
        return position + shift

    def end_of(self, position: int) -> int:
        """Where in the original ends what ends here."""
        shift = 0
        for swap in self.swaps:
            if position <= swap.new_start:
                break
            if position <= swap.new_end:
                return swap.end
            shift = swap.end - swap.new_end
        return position + shift

    def original(self, timings: Iterable[Timing]) -> list[Timing]:
        """Timings of the changed text as timings of the original: of what was replaced there is one."""
        if not self.swaps:
            return list(timings)
        found: list[Timing] = []
        for timing in sorted(timings, key=lambda each: each.start_char):
            moved = replace(
                timing, start_char=self.start_of(timing.start_char), end_char=self.end_of(timing.end_char)
            )
            if found and moved.start_char < found[-1].end_char:
                moved = _joined(found.pop(), moved)
            found.append(moved)
        return found


def _joined(one: Timing, other: Timing) -> Timing:
    return replace(
        one,
        start_char=min(one.start_char, other.start_char),
        end_char=max(one.end_char, other.end_char),
        start_ms=min(one.start_ms, other.start_ms),
        end_ms=max(one.end_ms, other.end_ms),
        exact=one.exact and other.exact,
    )


def changed(text: str, parts: Iterable[tuple[int, int, str]]) -> Changed:
    """The text with each ``(start, end, new)`` replaced; parts are in order and do not overlap."""
    pieces, swaps, done, length = [], [], 0, 0
    for start, end, new in parts:
        pieces += [text[done:start], new]
        length += start - done
        swaps.append(_Swap(start, end, length, length + len(new)))
        length += len(new)
        done = end
    return Changed("".join([*pieces, text[done:]]), tuple(swaps))


# --- the line as an engine is given it -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpokenForm:
    """What is spoken of a line: ``text`` without emoji, and the readings in it that are IPA.

    ``ignored``: how many of the line's readings this engine can do nothing with.
    """

    text: str
    phonemes: tuple[Reading, ...]
    ignored: int
    _changed: Changed

    def written(self, timings: Iterable[Timing]) -> list[Timing]:
        """Timings of the spoken text as timings of the written one."""
        return self._changed.original(timings)


def spoken_form(text: str, readings: Sequence[Reading], *, ipa: bool) -> SpokenForm:
    """A line as an engine gets it that can (``ipa``) or cannot be told sounds.

    ``text`` is the line's own; readings are of `spoken_text` of it. All that the samples of a take depend
    on of a line's pronunciation is in the form's ``text`` and ``phonemes``.
    """
    written = spoken_text(text)
    by_sound = [each for each in readings if ipa and each.ipa]
    by_spelling = [
        (each.start, each.end, each.alias) for each in readings if each not in by_sound and each.alias
    ]
    spoken = changed(written, by_spelling)
    moved = tuple(_moved(each, by_spelling) for each in by_sound)
    ignored = len(readings) - len(by_sound) - len(by_spelling)
    return SpokenForm(without_emoji(spoken.text), moved, ignored, spoken)


def _moved(reading: Reading, replaced: Sequence[tuple[int, int, str]]) -> Reading:
    shift = sum(len(new) - (end - start) for start, end, new in replaced if end <= reading.start)
    return replace(reading, start=reading.start + shift, end=reading.end + shift)


def spoken_length(text: str, readings: Sequence[Reading]) -> int:
    """How many characters an engine may be given of a line."""
    return len(text) + sum(max(0, len(each.alias or "") - (each.end - each.start)) for each in readings)


def ignored_warning(ordinal: int) -> Warn:
    """That words of a line are spoken as they are written, for their sounds cannot be told to its voice."""
    detail = "A pronunciation in IPA was left out: this voice cannot honour it. Give it an 'alias', too."
    return Warn(code="pronunciation_ignored", pointer=f"/lines/{ordinal}", detail=detail)
