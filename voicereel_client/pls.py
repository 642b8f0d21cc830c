"""W3C PLS 1.0 (``application/pls+xml``): pronunciation lexicons as other products write them.

A PLS document is for one language. What it cannot say (case, parts of words) is not written to it, and what
a lexicon here cannot hold (other alphabets than IPA, roles) is not read from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
MAX_BYTES = 8 * 1024 * 1024
_XML = "http://www.w3.org/XML/1998/namespace"
_IPA = "ipa"
_WORDS = ("grapheme", "alias", "phoneme")

Entry = dict[str, Any]


class PlsError(ValueError):
    """The document cannot be read; the message says where and why."""


@dataclass
class Pls:
    """``entries`` as ``lexicons.create`` takes them; ``skipped`` lexemes had neither an alias nor IPA."""

    entries: list[Entry] = field(default_factory=list)
    language: str | None = None
    skipped: int = 0


def loads(content: bytes) -> Pls:
    """Read a document. Raises PlsError; entities and document types are refused."""
    if len(content) > MAX_BYTES:
        raise PlsError("This is over 8 MiB: split it.")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise PlsError(f"Line {error.lineno}: this is not well-formed XML.") from error
    if not reader.is_lexicon:
        raise PlsError("This is not a PLS lexicon: its root is to be <lexicon> of the W3C's namespace.")
    return reader.found


class _Reader:
    """Walks a document once; knows the few elements there are."""

    def __init__(self) -> None:
        self.found = Pls()
        self.is_lexicon = False
        self._alphabet = _IPA
        self._lexeme: dict[str, list[str]] = {}
        self._kind = ""
        self._text: list[str] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse(self, *_: object) -> None:
        raise PlsError("A document type (<!DOCTYPE …>) is not read: remove it.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, kind = name.rpartition(" ")
        if namespace != NAMESPACE:
            return
        if kind == "lexicon":
            self.is_lexicon = True
            self._alphabet = attributes.get("alphabet", _IPA)
            self.found.language = attributes.get(f"{_XML} lang")
        elif kind == "lexeme":
            self._lexeme = {word: [] for word in _WORDS}
        elif kind in _WORDS:
            said_in = attributes.get("alphabet", self._alphabet)
            self._kind = kind if kind != "phoneme" or said_in == _IPA else ""
            self._text = []

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, name: str) -> None:
        namespace, _, kind = name.rpartition(" ")
        if namespace != NAMESPACE:
            return
        if kind == "lexeme":
            self._add()
        elif kind in _WORDS:
            word = " ".join("".join(self._text).split())
            if word and self._kind in self._lexeme:
                self._lexeme[self._kind].append(word)
            self._kind = ""

    def _add(self) -> None:
        said = {"ipa": self._lexeme["phoneme"][:1], "alias": self._lexeme["alias"][:1]}
        entry: Entry = {name: words[0] for name, words in said.items() if words}
        if not entry or not self._lexeme["grapheme"]:
            self.found.skipped += 1
            return
        if self.found.language:
            entry["language"] = self.found.language
        self.found.entries += [{"grapheme": word, **entry} for word in self._lexeme["grapheme"]]


def dumps(entries: Iterable[Mapping[str, Any]], *, language: str) -> str:
    """Write a document for one language: entries for it, and those for every language."""
    lexemes = [_lexeme(each) for each in entries if each.get("language") in (None, language)]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<lexicon version="1.0" xmlns="{NAMESPACE}" alphabet="ipa" xml:lang={quoteattr(language)}>',
        *lexemes,
        "</lexicon>",
    ]
    return "\n".join(lines) + "\n"


def _lexeme(entry: Mapping[str, Any]) -> str:
    named = (("grapheme", "grapheme"), ("phoneme", "ipa"), ("alias", "alias"))
    parts = [f"<{name}>{escape(entry[key])}</{name}>" for name, key in named if entry.get(key)]
    return f"  <lexeme>{''.join(parts)}</lexeme>"
