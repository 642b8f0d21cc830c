"""Alignment of English by pocketsphinx: a pronouncing dictionary and an acoustic model, in the wheel.

Words that the dictionary lacks, and whatever is not spelled with letters (numbers, signs), are added
with the pronunciation that another engine gives them.
"""

from collections.abc import Iterator, Sequence

from voicereel.domain.words import Timing
from workers.audio.clip import Clip
from workers.engines.alignment import confidence
from workers.engines.alignment.entries import FRAME_MS, PAD_MS, Entries, Pronounce, Token

# start and end in ms
Span = tuple[float, float]


class ByDictionary:
    """An `Aligner` for English."""

    def __init__(self, pronounce: Pronounce) -> None:
        self._entries = Entries(pronounce)

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        """As the protocol says; nothing where the clip does not say the text."""
        tokens = self._entries.tokens(clip, text, language)
        if not tokens:
            return ()
        segments = self._segments(clip, [entry for token in tokens for entry in token.entries])
        return tuple(_timings(tokens, segments)) if segments else ()

    def _segments(self, clip: Clip, words: Sequence[str]) -> list[Span]:
        """When each word sounds; nothing where they do not fit."""
        self._entries.decoder.set_align_text(" ".join(words))
        found = self._entries.segments(clip) or ()
        spans = [(_ms(part.start_frame), _ms(part.end_frame + 1)) for part in found]
        return spans if len(spans) == len(words) else []


def _ms(frame: int) -> float:
    return max(0.0, float(frame * FRAME_MS - PAD_MS))


def _timings(tokens: Sequence[Token], spans: Sequence[Span]) -> Iterator[Timing]:
    first = 0
    for token in tokens:
        mine = spans[first : first + len(token.entries)]
        first += len(token.entries)
        yield Timing(
            start_char=token.start,
            end_char=token.end,
            start_ms=mine[0][0],
            end_ms=mine[-1][1],
            source="aligned",
            confidence=confidence.ALONE,
        )
