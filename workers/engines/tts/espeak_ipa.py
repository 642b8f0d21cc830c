"""From IPA to espeak's own phonemes.

espeak takes sounds only by names of its own, which differ from voice to voice. What each name sounds
like is asked of the library itself, which writes in IPA what it is about to say: a voice's table is
the list of its names, turned round. A symbol that no name of a voice comes out as cannot be said by it.
"""

import functools
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# How names sound to a voice, in IPA.
Hear = Callable[[Sequence[str]], Sequence[str]]

_HEADER, _TABLE, _PHONEME = struct.Struct("<B3x"), struct.Struct("<B35x"), struct.Struct("<4s7xB4x")
# Pauses, stress and tones, and what only changes others, are of the kinds below and above.
_VOWEL, _SOUNDS = 2, range(2, 9)
# Separates names that would else be read as one.
_APART = "|"
_STRESS = {"ˈ": "'", "ˌ": ","}
_LONG = "ː"
_VOWELS = frozenset("aeiouyæɐɑɒɔəɚɛɜɝɞɘɤɨɪɯɵøœɶʉʊʌʏᵻ")
# Brackets, syllable and linking marks, ties: nothing that sounds.
_SILENT = re.compile("[-/\\[\\]().\u2009\u203f\u0361\u035c\u032f|‖]")
# Ways to write the same.
_SPELLINGS = str.maketrans(
    {
        "g": "ɡ", ":": _LONG, "'": "ˈ", "’": "ˈ", "ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tɕ",
        "ʥ": "dʑ", "ˑ": "", "ɝ": "ɜː", "ꞌ": "ˈ",
    }
)  # fmt: skip
# What a broad transcription may mean by a symbol, nearest first.
_NEAR = {
    "r": "ɹɾʁʀ", "ɹ": "rɾ", "ɾ": "r", "ʁ": "ʀr", "ʀ": "ʁr", "a": "ɑæä", "ɑ": "a", "æ": "a", "e": "ɛ",
    "ɛ": "e", "o": "ɔ", "ɔ": "o", "ɪ": "i", "i": "ɪ", "ʊ": "u", "u": "ʊ", "ə": "ɐ", "ɐ": "ə", "ɚ": "ə",
    "ʌ": "ɐ", "ɒ": "ɔɑ", "ʋ": "v", "ɫ": "l", "ɦ": "h", "ɱ": "m",
}  # fmt: skip
# Sounds that an English "'s" follows as "iz", and as "s".
_SIBILANTS, _VOICELESS = ("s", "z", "S", "Z", "tS", "dZ"), ("p", "t", "k", "f", "T")
_POSSESSIVE = re.compile("['\u2019]s(?![^\\W_])")
# What English dictionaries write, and no English voice says so.
_ENGLISH = {"r": "ɹ", "e": "ɛ"}
# Marks of narrow transcription that a voice does by itself, or not at all.
_NARROW = frozenset("ʰʲʷˠˤ\u0325\u030a\u0329\u032a\u033a\u031e\u031d\u0308\u0303")
_PLAIN = re.compile(r"[^\W\d_A-Z]+")


@dataclass(frozen=True, slots=True)
class Name:
    """A name that espeak has for a sound; to one voice it may be a vowel, to another something else."""

    text: str
    vowel: bool
    other: bool


class Phonemes:
    """What one voice can say: IPA in, espeak's names out."""

    def __init__(self, names: Sequence[Name], hear: Hear, *, voice: str) -> None:
        self._broad = _ENGLISH if voice.startswith("en") else {}
        self._names: dict[str, str] = {}
        for name, ipa in _sounds(names, hear):
            self._names.setdefault(ipa, name)
        self._longest = max(map(len, self._names), default=0)

    def spelled(self, ipa: str) -> str | None:
        """The names for a transcription, words apart by spaces; None if a symbol of it cannot be said."""
        words = [self._word(word) for word in _normal(ipa).split()]
        return " ".join(word for word in words if word) if words and all(words) else None

    def _word(self, ipa: str) -> str | None:
        names, stress, at = [], "", 0
        while at < len(ipa):
            if ipa[at] in _STRESS:
                stress, at = _STRESS[ipa[at]], at + 1
                continue
            found = self._at(ipa, at)
            if found is None:
                return None
            name, length = found
            if ipa[at] in _VOWELS:  # stress is written before the syllable, and named before its vowel
                name, stress = stress + name, ""
            names += [name] if name else []
            at += length
        return _APART.join(names) or None

    def _at(self, ipa: str, at: int) -> tuple[str, int] | None:
        """The name for the longest piece of the transcription here, and how long that is."""
        for length in range(min(self._longest, len(ipa) - at), 0, -1):
            piece = ipa[at : at + length]
            if (meant := self._broad.get(piece, piece)) in self._names:
                return self._names[meant], length
        for near in _NEAR.get(ipa[at], ""):
            long = ipa[at + 1 : at + 2] == _LONG and near + _LONG in self._names
            if long or near in self._names:
                return self._names[near + _LONG if long else near], 2 if long else 1
        if ipa[at] == _LONG:
            return ":", 1
        return ("", 1) if ipa[at] in _NARROW else None


def possessive(text: str, end: int, names: str, *, voice: str) -> tuple[int, str]:
    """Where a word that ends at ``end`` ends with its English "'s", and the names to add for that.

    The library would read what follows phonemes as a word of its own: "ess".
    """
    found = _POSSESSIVE.match(text, end) if voice.startswith("en") else None
    if found is None:
        return end, ""
    last = re.split(r"[ |']", names)[-1].rstrip(",")
    sound = "I2|z" if last in _SIBILANTS else "s" if last in _VOICELESS else "z"
    return found.end(), _APART + sound


def _normal(ipa: str) -> str:
    plain = unicodedata.normalize("NFD", _SILENT.sub("", ipa)).translate(_SPELLINGS)
    return plain.replace("c\u0327", "ç")


def _sounds(names: Sequence[Name], hear: Hear) -> Iterator[tuple[str, str]]:
    """Every name with what it sounds like: in the middle of a word before all, then elsewhere, then alone."""
    p, a = _normal(hear(["p"])[0]), _unstressed(hear(["a"])[0])
    vowels = [name.text for name in names if name.vowel]
    others = [name.text for name in names if name.other]
    frames = [(vowels, "p|'", "|p", p, p), (others, "a|", "|'a", a, a), (others, "", "|a", "", a)]
    for chosen, before, after, first, last in frames:
        for name, ipa in zip(chosen, hear([before + name + after for name in chosen]), strict=True):
            plain = _unstressed(ipa)
            ipa = plain[len(first) : len(plain) - len(last)]
            if plain == first + ipa + last and (ipa[:1] in _VOWELS) == (chosen is vowels):
                yield from _named(name, ipa)
    alone = [name.text for name in names]
    for name, ipa in zip(alone, hear(alone), strict=True):
        yield from _named(name, _unstressed(ipa))


def _named(name: str, ipa: str) -> Iterator[tuple[str, str]]:
    # What is not all IPA was not understood, and spelled out.
    if _PLAIN.fullmatch("".join(c for c in ipa if not unicodedata.combining(c))):
        yield name, ipa


def _unstressed(ipa: str) -> str:
    return _normal(ipa).replace("ˈ", "").replace("ˌ", "")


@functools.cache
def phoneme_names(data: Path) -> tuple[Name, ...]:
    """Every name of a phoneme in the library's data; short ones first.

    The file ``phontab``: how many tables; of each how many phonemes and its name, then 16 bytes a phoneme.
    """
    content, at = (data / "phontab").read_bytes(), _HEADER.size
    found: dict[str, set[bool]] = {}
    for _ in range(content[0]):
        count = _TABLE.unpack_from(content, at)[0]
        at += _TABLE.size
        for _ in range(count):
            name, kind = _PHONEME.unpack_from(content, at)
            text = name.rstrip(b"\0").decode("latin-1")
            if kind in _SOUNDS and text.isascii() and text.isprintable() and " " not in text:
                found.setdefault(text, set()).add(kind == _VOWEL)
            at += _PHONEME.size
    by_length = sorted(found.items(), key=lambda each: len(each[0]))
    return tuple(Name(text, vowel=True in kinds, other=False in kinds) for text, kinds in by_length)
