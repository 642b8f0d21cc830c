"""Who may ask: API keys and their scopes. A key is shown once and stored only as a hash."""

import base64
import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime

SCOPES = (
    "speakers:read",
    "speakers:write",
    "jobs:read",
    "jobs:write",
    "usage:read",
    "webhooks:write",
    "admin",
)

_PREFIX = "vr_live_"
_KEYID_ALPHABET = string.digits + string.ascii_lowercase
_KEYID_LENGTH = 12
_SECRET_LENGTH = 43
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CRC_LENGTH = 6
_KEY_LENGTH = len(_PREFIX) + _KEYID_LENGTH + 1 + _SECRET_LENGTH + _CRC_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller of one request: which tenant, by which key, allowed what.

    ``fallback`` is the speaker that the tenant wants where a line's own engine fails for good.
    """

    tenant_id: str
    key_id: str
    scopes: frozenset[str]
    fallback: str | None = None

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A stored key: everything but the key itself. ``tenant`` is its tenant's name."""

    id: str
    tenant_id: str
    name: str
    sha256: str
    scopes: frozenset[str]
    tenant: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A customer. ``keys`` are those that were not revoked and have not expired."""

    id: str
    name: str
    created_at: datetime
    keys: int
    fallback: str | None = None


def new_key() -> str:
    """A fresh key: ``vr_live_<keyid><secret><crc>``, fields told apart by position."""
    keyid = "".join(secrets.choice(_KEYID_ALPHABET) for _ in range(_KEYID_LENGTH))
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    body = f"{_PREFIX}{keyid}_{secret}"
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Whether a string can be one of our keys; a typing error fails here, before the database."""
    if len(key) != _KEY_LENGTH or not key.startswith(_PREFIX) or not key.isascii():
        return False
    return secrets.compare_digest(key[-_CRC_LENGTH:], _checksum(key[:-_CRC_LENGTH]))


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(_CRC_LENGTH, "0")
