"""What was heard of a take when it was listened to again, and whether that is good enough."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voicereel.domain.script import Qa

LINE_SUSPECT = "line_suspect"
UNVERIFIED = "unverified"

# What is wrong with a take's sound, whatever it says, in words for the customer.
FAULTS = {
    "too_quiet": "it is nearly silent",
    "truncated": "it ends while the voice still sounds",
    "long_gap": "there is a long silence inside",
    "too_short": "it is far too short for its text",
    "too_long": "it is far too long for its text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenCheck:
    """What is known of a take from listening to it. ``faults`` are of `FAULTS`.

    ``recognizer`` None: it was not compared with its text. Else ``wer`` is the word error rate, and
    ``limit`` what the recogniser allows by itself. ``missing`` and ``repeated`` are numbers of ``words``
    words as they are spoken, from 1. ``attempts`` is how often the line was spoken for it.
    """

    faults: tuple[str, ...] = ()
    recognizer: str | None = None
    words: int = 0
    wer: float | None = None
    limit: float = 0.0
    missing: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    attempts: int = 1

    def is_good(self, qa: Qa) -> bool:
        return not self.faults and (self.wer is None or self.wer <= self._limit(qa))

    def suspicion(self, qa: Qa) -> str:
        """Why a person is to listen. It quotes nothing: numbers of words, and figures."""
        reasons = [FAULTS[fault] for fault in self.faults]
        if self.wer is not None and self.wer > self._limit(qa):
            reasons += self._words_wrong()
        tried = f" It was spoken {self.attempts} times." if self.attempts > 1 else ""
        return f"Listen to this line: {'; '.join(reasons)}.{tried}"

    def _words_wrong(self) -> list[str]:
        told = (("not heard", self.missing), ("heard again", self.repeated))
        found = [f"{len(at)} of {self.words} words {what} ({_numbers(at)})" for what, at in told if at]
        return found or [f"what was heard is another text (word error rate {self.wer:.2f})"]

    def _limit(self, qa: Qa) -> float:
        return self.limit if qa.max_wer is None else qa.max_wer


def check_view(check: SpokenCheck) -> dict[str, Any]:
    """As JSON, for the reel and for replies."""
    return {
        "faults": list(check.faults),
        "recognizer": check.recognizer,
        "words": check.words,
        "wer": check.wer,
        "missing": list(check.missing),
        "repeated": list(check.repeated),
        "attempts": check.attempts,
    }


_NAMED = 10


def _numbers(words: Sequence[int]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"word {', '.join(map(str, words[:_NAMED]))}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A text beside what was heard: the word error rate, and which of its words, from 1."""

    wer: float
    missing: tuple[int, ...]
    repeated: tuple[int, ...]


def compare(expected: Sequence[str], heard: Sequence[str], *, untold: Collection[int] = ()) -> Compared:
    """The fewest words left out, put in or changed (Levenshtein) that make ``heard`` of ``expected``.

    A word that was put in is a repeated one if it is among the last `_STUTTER` words before it.
    ``untold`` are words, from 1, of which nothing can be said: whatever became of them is not wrong.
    """
    missing: list[int] = []
    repeated: list[int] = []
    wrong = 0
    for at, was, became in _edits(expected, heard):
        if was == became or (was is not None and at in untold):
            continue
        again = 0 if became is None else _said_before(expected, at, became)
        if was is None and again in untold:
            continue
        wrong += 1
        if was is not None:
            missing.append(at)
        elif again:
            repeated.append(again)
    return Compared(
        wer=round(wrong / max(len(expected), 1), 3),
        missing=tuple(missing),
        repeated=tuple(dict.fromkeys(repeated)),
    )


_STUTTER = 3


def _said_before(expected: Sequence[str], at: int, word: str) -> int:
    """The number of a word that was said just before, up to word ``at``; 0 if it was not."""
    return next((n for n in range(at, max(0, at - _STUTTER), -1) if expected[n - 1] == word), 0)


def _edits(expected: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[int, str | None, str | None]]:
    """``(number, word, what became of it)``, in order; None for a word put in after it, or left out."""
    costs = _costs(expected, heard)
    at, place = 0, 0
    while at < len(expected) or place < len(heard):
        here = costs[at][place]
        word = expected[at] if at < len(expected) else None
        other = heard[place] if place < len(heard) else None
        if word is not None and other is not None and here == costs[at + 1][place + 1] + (word != other):
            at, place = at + 1, place + 1
            yield at, word, other
        elif word is not None and here == costs[at + 1][place] + 1:
            at += 1
            yield at, word, None
        else:
            place += 1
            yield at, None, other


def _costs(expected: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    """``costs[i][j]``: the fewest edits from ``expected[i:]`` to ``heard[j:]``."""
    rows = [list(range(len(heard), -1, -1))]
    for word in reversed(expected):
        below = rows[-1]
        row = [below[-1] + 1]
        for place in range(len(heard) - 1, -1, -1):
            row.append(min(below[place] + 1, row[-1] + 1, below[place + 1] + (word != heard[place])))
        rows.append(row[::-1])
    return rows[::-1]
