"""The database and the machine."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from voicereel.bootstrap import prepare
from voicereel.manage.options import HOME_OPTION, read_settings
from voicereel.manage.service import service
from voicereel.reach import database_place
from voicereel.supervisor import locked

_SHOWN = 20
# How long all that doctor tries may take.
_PATIENCE_S = 120


@click.command()
@HOME_OPTION
def migrate(home: Path | None) -> None:
    """Bring the database to the newest schema."""
    settings = read_settings(home=home)
    revision = prepare(settings)
    click.echo(f"{database_place(settings.database)} is at revision {revision}.")


@click.command()
@HOME_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(home: Path | None, as_json: bool) -> None:
    """Whether database, broker and store can be used, what is installed, which engines and encoders work.

    What is missing is named with what to do; exit status 1 if it is needed.
    """
    command = [sys.executable, "-m", "workers.doctor", *(["--json"] if as_json else [])]
    settings = read_settings(home=home)
    try:
        done = subprocess.run(command, env=settings.environment(), check=False, timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"What was asked last did not answer within {_PATIENCE_S} s.") from None
    sys.exit(done.returncode)


@click.command()
@HOME_OPTION
def recover(home: Path | None) -> None:
    """After a restore, before anything is started: refuse whoever still works on what was before it.

    Jobs that were under way go on; those whose files are gone begin again.
    """
    settings = read_settings(home=home)
    with locked(settings.home), service(home) as services:
        count = services.upkeep.outdate_all()
        click.echo(f"{count} unfinished stage runs go on from here; every worker of before is refused.")
        found = services.recovery.begin_again_without_files()
    _tell("unfinished jobs begin again, because files of theirs are gone", found.begun_again)
    _tell("jobs lack files and cannot get them back; delete them, or restore the files", found.incomplete)


def _tell(what: str, job_ids: Sequence[str]) -> None:
    if job_ids:
        more = "" if len(job_ids) <= _SHOWN else f" … and {len(job_ids) - _SHOWN} more"
        click.echo(f"{len(job_ids)} {what}: {' '.join(job_ids[:_SHOWN])}{more}")
