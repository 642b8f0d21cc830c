"""`voicereel voices`."""

from __future__ import annotations

import click

from voicereel_client._models import Voice
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.output import print_listed


@click.group(cls=Noun)
def voices() -> None:
    """Stock voices of the engines that are up."""


@voices.command("list")
@click.option("--language", help="Only voices that speak this language.")
@pass_app
def list_(app: App, language: str | None) -> None:
    """List the stock voices."""
    with app.client() as client:
        print_listed(app, client.voices.list(language=language), row=_row)


def _row(voice: Voice) -> tuple[str, ...]:
    return voice.id, ",".join(voice.languages), f"{voice.sample_rate} Hz", voice.licence, voice.name
