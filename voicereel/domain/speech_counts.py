"""How much there is to say in a text: counts from which the length of its speech is predicted.

Rules of thumb by script and language, not phonetics: what they get wrong in the same way every time, a
voice's own figures make up for (see `pace.py`).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from voicereel.domain.script import has_speech

# A text's counts, in this order. Change what one of them means, and `MODEL` must change: figures of before
# count something else.
MODEL = 1
COUNTS = ("lines", "syllables", "letters", "words", "numbers", "commas", "stops")

Counts = tuple[float, ...]
NOTHING: Counts = (0.0,) * len(COUNTS)

# Vowel signs and accents are no letters to `re`, but they part no word.
_MARKS = "".join(chr(code) for code in range(0x0300, 0x1100) if unicodedata.category(chr(code))[0] == "M")
_WORD = f"[^\\W\\d_](?:[^\\W\\d_]|[{_MARKS}])*"
_TOKEN = re.compile(f"{_WORD}(?:['’]{_WORD})*|\\d+|[^\\w\\s]|_")
_COMMAS = frozenset(',;:–—()[]«»“”„"、，；：،؛・~')
_STOPS = frozenset(".!?…。！？।॥؟")
_SAID = frozenset("%&$€£¥+=@#§°©®×÷<>^")
# How many words of a number a sign such as % is worth.
_SIGN_UNITS = 1.5

_VOWELS = frozenset("aeiouyæœøıəαεηιουωаеёиоуыэюяіїєө")
_STRONG = frozenset("aeo")
# Two full vowels side by side are two syllables.
_HIATUS = frozenset({"es", "it", "pt", "ca", "gl", "ro"})
_DIAERESIS, _PARTED_BY_DIAERESIS = "\u0308", frozenset({"en", "fr", "nl"})
# Words without a vowel letter are words there, not abbreviations.
_CONSONANT_WORDS = frozenset({"cs", "sk", "sl", "hr", "sr", "bs", "mk"})
_VIRAMA = frozenset("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d")
_SMALL_KANA = frozenset("ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ")
# As in "table": the vowel is before the l, and spoken.
_LE = re.compile("[^aeiouylr]les?$")
_FIRST_NOT_ALPHABETIC = "\u0590"


def counts_of(text: str, language: str) -> Counts:
    """The counts of a text as an engine gets it (see `spoken_text`); all 0 where nothing is to be said.

    Pauses count inside a text alone: a take is cut to its first and last sound.
    """
    if not has_speech(text):
        return NOTHING
    counter = _Counter(language.lower().partition("-")[0])
    for token in _TOKEN.findall(text):
        counter.add(token)
    return counter.counts()


class _Counter:
    """Reads a text token by token."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._syllables = self._letters = self._words = self._numbers = 0.0
        self._pauses = {",": 0, ".": 0, "": 0}
        self._pause, self._word = "", ""

    def add(self, token: str) -> None:
        if not token[0].isalnum() and token not in _SAID:
            self._pause = _longer_pause(self._pause, token, self._word)
            return
        if self._words or self._numbers:
            self._pauses[self._pause] += 1
        self._pause, self._word = "", token
        if token[0].isdigit():
            self._numbers += _number_units(token)
        elif token[0].isalpha():
            self._words += 1
            syllables, letters = _word_counts(token, self._language)
            self._syllables += syllables
            self._letters += letters
        else:
            self._numbers += _SIGN_UNITS

    def counts(self) -> Counts:
        pauses = float(self._pauses[","]), float(self._pauses["."])
        return (1.0, self._syllables, self._letters, self._words, self._numbers, *pauses)


def _longer_pause(pause: str, mark: str, word: str) -> str:
    if mark in _STOPS and not (mark == "." and _is_abbreviation(word)):
        return "."
    return pause or ("," if mark in _COMMAS else "")


def _is_abbreviation(word: str) -> bool:
    return 0 < len(word) <= 4 and word.isalpha() and word.isascii() and not any(map(_is_vowel, word))


def _number_units(digits: str) -> float:
    """About how many short words a whole number is: each digit that is named, hundreds, thousands."""
    named = len(digits.replace("0", "")) or 1
    groups = (len(digits) - 1) // 3
    hundreds = sum(digit != "0" for digit in digits[::-1][2::3])
    return float(named + groups + hundreds)


@lru_cache(maxsize=16_384)
def _word_counts(word: str, language: str) -> tuple[int, int]:
    return _syllables(word, language), sum(map(str.isalpha, word))


def _syllables(word: str, language: str) -> int:
    """At least one. Of scripts that write syllables or consonants, each sign is one."""
    signs = sum(map(_is_sign, word))
    if signs:
        kanji = sum("\u4e00" <= each <= "\u9fff" for each in word) if language == "ja" else 0  # two morae
        return max(1, signs + kanji - sum(each in _VIRAMA for each in word))
    if word.isupper() and len(word) > 1 and not any(map(_is_vowel, word)):  # spelled out
        return len(word)
    nuclei = sum(_nuclei(word.lower(), language))
    if not nuclei:
        return 1 if language in _CONSONANT_WORDS or len(word) == 1 else 2
    return max(1, nuclei - _is_mute_at_the_end(word.lower(), language))


def _is_sign(character: str) -> bool:
    if character < _FIRST_NOT_ALPHABETIC or character in _SMALL_KANA:
        return False
    return unicodedata.category(character) in ("Lo", "Lm")


def _nuclei(word: str, language: str) -> Iterator[bool]:
    """For each vowel letter, whether it begins the vowel of a syllable."""
    before = ""
    for at, letter in enumerate(word):
        if not _is_vowel(letter) or (at == 0 and letter == "y") or word[at - 1 : at + 1] == "qu":
            before = ""
            continue
        yield not before or _parts(before, letter, language)
        before = letter


def _parts(before: str, letter: str, language: str) -> bool:
    """Whether two vowels side by side are of two syllables."""
    if language in _PARTED_BY_DIAERESIS:
        return _DIAERESIS in unicodedata.normalize("NFD", letter)
    if language not in _HIATUS:
        return False
    bases = (_base(before), _base(letter))
    accented = any(base in "iu" and base != each for base, each in zip(bases, (before, letter), strict=True))
    return accented or all(base in _STRONG for base in bases)


def _is_vowel(letter: str) -> bool:
    return letter != "й" and _base(letter) in _VOWELS


@lru_cache(maxsize=4096)
def _base(letter: str) -> str:
    return unicodedata.normalize("NFD", letter.lower())[0]


# Endings without a vowel of their own, and after which letters they have one.
_MUTE = {
    "en": (("e", ""), ("ed", "td"), ("es", "sxzhcg")),
    "fr": (("e", ""), ("es", ""), ("ent", "")),
}


def _is_mute_at_the_end(word: str, language: str) -> bool:
    """Whether the last written vowel is not spoken."""
    if language == "en" and _LE.search(word):
        return False
    for end, spoken_after in _MUTE.get(language, ()):
        if word.endswith(end) and len(word) > len(end) + 1:
            letter = word[-len(end) - 1]
            return not _is_vowel(letter) and letter not in spoken_after
    return False
