"""API keys: made once, checked on every request."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from voicereel.domain.account import ApiKey, Principal, Tenant, is_well_formed, key_hash, new_key
from voicereel.domain.errors import Forbidden, NotFound, Unauthenticated
from voicereel.ports import Clock, UnitOfWork
from voicereel.services.fallbacks import check_fallback
from voicereel.services.ids import new_id

# A revoked key stops working within this time everywhere.
_CACHE_S = 5.0
_CACHE_SIZE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made: the only moment at which ``key`` can be read."""

    id: str
    tenant_id: str
    key: str
    scopes: tuple[str, ...]


@dataclass(kw_only=True)
class AccountService:
    """Makes and checks API keys. A hit is remembered for five seconds, a miss never."""

    work: UnitOfWork
    now: Clock
    monotonic: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[float, ApiKey]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create_key(self, name: str, *, tenant: str, scopes: Iterable[str]) -> NewKey:
        key = new_key()
        with self.work.writing() as tx:
            tenant_id = tx.accounts.ensure_tenant(tenant, tenant_id=new_id("ten"))
            stored = ApiKey(
                id=new_id("key"),
                tenant_id=tenant_id,
                name=name,
                sha256=key_hash(key),
                scopes=frozenset(scopes),
            )
            tx.accounts.add_key(stored)
        return NewKey(id=stored.id, tenant_id=tenant_id, key=key, scopes=tuple(sorted(stored.scopes)))

    def all_keys(self) -> tuple[ApiKey, ...]:
        """Every key there ever was, oldest first; the keys themselves are nowhere stored."""
        with self.work.reading() as tx:
            return tx.accounts.keys()

    def revoke(self, key_id: str) -> None:
        """End a key; every process stops taking it within five seconds."""
        with self.work.writing() as tx:
            if not tx.accounts.revoke_key(key_id):
                raise NotFound("live key")

    def all_tenants(self) -> tuple[Tenant, ...]:
        """Every tenant, oldest first."""
        with self.work.reading() as tx:
            return tx.accounts.tenants()

    def set_fallback(self, tenant: str, speaker_id: str | None) -> None:
        """Who speaks a tenant's lines when their own engine fails for good; None: nobody.

        `Conflict` says why a speaker cannot do that for this tenant.
        """
        with self.work.writing() as tx:
            tenant_id = tx.accounts.tenant(tenant)
            if tenant_id is None:
                raise NotFound("tenant")
            if speaker_id is not None:
                check_fallback(tx, speaker_id, tenant_id=tenant_id, now=self.now())
            tx.accounts.set_fallback(tenant_id, speaker_id)

    def authenticate(self, authorization: str | None) -> Principal:
        """The caller behind an ``Authorization`` header; one error whatever is wrong with it."""
        scheme, _, presented = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not is_well_formed(presented.strip()):
            raise Unauthenticated
        key = self._find(key_hash(presented.strip()))
        now = self.now()
        if (
            key is None
            or key.revoked_at is not None
            or (key.expires_at is not None and key.expires_at <= now)
        ):
            raise Unauthenticated
        return Principal(tenant_id=key.tenant_id, key_id=key.id, scopes=key.scopes, fallback=key.fallback)

    def _find(self, sha256: str) -> ApiKey | None:
        cached = self._seen.get(sha256)
        if cached is not None and cached[0] > self.monotonic():
            return cached[1]
        with self.work.reading() as tx:
            key = tx.accounts.key_by_hash(sha256)
        if key is not None:
            self._cache(key)
        return key

    def _cache(self, key: ApiKey) -> None:
        with self._lock:
            if len(self._seen) >= _CACHE_SIZE:
                self._seen.clear()
            self._seen[key.sha256] = (self.monotonic() + _CACHE_S, key)


def require(principal: Principal, scopes: Iterable[str]) -> None:
    """Refuse a caller who lacks one of the scopes."""
    missing = sorted(scope for scope in scopes if not principal.may(scope))
    if missing:
        raise Forbidden(f"This key lacks the scope {', '.join(missing)}.")
