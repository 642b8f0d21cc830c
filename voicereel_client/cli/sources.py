"""`voicereel sources`."""

from __future__ import annotations

from pathlib import Path

import click

from voicereel_client._models import Source
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.output import print_deleted, print_listed, print_source


@click.group(cls=Noun)
def sources() -> None:
    """Your own sound, for scripts to name: the bed under a script."""


@sources.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Default: the file's name.")
@pass_app
def create(app: App, *, file: Path, name: str | None) -> None:
    """Upload an audio file; it is kept until you delete it."""
    with app.client() as client:
        print_source(app, client.sources.create(name=name or file.name, file=file))


@sources.command("list")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@pass_app
def list_(app: App, limit: int | None) -> None:
    """List your sources, newest first."""
    with app.client() as client:
        print_listed(app, client.sources.list(), row=_row, limit=limit)


def _row(source: Source) -> tuple[str, ...]:
    return source.id, source.format, f"{source.bytes:,} bytes", source.name


@sources.command()
@click.argument("source_id")
@pass_app
def get(app: App, source_id: str) -> None:
    """Show one source."""
    with app.client() as client:
        print_source(app, client.sources.get(source_id))


@sources.command()
@click.argument("source_id")
@pass_app
def delete(app: App, source_id: str) -> None:
    """Delete a source and its file."""
    with app.client() as client:
        client.sources.delete(source_id)
    print_deleted(app, source_id)
