"""Books of pronunciations, and where the words they are for stand in a text.

A word is looked for as a reader would: whatever its case and however its letters are composed, and not in the
middle of another, unless its entry says so.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicereel.domain.lexicons import Entry, Reading
from voicereel.domain.script import spoken_text
from voicereel.domain.words import opens, spaceless


class Book:
    """Entries by the words they are for. Made once, read by any number of threads."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_word: dict[str, list[int]] = {}
        lengths: dict[str, set[int]] = {}
        inside: dict[str, set[int]] = {}
        for index in sorted(range(len(entries)), key=lambda each: _broadness(entries[each])):
            word = _Folded(spoken_text(entries[index].grapheme)).text
            if word:
                self._by_word.setdefault(word, []).append(index)
                lengths.setdefault(word[0], set()).add(len(word))
                if not entries[index].whole_word:
                    inside.setdefault(word[0], set()).add(len(word))
        self._lengths, self._inside = _longest_first(lengths), _longest_first(inside)
        self.firsts = frozenset(self._lengths)

    def longest(
        self, text: "_Folded", at: int, *, language: str, in_word: bool, over: int
    ) -> "tuple[int, int] | None":
        """The length and index of the entry with the longest word at a place, if it is longer than ``over``.

        ``in_word``: the place is inside a word, where only parts of words can begin.
        """
        for length in (self._inside if in_word else self._lengths).get(text.text[at], ()):
            if length <= over:
                break
            if at + length > len(text.text):
                continue
            for index in self._by_word.get(text.text[at : at + length], ()):
                if _fits(self.entries[index], text, at, at + length, language):
                    return length, index
        return None


def _longest_first(lengths: Mapping[str, set[int]]) -> Mapping[str, list[int]]:
    return {first: sorted(found, reverse=True) for first, found in lengths.items()}


@dataclass(frozen=True, slots=True)
class Found:
    """A reading, and which entry of which book it is."""

    reading: Reading
    book: int
    entry: int


def find(text: str, language: str, books: Sequence[Book]) -> tuple[Found, ...]:
    """The words of a written text that the books have, from left to right, none inside another.

    The longest word wins; of one word the first book's entry does. ``text`` is as `spoken_text` gives it.
    """
    return tuple(_find(_Folded(text), language, books)) if books else ()


def _find(text: "_Folded", language: str, books: Sequence[Book]) -> Iterator[Found]:
    at, firsts = 0, frozenset[str]().union(*(book.firsts for book in books))
    while at < len(text.text):
        if text.text[at] not in firsts:
            at += 1
            continue
        best: tuple[int, int, int] | None = None
        in_word = at > 0 and _goes_on(text.text[at - 1], text.text[at])
        for number, book in enumerate(books):
            found = book.longest(text, at, language=language, in_word=in_word, over=best[0] if best else 0)
            best = (*found, number) if found else best
        if best is None:
            at += 1
            continue
        length, index, number = best
        entry, (start, end) = books[number].entries[index], text.span(at, at + length)
        yield Found(Reading(start=start, end=end, alias=entry.alias, ipa=entry.ipa), number, index)
        at += length


def _broadness(entry: Entry) -> tuple[bool, bool]:
    """Of entries for one word those that say more of when they are meant come first."""
    return not entry.case_sensitive, entry.language is None


class _Folded:
    """A text to search in: composed, without case, and where each character of it comes from."""

    def __init__(self, text: str) -> None:
        self.written = text
        self._origins: list[int] | None = None
        if unicodedata.is_normalized("NFC", text):
            self.text = "".join(map(_fold, text))
            return
        pieces, origins = [], []
        for start, end in _characters(text):
            piece = unicodedata.normalize("NFC", text[start:end])
            pieces.append(piece)
            # A character that is not one code point even when composed is cut nowhere inside.
            origins += [start, *([end] * (len(piece) - 1))]
        self.text = "".join(map(_fold, "".join(pieces)))
        self._origins = [*origins, len(text)]

    def span(self, start: int, end: int) -> tuple[int, int]:
        if self._origins is None:
            return start, end
        return self._origins[start], self._origins[end]


def _fold(character: str) -> str:
    """One character for one: positions must stay."""
    if character in "\u2019\u02bc":
        return "'"
    folded = character.casefold()
    return folded if len(folded) == 1 else character


def _characters(text: str) -> Iterator[tuple[int, int]]:
    """Letters with the marks that follow them."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not unicodedata.combining(text[index]):
            yield start, index
            start = index


def _fits(entry: Entry, text: _Folded, first: int, last: int, language: str) -> bool:
    start, end = text.span(first, last)
    written = text.written
    if start >= end or not entry.is_for(language):
        return False
    if entry.case_sensitive and _composed(written[start:end]) != _composed(spoken_text(entry.grapheme)):
        return False
    cut = _cuts_word if entry.whole_word else _cuts_character
    return not cut(written, start) and not cut(written, end)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("\u2019", "'").replace("\u02bc", "'")


def _cuts_word(text: str, at: int) -> bool:
    """Whether a word goes on across a place; scripts without spaces have words begin anywhere."""
    if at in (0, len(text)):
        return False
    return _cuts_character(text, at) or _goes_on(text[at - 1], text[at])


def _goes_on(before: str, after: str) -> bool:
    """Whether a word goes on from one character to the next."""
    if before.isascii() and after.isascii():  # for speed
        return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
    return _is_of_word(before) and _is_of_word(after) and not spaceless(before) and not spaceless(after)


def _cuts_character(text: str, at: int) -> bool:
    if at in (0, len(text)):
        return False
    before, after = text[at - 1], text[at]
    joined = unicodedata.category(after).startswith("M") or "\u200d" in (before, after)
    return joined or (before.isalpha() and opens(before))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
