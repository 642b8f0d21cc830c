"""Lexicons: how a tenant wants words to be said. A version of one is never changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from voicereel.domain.errors import FieldError

MAX_DEFAULTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A word as it is written, and how to say it: by another spelling, in IPA, or both.

    IPA is taken where the engine can; ``alias`` by every engine. ``language`` None: in every language.
    """

    grapheme: str
    alias: str | None = None
    ipa: str | None = None
    language: str | None = None
    case_sensitive: bool = False
    whole_word: bool = True

    def is_for(self, language: str) -> bool:
        """Whether it is for lines in this language: its own tag, or a narrower one of it."""
        if self.language is None:
            return True
        mine, wanted = self.language.lower(), language.lower()
        return wanted == mine or wanted.startswith(f"{mine}-")


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconRef:
    """A lexicon by name; ``version`` None: the newest."""

    id: str
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """A lexicon without its entries. ``default``: every script of its tenant is spoken by it."""

    id: str
    tenant_id: str
    name: str
    version: int
    default: bool
    entry_count: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Characters ``[start, end)`` of a text, and how they are to be said."""

    start: int
    end: int
    alias: str | None = None
    ipa: str | None = None


def repeated_entries(entries: Sequence[Entry], *, at: str) -> Iterator[FieldError]:
    """Entries that no text could ever come to, because an earlier one says the same word."""
    seen: set[tuple[object, ...]] = set()
    for index, entry in enumerate(entries):
        grapheme = entry.grapheme if entry.case_sensitive else entry.grapheme.casefold()
        key = (grapheme, entry.case_sensitive, (entry.language or "").lower())
        if key in seen:
            yield FieldError(f"{at}/{index}/grapheme", "repeated", "An earlier entry is for this word.")
        seen.add(key)
