"""Lexicons as a customer keeps them: create, read, replace, list, delete."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voicereel.domain.account import Principal
from voicereel.domain.errors import FieldError, InvalidRequest, NotFound
from voicereel.domain.lexicons import MAX_DEFAULTS, Entry, Lexicon, repeated_entries
from voicereel.ports import Clock, Page, Transaction, UnitOfWork
from voicereel.services.idempotency import Once, Reply, recall, remember
from voicereel.services.ids import new_id
from voicereel.services.views import lexicon_view


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a customer sends of a lexicon."""

    name: str
    entries: tuple[Entry, ...]
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconService:
    """Use cases on lexicons; every one acts for the tenant of its principal."""

    work: UnitOfWork
    now: Clock

    def create(self, principal: Principal, draft: Draft, *, once: Once | None) -> Reply:
        with self.work.writing() as tx:
            replay = recall(tx, principal.tenant_id, once)
            if replay:
                return replay
            _check(tx, principal.tenant_id, draft, is_default_now=False)
            now = self.now()
            lexicon = Lexicon(
                id=new_id("lex"),
                tenant_id=principal.tenant_id,
                name=draft.name,
                version=1,
                default=draft.default,
                entry_count=len(draft.entries),
                created_at=now,
                updated_at=now,
            )
            tx.lexicons.add(lexicon, draft.entries)
            body = lexicon_view(lexicon, draft.entries)
            reply = Reply(status=201, body=body, location=f"/v1/lexicons/{lexicon.id}")
            return remember(tx, principal.tenant_id, once, reply)

    def get(
        self, principal: Principal, lexicon_id: str, *, version: int | None = None
    ) -> tuple[Lexicon, tuple[Entry, ...]]:
        """A lexicon with the entries of its newest version, or of the one that is asked for."""
        with self.work.reading() as tx:
            found = tx.lexicons.get(lexicon_id, tenant_id=principal.tenant_id)
            if found is None:
                raise NotFound("lexicon")
            entries = tx.lexicons.entries(lexicon_id, version or found.version)
        if entries is None:
            raise NotFound("version of the lexicon")
        return replace(found, version=version or found.version, entry_count=len(entries)), entries

    def page(self, principal: Principal, *, limit: int, cursor: str | None) -> Page[Lexicon]:
        with self.work.reading() as tx:
            return tx.lexicons.page(principal.tenant_id, limit=limit, cursor=cursor)

    def change(
        self, principal: Principal, lexicon_id: str, draft: Draft
    ) -> tuple[Lexicon, tuple[Entry, ...]]:
        """Replace a lexicon. Other entries are a new version; the same ones, sent again, are not."""
        with self.work.writing() as tx:
            known = tx.lexicons.lock(lexicon_id, tenant_id=principal.tenant_id)
            if known is None:
                raise NotFound("lexicon")
            _check(tx, principal.tenant_id, draft, is_default_now=known.default)
            is_new = tx.lexicons.entries(lexicon_id, known.version) != draft.entries
            lexicon = replace(
                known,
                name=draft.name,
                default=draft.default,
                version=known.version + is_new,
                entry_count=len(draft.entries),
            )
            tx.lexicons.change(lexicon, draft.entries if is_new else None)
        return lexicon, draft.entries

    def delete(self, principal: Principal, lexicon_id: str) -> None:
        """New jobs cannot name it any more; those accepted with it go on as they were."""
        with self.work.writing() as tx:
            if not tx.lexicons.delete(lexicon_id, tenant_id=principal.tenant_id):
                raise NotFound("lexicon")


def _check(tx: Transaction, tenant_id: str, draft: Draft, *, is_default_now: bool) -> None:
    errors: Sequence[FieldError] = tuple(repeated_entries(draft.entries, at="/entries"))
    if draft.default and not is_default_now and len(tx.lexicons.defaults(tenant_id)) >= MAX_DEFAULTS:
        detail = f"At most {MAX_DEFAULTS} lexicons can be for every script; join some of them."
        errors = (*errors, FieldError("/default", "too_many_defaults", detail))
    if errors:
        raise InvalidRequest(tuple(errors))
