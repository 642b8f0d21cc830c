"""Caption presets: limits a cue is cut to. A preset never changes; a change is a new version.

Figures are Netflix's timed text guide for adult programmes (general requirements; characters a
line and a second by language as in SubtitleEdit's Netflix quality check).
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionStyle:
    """Limits by primary language subtag ("zh"), and for every language that is not listed.

    ``max_lines`` is 1 or 2. ``gap_ms`` is two frames at 25 a second; a gap of no more than
    ``chain_ms`` (11 frames at 24) is closed to it. ``trail_ms`` is how far a cue may outlast its
    last word for reading; a very short one may stay longer, to last ``min_ms``.
    """

    name: str
    version: int
    columns: int
    columns_by_language: Mapping[str, int]
    cps: float
    cps_by_language: Mapping[str, float]
    max_lines: int = 2
    min_ms: int = 833
    max_ms: int = 7000
    gap_ms: int = 80
    chain_ms: int = 458
    trail_ms: int = 500

    def columns_for(self, language: str) -> int:
        """The most characters of one display line."""
        return self.columns_by_language.get(primary_subtag(language), self.columns)

    def cps_for(self, language: str) -> float:
        """The most characters a second that are comfortable to read."""
        return self.cps_by_language.get(primary_subtag(language), self.cps)


STYLES: Mapping[str, CaptionStyle] = {
    "default": CaptionStyle(
        name="default",
        version=1,
        columns=42,
        columns_by_language={"ja": 13, "ko": 16, "zh": 16, "th": 35},
        cps=17,
        cps_by_language={"en": 20, "ar": 20, "hi": 22, "ja": 4, "ko": 12, "zh": 9},
    ),
}


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
