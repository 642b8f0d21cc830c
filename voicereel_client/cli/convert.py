"""`voicereel convert`: a script from one format into another, with what the other cannot hold."""

from __future__ import annotations

from pathlib import Path

import click

from voicereel_client.cli.app import App, Leaf, pass_app
from voicereel_client.cli.failures import complain
from voicereel_client.cli.scripts import FORMAT_NAMES, ScriptFile, script_file


@click.command(cls=Leaf)
@script_file
@click.argument("target", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--to", type=click.Choice(FORMAT_NAMES), help="The format of TARGET, where its name does not tell."
)
@click.option("--force", is_flag=True, help="Write over TARGET if it is there.")
@pass_app
def convert(app: App, file: ScriptFile, *, target: str, to: str | None, force: bool) -> None:
    """Write SCRIPT as TARGET (- is stdout), in the format that its name tells.

    What TARGET cannot hold is named on stderr, and left out.
    """
    from voicereel_client.scripts.formats import dumps, format_of
    from voicereel_client.scripts.losses import lost

    chosen = to or (format_of(target) if target != "-" else None)
    if chosen is None:
        raise click.UsageError("Name the format of the target with --to.")
    if target != "-" and Path(target).exists() and not force:
        raise click.UsageError(f"{target} is there already: --force writes over it.")
    app.source = source = file.read()
    written = dumps(source.script, chosen, name=source.name, places=source.places)
    for warning in (*source.warnings, *lost(source.script, written, chosen)):
        complain(warning.shown(source.name))
    with click.open_file(target, "wb") as stream:
        stream.write(written)
