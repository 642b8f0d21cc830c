"""From espeak's events to word marks.

The library names a word by its first character, spells out "1,234" as several words inside that
token, and lets some words share an event ("of the"). A mark here is one *atom* of the text and
whatever follows it without an event of its own, unless that can be told apart by its phonemes.
"""

import bisect
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from workers.engines.base import Mark
from workers.engines.tts.espeak_library import SAMPLE_RATE, PhonemeEvent, Spoken, WordEvent

# scripts written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# these end a word even with no space behind them: dashes, ellipsis, Chinese and Japanese punctuation
_BREAKS = "—–…\u3000-\u3004\u3006-\u303f\uff00-\uff0f\uff1a-\uff20"
_ATOM = re.compile(rf"\d[\d.,:]*|[{_UNSPACED}]|[^\s{_UNSPACED}{_BREAKS}]+")
_SPEECH = re.compile(r"[^\W_]")
_SPOKEN = re.compile(r"\S*[^\W_]\S*")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]{{2}}")


# How many phonemes a voice gives each word by itself.
Count = Callable[[Sequence[str]], Sequence[int]]


@dataclass(slots=True)
class _Group:
    """An atom that is heard: its first character, and where it and its phonemes sound, in samples."""

    char: int
    start: int
    end: int
    phonemes: list[int] = field(default_factory=list)


def marks_of(text: str, spoken: Spoken, count: Count) -> tuple[Mark, ...]:
    """One mark a heard word, in time order, inside the clip.

    ``exact`` is false where one event covers several words and their phonemes do not tell which is
    whose: only the time of all of them together is known then.
    """
    starts = [match.start() for match in _ATOM.finditer(text) if _stands_alone(match, text)]
    groups = list(_audible(_groups(starts, spoken), len(spoken.pcm)))
    ends = [*(group.char for group in groups[1:]), len(text)][: len(groups)]
    marks = (_mark(group, end, text) for group, end in zip(groups, ends, strict=True))
    return tuple(
        part
        for group, mark in zip(groups, marks, strict=True)
        if mark
        for part in _parts(mark, group, text, count)
    )


def _stands_alone(atom: re.Match[str], text: str) -> bool:
    """Whether an atom is heard for itself: the sign of "5%" is part of its number, that of "3 + 4" is not."""
    return bool(_SPEECH.search(atom[0])) or text[: atom.start()][-1:].strip() == ""


def _groups(starts: Sequence[int], spoken: Spoken) -> Iterator[_Group]:
    """Walk the events: a word event of a later atom opens a group, phonemes stretch it."""
    group: _Group | None = None
    total = len(spoken.pcm)
    events = spoken.events
    for index, event in enumerate(events):
        if isinstance(event, WordEvent):
            char = _atom_at(starts, event.char)
            if char is not None and (group is None or char > group.char):
                if group:
                    yield group
                group = _Group(char, event.sample, event.sample)
        elif group and event.sounds:
            if group.end == group.start and _silent_before(events, index):
                group.start = event.sample
            group.end = events[index + 1].sample if index + 1 < len(events) else total
            group.phonemes.append(event.sample)
    if group:
        yield group


def _silent_before(events: Sequence[WordEvent | PhonemeEvent], index: int) -> bool:
    before = events[index - 1] if index else None
    return isinstance(before, PhonemeEvent) and not before.sounds


def _atom_at(starts: Sequence[int], char: int) -> int | None:
    """The start of the last atom that begins at or before a character."""
    index = bisect.bisect_right(starts, char)
    return starts[index - 1] if index else None


def _audible(groups: Iterator[_Group], total: int) -> Iterator[_Group]:
    for group in groups:
        group.end = min(group.end, total)
        if group.end > group.start:
            yield group


def _mark(group: _Group, limit: int, text: str) -> Mark | None:
    """The mark from the first to the last letter or digit of ``text[group.char:limit]``, if any."""
    letters = [match.start() for match in _SPEECH.finditer(text, group.char, limit)]
    if not letters:
        return None
    start, end = letters[0], letters[-1] + 1
    while end < limit and unicodedata.category(text[end]).startswith("M"):
        end += 1  # accents and vowel signs belong to the letter before them
    covered = text[start:end]
    several = sum(1 for part in covered.split() if _SPEECH.search(part)) > 1
    return Mark(
        start_char=start,
        end_char=end,
        start_ms=group.start * 1000 / SAMPLE_RATE,
        end_ms=group.end * 1000 / SAMPLE_RATE,
        exact=not several and not _UNSPACED_RUN.search(covered),
    )


def _parts(mark: Mark, group: _Group, text: str, count: Count) -> Iterator[Mark]:
    """A mark over several words, cut where each word's own number of phonemes says.

    Words are often said otherwise together than alone; where the numbers do not add up the cuts are
    made in proportion, and stay inexact.
    """
    words = [match.span() for match in _SPOKEN.finditer(text, mark.start_char, mark.end_char)]
    counts = count([text[start:end] for start, end in words]) if len(words) > 1 else ()
    if len(words) < 2 or not all(counts) or len(group.phonemes) < len(words):
        yield mark
        return
    heard, alone = len(group.phonemes), list(accumulate(counts, initial=0))
    firsts = [round(total * heard / alone[-1]) for total in alone[:-1]]
    times = [*(group.phonemes[first] * 1000 / SAMPLE_RATE for first in firsts), mark.end_ms]
    times[0] = mark.start_ms
    for (start, end), (start_ms, end_ms) in zip(words, pairwise(times), strict=True):
        exact = heard == alone[-1] and not _UNSPACED_RUN.search(text[start:end])
        yield replace(mark, start_char=start, end_char=end, start_ms=start_ms, end_ms=end_ms, exact=exact)
