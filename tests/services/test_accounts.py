"""Tenants and their keys, on either database."""

from dataclasses import replace
from datetime import timedelta

from tests.rendering import Studio
from voicereel.domain.account import ApiKey
from voicereel.services.ids import new_id


def test_tenants_are_told_with_the_keys_that_still_open_a_door(fake_studio: Studio) -> None:
    accounts = fake_studio.services.accounts
    revoked = accounts.create_key("gone", tenant="beta", scopes=())
    accounts.revoke(revoked.id)
    key = ApiKey(id="", tenant_id=revoked.tenant_id, name="k", sha256="", scopes=frozenset())
    with accounts.work.writing() as tx:
        for hours in (-1, 1):
            until = accounts.now() + timedelta(hours=hours)
            tx.accounts.add_key(replace(key, id=new_id("key"), sha256=f"{hours}", expires_at=until))
        tx.accounts.set_fallback(revoked.tenant_id, "stock:fake/b")
    acme, beta = accounts.all_tenants()
    assert (acme.name, acme.keys, acme.fallback) == ("acme", 1, None)
    assert (beta.name, beta.keys, beta.fallback) == ("beta", 1, "stock:fake/b")
    assert beta.id == revoked.tenant_id
    assert acme.created_at <= beta.created_at <= accounts.now()
