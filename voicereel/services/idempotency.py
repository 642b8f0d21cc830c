"""The same POST sent twice is done once.

The first reply is stored in the transaction that did the work: either both exist or neither. A
second request with the key waits for that transaction and then replays its reply.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.ports import StoredReply, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What makes a request the same as one before: its key, its route, a hash of its content."""

    route: str
    key: str
    request_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a POST answers. ``replayed`` when this is the first reply once more."""

    status: int
    body: Mapping[str, Any]
    location: str | None = None
    replayed: bool = False


def recall(tx: Transaction, tenant_id: str, once: Once | None) -> Reply | None:
    """The first reply to the same request, if there was one."""
    if once is None:
        return None
    stored = tx.accounts.stored_reply(tenant_id, route=once.route, key=once.key)
    if stored is None:
        return None
    if stored.request_sha256 != once.request_sha256:
        detail = "This key was used for another request in the last 24 hours; use a new one."
        raise InvalidRequest(
            (FieldError("Idempotency-Key", "idempotency_key_reused", detail),), code="idempotency_key_reused"
        )
    return Reply(status=stored.status, body=stored.body, location=stored.location, replayed=True)


def to_store(once: Once | None, reply: Reply) -> tuple[str, str, StoredReply] | None:
    """A reply as it is kept: its route, its key, and what to answer next time."""
    if once is None:
        return None
    stored = StoredReply(
        request_sha256=once.request_sha256, status=reply.status, body=reply.body, location=reply.location
    )
    return once.route, once.key, stored


def remember(tx: Transaction, tenant_id: str, once: Once | None, reply: Reply) -> Reply:
    """Keep a reply, to be called in the transaction that did the work."""
    kept = to_store(once, reply)
    if kept is not None:
        route, key, stored = kept
        tx.accounts.store_reply(tenant_id, route=route, key=key, reply=stored)
    return reply
