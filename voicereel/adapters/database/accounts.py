"""Tenants, API keys, and the first replies kept for idempotency keys."""

from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.columns import db_now, insert_or_nothing
from voicereel.adapters.database.constants import REPLIES_KEPT_S
from voicereel.adapters.database.tables import api_keys, idempotency, tenants
from voicereel.domain.account import ApiKey, Tenant
from voicereel.ports import StoredReply

_KEYS = sa.select(api_keys, tenants.c.fallback, tenants.c.name.label("tenant")).join(
    tenants, tenants.c.id == api_keys.c.tenant_id
)
_OF_KEY = (
    "id",
    "tenant_id",
    "tenant",
    "name",
    "sha256",
    "created_at",
    "expires_at",
    "revoked_at",
    "fallback",
)


class Accounts:
    """`AccountRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def ensure_tenant(self, name: str, *, tenant_id: str) -> str:
        """The id of the tenant called ``name``; made with ``tenant_id`` if there is none."""
        known = self.tenant(name)
        if known is not None:
            return known
        self._connection.execute(tenants.insert().values(id=tenant_id, name=name))
        return tenant_id

    def tenant(self, name: str) -> str | None:
        """The id of the tenant called ``name``."""
        return self._connection.scalar(sa.select(tenants.c.id).where(tenants.c.name == name))

    def tenants(self) -> tuple[Tenant, ...]:
        """Every tenant, oldest first."""
        c, k = tenants.c, api_keys.c
        is_live = k.revoked_at.is_(None) & (k.expires_at.is_(None) | (k.expires_at > db_now()))
        live = sa.select(sa.func.count()).where(k.tenant_id == c.id, is_live).scalar_subquery()
        query = sa.select(c.id, c.name, c.created_at, c.fallback, live.label("keys")).order_by(c.id)
        return tuple(Tenant(**row) for row in self._connection.execute(query).mappings())

    def set_fallback(self, tenant_id: str, speaker_id: str | None) -> None:
        """Note who speaks for a tenant's failing engines; None: nobody."""
        self._connection.execute(
            tenants.update().where(tenants.c.id == tenant_id).values(fallback=speaker_id)
        )

    def add_key(self, key: ApiKey) -> None:
        self._connection.execute(
            api_keys.insert().values(
                id=key.id,
                tenant_id=key.tenant_id,
                name=key.name,
                sha256=key.sha256,
                scopes=sorted(key.scopes),
                expires_at=key.expires_at,
            )
        )

    def key_by_hash(self, sha256: str) -> ApiKey | None:
        found = self._keys(_KEYS.where(api_keys.c.sha256 == sha256))
        return found[0] if found else None

    def keys(self) -> tuple[ApiKey, ...]:
        """Every key there ever was, oldest first."""
        return self._keys(_KEYS.order_by(api_keys.c.id))

    def _keys(self, query: sa.Select[Any]) -> tuple[ApiKey, ...]:
        return tuple(
            ApiKey(**{name: row[name] for name in _OF_KEY}, scopes=frozenset(row["scopes"]))
            for row in self._connection.execute(query).mappings()
        )

    def revoke_key(self, key_id: str) -> bool:
        """Mark a key as no longer good; False when there is no live key of this id."""
        where = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        return (
            self._connection.execute(api_keys.update().where(where).values(revoked_at=db_now())).rowcount == 1
        )

    def stored_reply(self, tenant_id: str, *, route: str, key: str) -> StoredReply | None:
        c = idempotency.c
        query = sa.select(idempotency).where(
            c.tenant_id == tenant_id, c.route == route, c.key == key, c.expires_at > db_now()
        )
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return StoredReply(**{name: row[name] for name in ("request_sha256", "status", "body", "location")})

    def store_reply(self, tenant_id: str, *, route: str, key: str, reply: StoredReply) -> bool:
        """Keep a reply; False where there is one already, perhaps since a moment ago."""
        c = idempotency.c
        where = (c.tenant_id == tenant_id) & (c.route == route) & (c.key == key)
        self._connection.execute(idempotency.delete().where(where, c.expires_at <= db_now()))
        insert = insert_or_nothing(self._connection, idempotency).values(
            tenant_id=tenant_id,
            route=route,
            key=key,
            request_sha256=reply.request_sha256,
            status=reply.status,
            body=dict(reply.body),
            location=reply.location,
            expires_at=db_now(REPLIES_KEPT_S),
        )
        return self._connection.execute(insert).rowcount == 1

    def forget_replies(self) -> int:
        return self._connection.execute(
            idempotency.delete().where(idempotency.c.expires_at <= db_now())
        ).rowcount
