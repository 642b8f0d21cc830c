"""Who calls, and may they? Nobody may do anything unless the spec's scopes say so."""

from collections.abc import Sequence

from flask import g, request

from voicereel.domain.account import Principal
from voicereel.services.accounts import AccountService, require

# The caller of a public operation: no tenant, no scope.
NOBODY = Principal(tenant_id="", key_id="", scopes=frozenset())


def authorize(accounts: AccountService, scopes: Sequence[str] | None) -> Principal:
    """The caller, who holds every one of the scopes; None stands for a public operation."""
    if scopes is None:
        return NOBODY
    principal = accounts.authenticate(request.headers.get("Authorization"))
    g.principal = principal
    require(principal, scopes)
    return principal


def caller() -> Principal:
    """Who sent this request; nobody until that is known."""
    found: Principal = g.get("principal", NOBODY)
    return found
