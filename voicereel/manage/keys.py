"""API keys, and what is set for a tenant."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from voicereel.domain.account import SCOPES, ApiKey, Tenant
from voicereel.domain.script import is_speaker_id
from voicereel.manage.options import HOME_OPTION
from voicereel.manage.service import service
from voicereel.services.views import moment


@click.group()
def keys() -> None:
    """API keys."""


@keys.command("create")
@HOME_OPTION
@click.option("--name", required=True, help="What the key is for.")
@click.option("--tenant", default="default", show_default=True, help="The customer it belongs to.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Repeat; all but admin if absent."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create_key(home: Path | None, name: str, tenant: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key and print it: it cannot be shown again."""
    wanted = scopes or tuple(scope for scope in SCOPES if scope != "admin")
    with service(home, first_use=True) as services:
        made = services.accounts.create_key(name, tenant=tenant, scopes=wanted)
    if as_json:
        click.echo(json.dumps({"id": made.id, "key": made.key, "scopes": list(made.scopes)}))
    else:
        click.echo(made.key)


@keys.command("list")
@HOME_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(home: Path | None, as_json: bool) -> None:
    """Every key there ever was, the oldest first; the keys themselves are not stored."""
    with service(home) as services:
        found = services.accounts.all_keys()
        now = services.accounts.now()
    if as_json:
        click.echo(json.dumps([_view(key) for key in found], indent=2))
        return
    width = max((len(key.tenant) for key in found), default=0)
    for key in found:
        told = f"{key.tenant:{width}}  {_day(key.created_at)}  {_state(key, now):18}"
        click.echo(f"{key.id}  {told}  {key.name}  [{' '.join(sorted(key.scopes))}]")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at:
        return f"{'expired' if key.expires_at <= now else 'until'} {_day(key.expires_at)}"
    return "live"


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "-"


def _view(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": moment(key.created_at),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    }


@keys.command("revoke")
@HOME_OPTION
@click.argument("key_id")
def revoke_key(home: Path | None, key_id: str) -> None:
    """End a key by its id, within five seconds everywhere."""
    with service(home) as services:
        services.accounts.revoke(key_id)


@click.group()
def tenants() -> None:
    """Customers, and what is set for them."""


@tenants.command("list")
@HOME_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tenants(home: Path | None, as_json: bool) -> None:
    """Every tenant, the oldest first: since when, how many live keys, and who helps out."""
    with service(home) as services:
        found = services.accounts.all_tenants()
    if as_json:
        click.echo(json.dumps([_tenant_view(tenant) for tenant in found], indent=2))
        return
    width = max((len(tenant.name) for tenant in found), default=0)
    for tenant in found:
        keys = f"{tenant.keys} {'key' if tenant.keys == 1 else 'keys'}"
        told = f"{tenant.name:{width}}  {_day(tenant.created_at)}  {keys:8}"
        click.echo(f"{tenant.id}  {told}  {tenant.fallback or '-'}")


def _tenant_view(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "created_at": moment(tenant.created_at),
        "live_keys": tenant.keys,
        "fallback": tenant.fallback,
    }


@tenants.command("fallback")
@HOME_OPTION
@click.argument("tenant")
@click.argument("speaker", required=False)
def set_fallback(home: Path | None, tenant: str, speaker: str | None) -> None:
    """Who speaks a TENANT's lines when their own engine fails for good; no SPEAKER: nobody."""
    if speaker is not None and not is_speaker_id(speaker):
        raise click.UsageError("Give a speaker's id (spk_…) or a stock voice (stock:espeak/en-gb).")
    with service(home) as services:
        services.accounts.set_fallback(tenant, speaker)
    click.echo(f"{tenant}: {speaker or 'nobody'}")
