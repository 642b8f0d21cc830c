"""Texts as words of pocketsphinx's English dictionary; what it lacks is added as another engine says it."""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pocketsphinx
import soxr

from workers.audio.clip import Clip
from workers.engines.alignment.arpabet import arpabet

# How each of some English words is pronounced by itself: phonemes in IPA.
Pronounce = Callable[[Sequence[str]], Sequence[Sequence[str]]]

FRAME_MS, PAD_MS = 10, 100
_RATE, _PEAK = 16_000, 0.7
# a search keeps about 1 MB a second
_MAX_SECONDS = 90
_TOKEN = re.compile(r"\S*[^\W_]\S*")
_PART = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_MAX_ADDED = 5000


@dataclass(frozen=True, slots=True)
class Token:
    """Characters ``[start, end)`` of the text, and the dictionary's words for them."""

    start: int
    end: int
    entries: tuple[str, ...]


class Entries:
    """A decoder with its dictionary. ``options`` are the decoder's own."""

    def __init__(self, pronounce: Pronounce, **options: float) -> None:
        self._pronounce = pronounce
        self._options = options
        self._added: dict[str, str] = {}

    @functools.cached_property
    def decoder(self) -> pocketsphinx.Decoder:
        return pocketsphinx.Decoder(lm=None, loglevel="FATAL", **self._options)

    def tokens(self, clip: Clip, text: str, language: str) -> tuple[Token, ...]:
        """The words of a text; nothing where the decoder is of no use for it."""
        if language.lower().partition("-")[0] != "en" or len(clip.samples) > _MAX_SECONDS * clip.rate:
            return ()
        tokens = tuple(self._tokens(text))
        return tokens if all(token.entries for token in tokens) else ()

    def sounds(self, entry: str) -> tuple[str, ...]:
        """How a word of the dictionary is pronounced."""
        return tuple((self.decoder.lookup_word(entry) or "").split())

    def _tokens(self, text: str) -> Iterator[Token]:
        for match in _TOKEN.finditer(text):
            parts = _PART.findall(match[0].lower().replace("’", "'"))
            known = all(self._knows(part) for part in parts)
            yield Token(*match.span(), tuple(parts if known else self._add(match[0])))

    def _knows(self, word: str) -> bool:
        return word.isascii() and not word.isdigit() and self.decoder.lookup_word(word) is not None

    def _add(self, token: str) -> Iterator[str]:
        """A made-up word, pronounced as the whole token."""
        if len(self._added) >= _MAX_ADDED:
            del self.__dict__["decoder"]
            self._added.clear()
        if token not in self._added:
            (phonemes,) = self._pronounce([token])
            sounds, name = arpabet(phonemes), f"added_{len(self._added)}"
            if not sounds:
                return
            self.decoder.add_word(name, sounds, update=True)
            self._added[token] = name
        yield self._added[token]

    def segments(self, clip: Clip) -> Sequence[pocketsphinx.Segment] | None:
        """What the decoder's search finds in a clip, pauses aside; None where nothing fits."""
        decoder = self.decoder
        decoder.start_utt()
        decoder.process_raw(_pcm(clip), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return None
        return [part for part in decoder.seg() if not part.word.startswith(("<", "[", "("))]


def _pcm(clip: Clip) -> bytes:
    """16-bit samples at an ordinary level, with a little silence around, which the model expects."""
    sound = clip.samples if clip.rate == _RATE else soxr.resample(clip.samples, clip.rate, _RATE)
    level = _PEAK / max(float(np.abs(sound).max(initial=0.0)), 1e-6)
    return (np.pad(sound * level, PAD_MS * _RATE // 1000) * 32767).astype("<i2").tobytes()
