"""Phonemes as the International Phonetic Association writes them, as those of an American dictionary."""

from collections.abc import Iterable, Iterator

_STRESS_AND_LENGTH = str.maketrans("", "", "ˈˌːˑ-ʲ̩̃")
# espeak's American English, and what it lends from other languages for names
_SOUNDS = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY",
    "aɪɚ": "AY ER", "aɪə": "AY AH", "aʊɚ": "AW ER", "iə": "IY AH", "ɔɹ": "AO R", "oɹ": "AO R",
    "ɑɹ": "AA R", "ɛɹ": "EH R", "ɪɹ": "IH R", "ʊɹ": "UH R", "əl": "AH L", "ə": "AH", "ɐ": "AH", "ʌ": "AH",
    "ɚ": "ER", "ɜ": "ER", "ɝ": "ER", "ɪ": "IH", "i": "IY", "ᵻ": "IH", "ʊ": "UH", "u": "UW", "ɛ": "EH",
    "e": "EY", "æ": "AE", "a": "AA", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "y": "UW", "ø": "ER",
    "œ": "ER", "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "ɾ": "D", "ʔ": "T",
    "m": "M", "n": "N", "ŋ": "NG", "ɲ": "N Y", "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S",
    "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "x": "HH", "ç": "HH", "l": "L", "ɫ": "L", "ɬ": "L",
    "ɹ": "R", "r": "R", "ʁ": "R", "j": "Y", "w": "W",
}  # fmt: skip
_LONGEST = max(map(len, _SOUNDS))


def arpabet(phonemes: Iterable[str]) -> str:
    """A pronunciation as the dictionary writes it, ``T UW``; sounds that English lacks are left out."""
    return " ".join(sound for phoneme in phonemes for sound in _sounds(phoneme))


def _sounds(phoneme: str) -> Iterator[str]:
    rest = phoneme.translate(_STRESS_AND_LENGTH)
    while rest:
        size = next((n for n in range(min(_LONGEST, len(rest)), 0, -1) if rest[:n] in _SOUNDS), 0)
        if size:
            yield _SOUNDS[rest[:size]]
        rest = rest[max(size, 1) :]
