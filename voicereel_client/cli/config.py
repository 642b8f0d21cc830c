"""`voicereel config`: the profile file, readable by its owner only."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from voicereel_client._profile import DEFAULT_BASE_URL, ProfileFile, config_path, load, save
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.output import print_json, print_pairs

SETTINGS = ("api_key", "base_url", "profile")


@click.group(cls=Noun)
def config() -> None:
    """Keys and addresses kept in profiles."""


@config.command()
@pass_app
def show(app: App) -> None:
    """Show a profile; the key itself is never shown."""
    contents = load(config_path())
    name = app.profile or contents.profile
    stored = contents.profiles.get(name, {})
    shown = {
        "path": str(config_path()),
        "profile": name,
        "profiles": sorted(contents.profiles),
        "base_url": stored.get("base_url", DEFAULT_BASE_URL),
        "api_key": "set" if stored.get("api_key") else "not set",
    }
    if app.as_json:
        print_json(shown)
    else:
        print_pairs(
            (key, ", ".join(value) if isinstance(value, list) else value) for key, value in shown.items()
        )


@config.command("set")
@click.argument("setting", type=click.Choice(SETTINGS))
@click.argument("value", required=False)
@pass_app
def set_(app: App, setting: str, value: str | None) -> None:
    """Keep SETTING in the profile chosen with --profile; 'profile' is the one used by default.

    Without VALUE it is asked for, or read from stdin, so that a key stays out of the shell's history.
    """
    contents = load(config_path())
    given = value or _asked(setting)
    if not given:
        raise click.UsageError(f"No value for {setting}.")
    save(config_path(), _changed(contents, setting, value=given, profile=app.profile or contents.profile))


def _asked(setting: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    answer: str = click.prompt(setting, hide_input=setting == "api_key", err=True)
    return answer.strip()


def _changed(contents: ProfileFile, setting: str, *, value: str, profile: str) -> ProfileFile:
    if setting == "profile":
        return replace(contents, profile=value)
    table = {**contents.profiles.get(profile, {}), setting: value}
    return replace(contents, profiles={**contents.profiles, profile: table})


@config.command()
def path() -> None:
    """Print where the file is."""
    click.echo(str(config_path()))
