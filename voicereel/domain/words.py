"""The words of a line, from the times an engine gave for stretches of its text."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal

from voicereel.domain.reel import Word
from voicereel.domain.script import has_speech

ESTIMATED_CONFIDENCE = 0.5
# No one speaks faster than this: a gap shorter than that cannot hold the words that have no time.
FASTEST_MS_PER_CHARACTER = 20

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Characters ``[start_char, end_char)`` of the spoken text sound in ``[start_ms, end_ms)``.

    ``exact`` is false where a larger piece than its words was timed. ``confidence`` is in [0, 1].
    """

    start_char: int
    end_char: int
    start_ms: float
    end_ms: float
    exact: bool = True
    source: Literal["engine", "aligned"] = "engine"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Words ``[first, last)`` of a line sound in ``[start_ms, end_ms)``; one word may be exact."""

    first: int
    last: int
    start_ms: float
    end_ms: float
    exact: bool
    source: Literal["engine", "aligned"] = "engine"
    confidence: float = 1.0


def words_from_timings(text: str, timings: Sequence[Timing], duration_ms: int) -> tuple[Word, ...]:
    """Partition spoken text into words, timed within ``[0, duration_ms]``.

    The text of all words, white space aside, is ``text``. Words are at least 1 ms long, in order,
    and do not overlap; where there are more words than milliseconds, neighbours become one word.
    Text with nothing to speak, or no duration, has no words.
    """
    usable = sorted((t for t in timings if t.start_char < t.end_char), key=lambda t: t.start_char)
    spans = _thinned(_spans(text, usable), duration_ms)
    if not spans:
        return ()
    sizes = [max(1, len(text[start:end].replace(" ", ""))) for start, end in spans]
    covered = _cover(_stretches(spans, usable), sizes, duration_ms)
    times = [time for stretch in covered for time in _divide(stretch, sizes)]
    texts = [text[start:end] for start, end in spans]
    return tuple(_words(texts, times, duration_ms))


# --- what an aligner may add -------------------------------------------------------------------


def vague(text: str, timings: Sequence[Timing]) -> bool:
    """Whether words could gain from an aligner: nothing was timed, or several words as one."""
    return not timings or any(_holds_several(text, timing) for timing in timings)


def clearer(timings: Sequence[Timing], aligned: Sequence[Timing]) -> list[Timing]:
    """The engine's timings, with an aligner's in place of those that hold several words.

    An aligner's word counts only inside what the engine timed as a whole, and all its words do or none.
    """
    if not timings:
        return list(aligned)
    found: list[Timing] = []
    for timing in timings:
        parts = [] if timing.exact else _parts(timing, aligned)
        found += parts if len(parts) > 1 else [timing]
    return found


def _holds_several(text: str, timing: Timing) -> bool:
    words = text[timing.start_char : timing.end_char].split()
    return not timing.exact and sum(1 for word in words if has_speech(word)) > 1


def _parts(whole: Timing, aligned: Sequence[Timing]) -> list[Timing]:
    inside = [
        part
        for part in aligned
        if part.exact and whole.start_char <= part.start_char < part.end_char <= whole.end_char
    ]
    return [
        replace(
            part,
            start_ms=min(max(part.start_ms, whole.start_ms), whole.end_ms),
            end_ms=min(max(part.end_ms, whole.start_ms), whole.end_ms),
        )
        for part in inside
    ]


# --- text into words -------------------------------------------------------------------------

# Thai, Lao, Tibetan, Myanmar, Khmer; Han, kana and their punctuation; full and half width forms.
_SPACELESS = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3001-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff01-\uff9f\U00020000-\U0003ffff]"
)
_TOKEN = re.compile(r"\S+")


def spaceless(text: str) -> bool:
    """Whether any of the text is in a script written without spaces between words."""
    return not text.isascii() and _SPACELESS.search(text) is not None


def opens(character: str) -> bool:
    """Whether a character belongs to what follows it: opening brackets and quotes, Thai leading vowels."""
    return character in "¿¡เแโใไ" or unicodedata.category(character) in ("Ps", "Pi")


def _spans(text: str, timings: Sequence[Timing]) -> list[Span]:
    """Where each word lies in ``text``. Pieces without speech belong to the word before, or the first."""
    spans: list[Span] = []
    lead: int | None = None
    for start, end in _pieces(text, timings):
        if has_speech(text[start:end]):
            spans.append((start if lead is None else lead, end))
            lead = None
        elif spans:
            spans[-1] = (spans[-1][0], end)
        elif lead is None:
            lead = start
    return spans


def _pieces(text: str, timings: Sequence[Timing]) -> Iterator[Span]:
    """White-space tokens, cut where timings meet inside them."""
    starts = [timing.start_char for timing in timings]
    ends = sorted(timing.end_char for timing in timings)
    edges = sorted({*starts, *ends})
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        covering = bisect_left(starts, end) - bisect_right(ends, start)
        if covering > 1 or spaceless(token.group()):
            inside = edges[bisect_right(edges, start) : bisect_left(edges, end)]
            yield from pairwise(sorted({start, *(_settle(text, edge, start, end) for edge in inside), end}))
        else:
            yield start, end


def _settle(text: str, edge: int, start: int, end: int) -> int:
    """The nearest place to cut: after closing punctuation and combining marks, before openers."""
    while edge < end and not text[edge].isalnum() and not opens(text[edge]):
        edge += 1
    while edge > start and opens(text[edge - 1]):
        edge -= 1
    return edge


def _thinned(spans: list[Span], duration_ms: int) -> list[Span]:
    """At most one word a millisecond: neighbours are joined where there are more."""
    count = min(len(spans), max(0, duration_ms))
    if count == len(spans):
        return spans
    cuts = [index * len(spans) // count for index in range(count + 1)] if count else []
    return [(spans[first][0], spans[last - 1][1]) for first, last in pairwise(cuts)]


# --- times onto words ------------------------------------------------------------------------


def _stretches(spans: Sequence[Span], timings: Sequence[Timing]) -> list[_Stretch]:
    """What the timings say: words that share a timing are one stretch."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    found: list[_Stretch] = []
    for timing in timings:
        first, last = bisect_right(ends, timing.start_char), bisect_left(starts, timing.end_char)
        if first >= last:
            continue
        stretch = _Stretch(
            first=first,
            last=last,
            start_ms=timing.start_ms,
            end_ms=timing.end_ms,
            exact=timing.exact,
            source=timing.source,
            confidence=timing.confidence,
        )
        if found and first < found[-1].last:
            stretch = _union(found.pop(), stretch)
        found.append(stretch)
    return found


def _union(one: _Stretch, other: _Stretch) -> _Stretch:
    return _Stretch(
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        start_ms=min(one.start_ms, other.start_ms),
        end_ms=max(one.end_ms, other.end_ms),
        exact=one.exact and other.exact,
        source="aligned" if "aligned" in (one.source, other.source) else "engine",
        confidence=min(one.confidence, other.confidence),
    )


def _cover(timed: Sequence[_Stretch], sizes: Sequence[int], duration_ms: int) -> list[_Stretch]:
    """Stretches over all words: those without a time get the gap they lie in, if it can hold them.

    Else they share the time of the stretch before (the first ones: after), as words do that an
    engine speaks as one.
    """
    count = len(sizes)
    finish = _Stretch(first=count, last=count, start_ms=duration_ms, end_ms=duration_ms, exact=False)
    covered: list[_Stretch] = []
    for stretch in [*timed, finish]:
        word, gap_ms = (covered[-1].last, covered[-1].end_ms) if covered else (0, 0.0)
        gap = _Stretch(first=word, last=stretch.first, start_ms=gap_ms, end_ms=stretch.start_ms, exact=False)
        if word < stretch.first:
            holds = gap.end_ms - gap.start_ms >= FASTEST_MS_PER_CHARACTER * sum(sizes[word : stretch.first])
            if holds or (not covered and stretch is finish):
                covered.append(gap)
            elif covered:
                covered[-1] = _union(covered[-1], gap)
            else:
                stretch = _union(gap, stretch)
        covered.append(stretch)
    return covered[:-1]


def _divide(stretch: _Stretch, sizes: Sequence[int]) -> Iterator[_Stretch]:
    """A stretch, word by word: its time is shared by their number of characters."""
    if stretch.last - stretch.first == 1:
        yield stretch
        return
    totals = [0, *accumulate(sizes[stretch.first : stretch.last])]
    length_ms = stretch.end_ms - stretch.start_ms
    edges = [stretch.start_ms + length_ms * total / totals[-1] for total in totals]
    for offset, (start_ms, end_ms) in enumerate(pairwise(edges)):
        word = stretch.first + offset
        yield replace(stretch, first=word, last=word + 1, start_ms=start_ms, end_ms=end_ms, exact=False)


def _words(texts: Sequence[str], times: Sequence[_Stretch], duration_ms: int) -> Iterator[Word]:
    """Whole milliseconds: starts rise by 1 ms at least and leave 1 ms for each word to come."""
    starts: list[int] = []
    for index, time in enumerate(times):
        earliest, latest = starts[-1] + 1 if starts else 0, duration_ms - len(times) + index
        starts.append(min(max(round(time.start_ms), earliest), latest))
    for text, time, (start_ms, next_ms) in zip(texts, times, pairwise([*starts, duration_ms]), strict=True):
        yield Word(
            text=text,
            start_ms=start_ms,
            end_ms=min(max(round(time.end_ms), start_ms + 1), next_ms),
            source=time.source if time.exact else "estimated",
            confidence=time.confidence if time.exact else ESTIMATED_CONFIDENCE * time.confidence,
        )
