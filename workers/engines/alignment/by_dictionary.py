"""Alignment of English by pocketsphinx: a pronouncing dictionary and an acoustic model, in the wheel.

Words that the dictionary lacks, and whatever is not spelled with letters (numbers, signs), are added
with the pronunciation that another engine gives them.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pocketsphinx
import soxr

from voicereel.domain.words import Timing
from workers.audio.clip import Clip
from workers.engines.alignment import confidence
from workers.engines.alignment.arpabet import arpabet

# How each of some English words is pronounced by itself: phonemes in IPA.
Pronounce = Callable[[Sequence[str]], Sequence[Sequence[str]]]

# start and end in ms
Span = tuple[float, float]

_RATE, _FRAME_MS, _PAD_MS, _PEAK = 16_000, 10, 100, 0.7
# the search keeps about 1 MB a second
_MAX_SECONDS = 90
_TOKEN = re.compile(r"\S*[^\W_]\S*")
_PART = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_MAX_ADDED = 5000


@dataclass(frozen=True, slots=True)
class _Token:
    """Characters ``[start, end)`` of the text, and the dictionary's words for them."""

    start: int
    end: int
    entries: tuple[str, ...]


class ByDictionary:
    """An `Aligner` for English."""

    def __init__(self, pronounce: Pronounce) -> None:
        self._pronounce = pronounce
        self._added: dict[str, str] = {}

    @functools.cached_property
    def _decoder(self) -> pocketsphinx.Decoder:
        return pocketsphinx.Decoder(lm=None, loglevel="FATAL")

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        """As the protocol says; nothing where the clip does not say the text."""
        if language.lower().partition("-")[0] != "en" or len(clip.samples) > _MAX_SECONDS * clip.rate:
            return ()
        tokens = list(self._tokens(text))
        if not tokens or not all(token.entries for token in tokens):
            return ()
        segments = self._segments(clip, [entry for token in tokens for entry in token.entries])
        return tuple(_timings(tokens, segments)) if segments else ()

    def _tokens(self, text: str) -> Iterator[_Token]:
        for match in _TOKEN.finditer(text):
            parts = _PART.findall(match[0].lower().replace("’", "'"))
            known = all(self._knows(part) for part in parts)
            yield _Token(*match.span(), tuple(parts if known else self._add(match[0])))

    def _knows(self, word: str) -> bool:
        return word.isascii() and not word.isdigit() and self._decoder.lookup_word(word) is not None

    def _add(self, token: str) -> Iterator[str]:
        """A made-up word, pronounced as the whole token."""
        if len(self._added) >= _MAX_ADDED:
            del self.__dict__["_decoder"]
            self._added.clear()
        if token not in self._added:
            (phonemes,) = self._pronounce([token])
            sounds, name = arpabet(phonemes), f"added_{len(self._added)}"
            if not sounds:
                return
            self._decoder.add_word(name, sounds, update=True)
            self._added[token] = name
        yield self._added[token]

    def _segments(self, clip: Clip, words: Sequence[str]) -> list[Span]:
        """When each word sounds; nothing where they do not fit."""
        decoder = self._decoder
        decoder.set_align_text(" ".join(words))
        decoder.start_utt()
        decoder.process_raw(_pcm(clip), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return []
        found = [part for part in decoder.seg() if not part.word.startswith(("<", "["))]
        spans = [(_ms(part.start_frame), _ms(part.end_frame + 1)) for part in found]
        return spans if len(spans) == len(words) else []


def _pcm(clip: Clip) -> bytes:
    """16-bit samples at an ordinary level, with a little silence around, which the model expects."""
    sound = clip.samples if clip.rate == _RATE else soxr.resample(clip.samples, clip.rate, _RATE)
    level = _PEAK / max(float(np.abs(sound).max(initial=0.0)), 1e-6)
    return (np.pad(sound * level, _PAD_MS * _RATE // 1000) * 32767).astype("<i2").tobytes()


def _ms(frame: int) -> float:
    return max(0.0, float(frame * _FRAME_MS - _PAD_MS))


def _timings(tokens: Sequence[_Token], spans: Sequence[Span]) -> Iterator[Timing]:
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
