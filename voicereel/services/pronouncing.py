"""By which lexicons a script is spoken, and what they change in its lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from voicereel.domain.books import Book, Found, find
from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.job import LineRecord
from voicereel.domain.lexicons import Entry, LexiconRef
from voicereel.domain.pronunciation import ignored_warning, spoken_form
from voicereel.domain.script import Script, Warn, spoken_text
from voicereel.domain.speakers import EngineInfo
from voicereel.ports import UnitOfWork

_BOOKS_KEPT, _TENANTS_KEPT = 200, 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pronounced:
    """The lines with their readings, the lexicons they are of, each at its version, and what is unused.

    ``defaults`` are those lexicons that the tenant has all its scripts spoken by.
    """

    records: tuple[LineRecord, ...]
    lexicons: tuple[LexiconRef, ...] = ()
    defaults: tuple[LexiconRef, ...] = ()
    warnings: tuple[Warn, ...] = ()


@dataclass(frozen=True, slots=True)
class Pronouncing:
    """Asks lexicons for the words of lines. A version read once is remembered: it cannot change.

    A tenant's defaults can: they are remembered, too, for those who find out in time that they have changed,
    and `forget` them then.
    """

    work: UnitOfWork
    _books: dict[LexiconRef, Book] = field(default_factory=dict)
    _defaults: dict[str, tuple[LexiconRef, ...]] = field(default_factory=dict)

    def pronounce(
        self, tenant_id: str, script: Script, records: tuple[LineRecord, ...], engines: Sequence[EngineInfo]
    ) -> Pronounced:
        """A script's lines as its own entries, its lexicons and the tenant's say, in this order.

        `InvalidRequest` names lexicons that there are not, and lines that get too long.
        """
        named, defaults = self._named(tenant_id, script.lexicons), self._defaults_of(tenant_id)
        ids = {ref.id for ref in named}
        lexicons = (*named, *(ref for ref in defaults if ref.id not in ids))
        if not lexicons and not script.pronunciations:
            return Pronounced(records=records)
        books = self.books(script.pronunciations, lexicons)
        can = {engine.name: engine.ipa for engine in engines}
        found = [_found(record, books) for record in records]
        used = {each.entry for line in found for each in line if each.book == 0}
        said = (_said(record, line) for record, line in zip(records, found, strict=True))
        return Pronounced(
            records=tuple(_warned(record, ipa=can.get(record.voice.engine, False)) for record in said),
            lexicons=lexicons,
            defaults=defaults,
            warnings=tuple(_unused(script.pronunciations, used)),
        )

    def books(self, own: Sequence[Entry], lexicons: Sequence[LexiconRef]) -> tuple[Book, ...]:
        """A job's entries in the order they are asked in: its own first, then its lexicons'."""
        return (Book(own), *(self._book(each) for each in lexicons))

    def forget(self, tenant_id: str) -> bool:
        """Have a tenant's default lexicons read anew; whether any were remembered."""
        return bool(self._defaults.pop(tenant_id, None))

    def _defaults_of(self, tenant_id: str) -> tuple[LexiconRef, ...]:
        known = self._defaults.get(tenant_id)
        if known is None:
            with self.work.reading() as tx:
                known = tx.lexicons.defaults(tenant_id)
            if len(self._defaults) >= _TENANTS_KEPT:
                self._defaults.clear()
            self._defaults[tenant_id] = known
        return known

    def _named(self, tenant_id: str, refs: Sequence[LexiconRef]) -> tuple[LexiconRef, ...]:
        """The lexicons that a script names, each at its version."""
        if not refs:
            return ()
        with self.work.reading() as tx:
            errors, named = [], []
            for index, ref in enumerate(refs):
                known = tx.lexicons.get(ref.id, tenant_id=tenant_id)
                if known is None:
                    detail = "There is no such lexicon; GET /v1/lexicons lists them."
                    errors.append(FieldError(f"/lexicons/{index}/id", "unknown_lexicon", detail))
                elif (ref.version or 1) > known.version:
                    detail = f"Its newest version is {known.version}."
                    errors.append(FieldError(f"/lexicons/{index}/version", "unknown_version", detail))
                else:
                    named.append(LexiconRef(id=ref.id, version=ref.version or known.version))
        if errors:
            raise InvalidRequest(tuple(errors))
        return tuple(named)

    def _book(self, ref: LexiconRef) -> Book:
        if ref not in self._books:
            with self.work.reading() as tx:
                entries = tx.lexicons.entries(ref.id, ref.version or 1)
            if len(self._books) >= _BOOKS_KEPT:
                self._books.clear()
            self._books[ref] = Book(entries or ())
        return self._books[ref]


def with_readings(record: LineRecord, books: Sequence[Book]) -> LineRecord:
    """The line with the words of its text that the books say how to speak."""
    return _said(record, _found(record, books))


def unused(own: Sequence[Entry], records: Sequence[LineRecord], books: Sequence[Book]) -> tuple[Warn, ...]:
    """A warning for each of a script's ``own`` entries, the first of the books, that no line has."""
    used = {each.entry for record in records for each in _found(record, books) if each.book == 0}
    return tuple(_unused(own, used))


def _found(record: LineRecord, books: Sequence[Book]) -> tuple[Found, ...]:
    return find(spoken_text(record.line.text), record.controls.language or "", books)


def _said(record: LineRecord, found: Sequence[Found]) -> LineRecord:
    return replace(record, readings=tuple(each.reading for each in found)) if found else record


def _warned(record: LineRecord, *, ipa: bool) -> LineRecord:
    """The line with a warning where its engine can do nothing with what is said of a word."""
    if not record.readings or not spoken_form(record.line.text, record.readings, ipa=ipa).ignored:
        return record
    return replace(record, warnings=(*record.warnings, ignored_warning(record.ordinal)))


def _unused(entries: Sequence[Entry], used: set[int]) -> Iterator[Warn]:
    for index in range(len(entries)):
        if index not in used:
            detail = "No line has this word, in this language."
            yield Warn(code="pronunciation_unused", pointer=f"/pronunciations/{index}", detail=detail)
