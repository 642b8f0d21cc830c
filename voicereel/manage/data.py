"""The database and the machine."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy import make_url

from voicereel.bootstrap import build, check, prepare
from voicereel.manage.options import HOME_OPTION, read_settings
from voicereel.supervisor import locked

_SHOWN = 20


@click.command()
@HOME_OPTION
def migrate(home: Path | None) -> None:
    """Bring the database to the newest schema."""
    settings = read_settings(home=home)
    revision = prepare(settings)
    url = make_url(settings.database)
    click.echo(f"{url.render_as_string(hide_password=True)} is at revision {revision}.")


@click.command()
@HOME_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(home: Path | None, as_json: bool) -> None:
    """What is installed, which engines and encoders work, what is missing and how to get it."""
    command = [sys.executable, "-m", "workers.doctor", *(["--json"] if as_json else [])]
    settings = read_settings(home=home)
    check(settings)
    sys.exit(subprocess.run(command, env=settings.environment(), check=False, timeout=120).returncode)


@click.command()
@HOME_OPTION
def recover(home: Path | None) -> None:
    """After a restore, before anything is started: refuse whoever still works on what was before it.

    Jobs that were under way go on; those whose files are gone begin again.
    """
    settings = read_settings(home=home)
    with locked(settings.home):
        prepare(settings)
        services = build(settings)
        try:
            count = services.upkeep.outdate_all()
            click.echo(f"{count} unfinished stage runs go on from here; every worker of before is refused.")
            found = services.recovery.begin_again_without_files()
        finally:
            services.close()
    _tell("unfinished jobs begin again, because files of theirs are gone", found.begun_again)
    _tell("jobs lack files and cannot get them back; delete them, or restore the files", found.incomplete)


def _tell(what: str, job_ids: Sequence[str]) -> None:
    if job_ids:
        more = "" if len(job_ids) <= _SHOWN else f" … and {len(job_ids) - _SHOWN} more"
        click.echo(f"{len(job_ids)} {what}: {' '.join(job_ids[:_SHOWN])}{more}")
