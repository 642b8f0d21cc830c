"""`voicereel-server backup`: a copy of what one machine holds, made while the service runs."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import sqlalchemy as sa

from voicereel.adapters.storage.folder import FolderStore
from voicereel.bootstrap import make_store
from voicereel.domain.errors import NotFound
from voicereel.manage.options import HOME_OPTION, read_settings
from voicereel.settings import Settings

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@HOME_OPTION
@click.option("--to", "folder", type=_FOLDER, required=True, help="Folder for the copy.")
@click.option("--former", type=_FOLDER, help="An earlier copy on the same disk: what it has is linked to.")
def backup(home: Path | None, folder: Path, former: Path | None) -> None:
    """Copy database, files and secret of this machine; the service may go on meanwhile.

    PostgreSQL and buckets have ways of their own: deploy/backup/backup.sh, docs/operations.md.
    """
    settings = read_settings(home=home)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # In this order: a file without a row does no harm, a row without a file does.
    _copy_database(settings, folder)
    _copy_files(settings, folder, former)
    _copy_secret(settings, folder)


def _copy_database(settings: Settings, folder: Path) -> None:
    url = sa.make_url(settings.database)
    if url.get_backend_name() != "sqlite":
        click.echo("The database is not on this machine: pg_dump copies it.")
        return
    source, target = Path(url.database or ""), folder / "voicereel.db"
    if not source.is_file():
        raise click.ClickException(f"There is no database {source}.")
    _refuse_to_replace(target)
    try:
        copy_sqlite(source, target)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise click.ClickException(f"The database cannot be copied: {error}.") from None
    click.echo(f"Database: {target.stat().st_size:,} bytes.")


def copy_sqlite(source: Path, target: Path) -> None:
    """One moment of a database that others write to; `sqlite3.DatabaseError` if the copy is not sound.

    All in one step: a copy made page by page begins anew with every commit of another process, and
    under load never ends.
    """
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy, pages=-1)
        # The copy is one file, to be moved about as one.
        copy.execute("PRAGMA journal_mode=DELETE")
        (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError("the copy is damaged")


def _copy_files(settings: Settings, folder: Path, former: Path | None) -> None:
    if not settings.store_url.startswith("file:"):
        click.echo("The files are not on this machine: the bucket keeps their versions.")
        return
    store = make_store(settings)
    if isinstance(store, FolderStore):
        _refuse_to_replace(folder / "artifacts")
        copied, linked = copy_files(store, folder / "artifacts", former and former / "artifacts")
        click.echo(f"Files: {copied} copied, {linked} linked to those of the earlier copy.")


def copy_files(store: FolderStore, folder: Path, former: Path | None) -> tuple[int, int]:
    """Copy every file of a store; how many were copied, and how many linked to a former copy's."""
    copied = linked = 0
    folder.mkdir()
    for stored in store.keys():  # noqa: SIM118 - not a mapping
        target = folder / stored.key
        target.parent.mkdir(parents=True, exist_ok=True)
        known = former and former / stored.key
        # A key is written once: the same name and length are the same bytes.
        if known and known.is_file() and known.stat().st_size == stored.size_bytes:
            os.link(known, target)
            linked += 1
            continue
        try:
            shutil.copy2(store.fetch(stored.key, folder), target)
        except (NotFound, FileNotFoundError):  # deleted a moment ago
            continue
        copied += 1
    return copied, linked


def _copy_secret(settings: Settings, folder: Path) -> None:
    secret = settings.home / "url_secret"
    if secret.is_file():
        _refuse_to_replace(folder / secret.name)
        shutil.copy2(secret, folder)


def _refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise click.ClickException(f"{path} is there already: give a folder of its own.")
