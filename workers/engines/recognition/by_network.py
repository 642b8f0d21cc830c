"""Whether an English take says its text, by pocketsphinx: no transcriber, but here the text is known.

The decoder may go through the words of the text alone, leave one out, or go back a few: that costs so much
that it is done only where the sound asks for it. A voice that it cannot hear is wrong in many places.
"""

from collections.abc import Collection, Iterator, Sequence

import pocketsphinx

from voicereel.domain.checks import compare
from workers.audio.clip import Clip
from workers.engines.alignment.entries import Entries, Pronounce, Token
from workers.engines.base import Hearing

NAME = "pocketsphinx"

# What leaving out a word and going back cost: found on flite's voices, with takes that were damaged.
_SKIP, _BACK = 1e-14, 1e-18
_BACK_WORDS = 3
# Words of fewer sounds are heard in any noise, and missed in good speech; so is the "and" that is said "n".
_FEWEST_SOUNDS = 3
_SWALLOWED = frozenset({"and"})
# So many places may be wrong, and one more for so many words: else it is the voice that it cannot hear.
_PLACES, _WORDS_A_PLACE = 1, 15
# The probabilities count as they are.
_WEIGHT = 1.0
_SEARCH = "text"


class ByNetwork:
    """A `Recognizer` for English and a text that is known."""

    def __init__(self, pronounce: Pronounce) -> None:
        self._entries = Entries(pronounce, lw=_WEIGHT)

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        tokens = self._entries.tokens(clip, text, language)
        if not tokens:
            return None
        words = [entry for token in tokens for entry in token.entries]
        said = self._said(clip, words)
        # "for" and "four" cannot be told apart, nor need they be
        found = compare([self._sound(word) for word in words], [self._sound(word) for word in said])
        told = {at for at, word in enumerate(words, 1) if self._can_be_told(word)}
        missing, repeated = told.intersection(found.missing), told.intersection(found.repeated)
        if not said or _places(missing) + len(repeated) > _PLACES + len(words) // _WORDS_A_PLACE:
            return None
        return Hearing(
            recognizer=NAME,
            expected=tuple(text[token.start : token.end].lower() for token in tokens),
            heard=tuple(_heard(text, tokens, missing, repeated)),
        )

    def _said(self, clip: Clip, words: Sequence[str]) -> Sequence[str]:
        decoder = self._entries.decoder
        network = decoder.create_fsg(_SEARCH, 0, len(words), list(_transitions(words)))
        decoder.add_fsg(_SEARCH, network)
        decoder.activate_search(_SEARCH)
        return [_base(part) for part in self._entries.segments(clip) or ()]

    def _sound(self, word: str) -> str:
        return " ".join(self._entries.sounds(word))

    def _can_be_told(self, word: str) -> bool:
        return len(self._entries.sounds(word)) >= _FEWEST_SOUNDS and word not in _SWALLOWED


def _places(words: Collection[int]) -> int:
    """Words in a row that are missing are one place."""
    return sum(word - 1 not in words for word in words)


def _transitions(words: Sequence[str]) -> Iterator[tuple[int, int, float] | tuple[int, int, float, str]]:
    """Of the network whose state n is: n words are said."""
    for at, word in enumerate(words):
        yield at, at + 1, 1.0, word
        yield at, at + 1, _SKIP
        yield from ((at + 1, back, _BACK) for back in range(at, max(-1, at - _BACK_WORDS), -1))


def _base(part: pocketsphinx.Segment) -> str:
    """A word without the number of its pronunciation, ``read(2)``."""
    return str(part.word).partition("(")[0]


def _heard(text: str, tokens: Sequence[Token], missing: set[int], repeated: set[int]) -> Iterator[str]:
    """The text's words: without those most of which was not heard, and again those that were heard again."""
    first = 1
    for token in tokens:
        mine = set(range(first, first + len(token.entries)))
        first += len(token.entries)
        word = text[token.start : token.end].lower()
        if 2 * len(mine & missing) <= len(mine) and not mine <= missing:
            yield word
        if mine & repeated:
            yield word
