"""The limits that cues are cut to, and how long a text is."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionStyle:
    """Limits by primary language subtag ("zh"), and for every language that is not listed.

    ``max_lines`` is 1 or 2. ``gap_ms`` lies between two cues; a longer gap of no more than
    ``chain_ms`` is closed to it, but not in the languages of ``unchained``. ``trail_ms`` is how far a cue
    may outlast its last word for reading; a very short one may stay longer, to last ``min_ms``. In the
    languages of ``half_width`` a narrow character counts as half of one. ``gap_frames`` says how many
    frames the gap is where a frame rate is asked for; 0: it does not depend on one.
    """

    name: str
    version: int
    columns: int
    columns_by_language: Mapping[str, int]
    cps: float
    cps_by_language: Mapping[str, float]
    half_width: frozenset[str] = frozenset()
    unchained: frozenset[str] = frozenset()
    max_lines: int = 2
    min_ms: int = 833
    max_ms: int = 7000
    gap_ms: int = 80
    gap_frames: int = 2
    chain_ms: int = 458
    trail_ms: int = 500

    @property
    def full_name(self) -> str:
        return f"{self.name}@{self.version}"

    def columns_for(self, language: str) -> int:
        """The most characters of one display line."""
        return self.columns_by_language.get(primary_subtag(language), self.columns)

    def cps_for(self, language: str) -> float:
        """The most characters a second that are comfortable to read."""
        return self.cps_by_language.get(primary_subtag(language), self.cps)

    def chain_for(self, language: str) -> int:
        """The longest gap that is closed; no longer than the gap itself where none is."""
        return self.gap_ms if primary_subtag(language) in self.unchained else self.chain_ms

    def measure(self, text: str, language: str) -> float:
        """How many characters a text counts as."""
        return half_width(text) if primary_subtag(language) in self.half_width else width(text)


def primary_subtag(language: str) -> str:
    """``pt`` of ``pt-BR``."""
    return language.replace("_", "-").partition("-")[0].lower()


@lru_cache(maxsize=8192)
def extends(character: str) -> bool:
    """Whether a character is drawn with the one before it: marks, joiners, selectors, skin tones."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf") or "🏻" <= character <= "🏿"


def width(text: str) -> int:
    """How many characters a reader sees, near enough: code points that do not extend another."""
    return len(text) if text.isascii() else sum(not extends(character) for character in text)


def half_width(text: str) -> float:
    """The same where letters, digits and spaces of other scripts count as half a character each."""
    return sum(_size(character) for character in text)


@lru_cache(maxsize=8192)
def _size(character: str) -> float:
    if extends(character):
        return 0.0
    return 0.5 if unicodedata.east_asian_width(character) in ("Na", "H", "N") else 1.0
