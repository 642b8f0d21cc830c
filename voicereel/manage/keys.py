"""API keys, and what is set for a tenant."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from voicereel.bootstrap import build, prepare
from voicereel.domain.account import SCOPES
from voicereel.domain.errors import NotFound
from voicereel.domain.script import is_speaker_id
from voicereel.manage.options import HOME_OPTION, read_settings
from voicereel.services.accounts import AccountService
from voicereel.settings import SettingsError


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
    with _accounts(home) as accounts:
        made = accounts.create_key(name, tenant=tenant, scopes=wanted)
    if as_json:
        click.echo(json.dumps({"id": made.id, "key": made.key, "scopes": list(made.scopes)}))
    else:
        click.echo(made.key)


@keys.command("list")
@HOME_OPTION
def list_keys(home: Path | None) -> None:
    """Ids and names of all keys; the keys themselves are not stored."""
    with _accounts(home, new=False) as accounts:
        for key in accounts.all_keys():
            state = "revoked" if key.revoked_at else "live"
            click.echo(f"{key.id}  {state:7}  {key.name}  [{' '.join(sorted(key.scopes))}]")


@keys.command("revoke")
@HOME_OPTION
@click.argument("key_id")
def revoke_key(home: Path | None, key_id: str) -> None:
    """End a key by its id, within five seconds everywhere."""
    try:
        with _accounts(home, new=False) as accounts:
            accounts.revoke(key_id)
    except NotFound as error:
        raise click.ClickException(error.detail) from None


@contextmanager
def _accounts(home: Path | None, *, new: bool = True) -> Iterator[AccountService]:
    """The accounts of a home; only a ``new`` one may be made for it."""
    settings = read_settings(home=home)
    if not new and not settings.home.exists():
        raise SettingsError(f"VOICEREEL_HOME: there is no folder {settings.home}")
    prepare(settings)
    services = build(settings)
    try:
        yield services.accounts
    finally:
        services.close()


@click.group()
def tenants() -> None:
    """What is set for a customer."""


@tenants.command("fallback")
@HOME_OPTION
@click.argument("tenant")
@click.argument("speaker", required=False)
def set_fallback(home: Path | None, tenant: str, speaker: str | None) -> None:
    """Who speaks a TENANT's lines when their own engine fails for good; no SPEAKER: nobody."""
    if speaker is not None and not is_speaker_id(speaker):
        raise click.UsageError("Give a speaker's id (spk_…) or a stock voice (stock:espeak/en-gb).")
    try:
        with _accounts(home, new=False) as accounts:
            accounts.set_fallback(tenant, speaker)
    except NotFound as error:
        raise click.ClickException(error.detail) from None
    click.echo(f"{tenant}: {speaker or 'nobody'}")
