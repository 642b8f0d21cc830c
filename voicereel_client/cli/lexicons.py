"""`voicereel lexicons`: how words are to be said."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any, BinaryIO

import click

from voicereel_client import pls
from voicereel_client._models import Lexicon
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.failures import complain, printable
from voicereel_client.cli.output import print_deleted, print_json, print_listed, print_pairs, print_rows


@click.group(cls=Noun)
def lexicons() -> None:
    """How words are to be said, by every script or those that name a lexicon."""


_FILE = click.argument("file", type=click.File("rb"))


@lexicons.command()
@_FILE
@click.option("--name", help="Default: what the file says, else the file's own name.")
@click.option("--default/--no-default", default=None, help="Every script of yours is spoken by it.")
@pass_app
def create(app: App, file: BinaryIO, *, name: str | None, default: bool | None) -> None:
    """Create a lexicon of a JSON file, or of a W3C PLS document."""
    found = _read(file, name, default=default)
    with app.client() as client:
        _print(app, client.lexicons.create(**found))


@lexicons.command()
@click.argument("lexicon_id")
@_FILE
@click.option("--name", help="Default: the lexicon's own.")
@click.option("--default/--no-default", default=None, help="Default: as the lexicon is.")
@pass_app
def replace(app: App, lexicon_id: str, file: BinaryIO, *, name: str | None, default: bool | None) -> None:
    """Replace a lexicon's entries by those of a file: a new version, if they are others."""
    with app.client() as client:
        known = client.lexicons.get(lexicon_id)
        found = _read(file, name or known.name, default=known.default if default is None else default)
        _print(app, client.lexicons.replace(lexicon_id, **found))


def _read(file: BinaryIO, name: str | None, *, default: bool | None) -> dict[str, Any]:
    content = file.read(pls.MAX_BYTES + 1)
    called = str(getattr(file, "name", "-"))
    found = (
        _pls(content, called)
        if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
        else _json(content, called)
    )
    fields = {"name": name, "default": default}
    given = {key: value for key, value in fields.items() if value is not None}
    return {"name": PurePath(called).stem or "lexicon", **found, **given}


def _pls(content: bytes, called: str) -> dict[str, Any]:
    try:
        found = pls.loads(content)
    except pls.PlsError as error:
        raise click.BadParameter(f"{called}: {error}", param_hint="FILE") from error
    if found.skipped:
        complain(f"{called}: lexemes without an alias or IPA are left out: {found.skipped}")
    return {"entries": found.entries}


def _json(content: bytes, called: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise click.BadParameter(f"{called} is neither JSON nor XML.", param_hint="FILE") from error
    found = {"entries": found} if isinstance(found, list) else found
    entries = found.get("entries") if isinstance(found, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        detail = f"{called} is not a list of entries, nor an object with 'entries'."
        raise click.BadParameter(detail, param_hint="FILE")
    # What `get --json` printed may be sent again.
    return {name: found[name] for name in ("name", "default", "entries") if name in found}


@lexicons.command("list")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@pass_app
def list_(app: App, limit: int | None) -> None:
    """List your lexicons, newest first."""
    with app.client() as client:
        print_listed(app, client.lexicons.list(), row=_row, limit=limit)


def _row(lexicon: Lexicon) -> tuple[str, ...]:
    default = "default" if lexicon.default else ""
    return lexicon.id, f"v{lexicon.version}", f"{lexicon.entry_count} entries", default, lexicon.name


@lexicons.command()
@click.argument("lexicon_id")
@click.option("--version", type=click.IntRange(min=1), help="Default: the newest.")
@click.option("--pls", "as_pls", metavar="LANGUAGE", help="As a W3C PLS document for this language.")
@pass_app
def get(app: App, lexicon_id: str, *, version: int | None, as_pls: str | None) -> None:
    """Show a lexicon and its entries."""
    with app.client() as client:
        found = client.lexicons.get(lexicon_id, version=version)
    if as_pls:
        click.echo(pls.dumps(found.raw.get("entries", ()), language=as_pls), nl=False)
    else:
        _print(app, found)


def _print(app: App, lexicon: Lexicon) -> None:
    if app.as_json:
        print_json(lexicon.raw)
        return
    print_pairs(
        [
            ("id", lexicon.id),
            ("name", lexicon.name),
            ("version", lexicon.version),
            ("default", "yes" if lexicon.default else "no"),
        ]
    )
    if lexicon.entries:
        click.echo(printable(f"entries: {len(lexicon.entries)}"))
        print_rows(
            [
                (each.grapheme, f"/{each.ipa}/" if each.ipa else "", each.alias or "", each.language or "")
                for each in lexicon.entries
            ]
        )


@lexicons.command()
@click.argument("lexicon_id")
@pass_app
def delete(app: App, lexicon_id: str) -> None:
    """Delete a lexicon; jobs accepted with it go on as they were."""
    with app.client() as client:
        client.lexicons.delete(lexicon_id)
    print_deleted(app, lexicon_id)
