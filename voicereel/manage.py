"""`voicereel-server`: run the service, make keys, migrate, and find out what this machine can do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import ValidationError

from voicereel.bootstrap import build, prepare
from voicereel.domain.account import SCOPES
from voicereel.domain.errors import NotFound
from voicereel.services.accounts import AccountService
from voicereel.settings import Settings, SettingsError
from voicereel.supervisor import HomeBusy, Supervisor, listen, locked
from voicereel.telemetry import configure

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for database, files and secrets [VOICEREEL_HOME].",
)


class _Commands(click.Group):
    """Tells an operator's mistakes in one line."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (HomeBusy, SettingsError) as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands)
@click.version_option(package_name="voicereel")
def main() -> None:
    """VoiceReel's server side. Settings come from VOICEREEL_… variables and from options."""


def _settings(**given: object) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'together'}: {found['msg']}"
            for found in error.errors(include_input=False)
        )
        raise click.UsageError(f"A setting is not valid: {wrong}") from None


@main.command()
@_HOME
@click.option("--host", help="Address to listen on [VOICEREEL_HOST].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one [VOICEREEL_PORT].")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes [VOICEREEL_WORKERS].")
def up(home: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Run everything on this machine: API, workers and sweeper. Ctrl-C stops it all."""
    configure(process="supervisor")
    settings = _settings(home=home, host=host, port=port, workers=workers)
    with locked(settings.home):
        _serve(settings)


def _serve(settings: Settings) -> None:
    click.echo(f"Starting VoiceReel in {settings.home} …")
    prepare(settings)
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        raise click.ClickException(
            f"Cannot listen on {address}: {os.strerror(error.errno or 0)}. Try --port 0."
        ) from None
    supervisor = Supervisor(settings, listener)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, supervisor.stop)
    for url in supervisor.run():
        click.echo(f"VoiceReel is ready at {url}  (API reference: {url}/docs)")
        first_key = _first_key(supervisor)
        if first_key:
            click.echo(f"Your API key, shown this once: {first_key}")
        click.echo("Ctrl-C stops it.")
    click.echo("VoiceReel has stopped.")


def _first_key(supervisor: Supervisor) -> str | None:
    accounts = supervisor.services.accounts
    if accounts.all_keys():
        return None
    return accounts.create_key("first", tenant="default", scopes=SCOPES).key


@main.group()
def keys() -> None:
    """API keys."""


@keys.command("create")
@_HOME
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
@_HOME
def list_keys(home: Path | None) -> None:
    """Ids and names of all keys; the keys themselves are not stored."""
    with _accounts(home, new=False) as accounts:
        for key in accounts.all_keys():
            state = "revoked" if key.revoked_at else "live"
            click.echo(f"{key.id}  {state:7}  {key.name}  [{' '.join(sorted(key.scopes))}]")


@keys.command("revoke")
@_HOME
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
    settings = _settings(home=home)
    if not new and not settings.home.exists():
        raise SettingsError(f"VOICEREEL_HOME: there is no folder {settings.home}")
    prepare(settings)
    services = build(settings)
    try:
        yield services.accounts
    finally:
        services.close()


@main.command()
@_HOME
def migrate(home: Path | None) -> None:
    """Bring the database to the newest schema."""
    click.echo(f"The database is at revision {prepare(_settings(home=home))}.")


@main.command()
@_HOME
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(home: Path | None, as_json: bool) -> None:
    """What is installed, which engines and encoders work, what is missing and how to get it."""
    command = [sys.executable, "-m", "workers.doctor", *(["--json"] if as_json else [])]
    settings = _settings(home=home)
    sys.exit(subprocess.run(command, env=settings.environment(), check=False, timeout=120).returncode)


if __name__ == "__main__":
    main()
