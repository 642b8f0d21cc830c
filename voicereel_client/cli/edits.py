"""`voicereel jobs lines|edit|add-line|remove-line|revise|revisions|verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voicereel_client._certificate import verify as verify_folders
from voicereel_client._edits import JobLine, Revision, RevisionEstimate
from voicereel_client._models import Model
from voicereel_client.cli.app import App, Leaf, pass_app
from voicereel_client.cli.failures import complain, printable
from voicereel_client.cli.jobs import job_argument
from voicereel_client.cli.output import (
    print_deleted,
    print_job,
    print_json,
    print_listed,
    print_pairs,
    print_rows,
)
from voicereel_client.cli.render import directory_option, finish, timeout_option

line_argument = click.argument("line_id")
_NOTHING = "none"
_PLACES = ("after", "before")


@click.command(cls=Leaf)
@job_argument
@pass_app
def lines(app: App, job_id: str) -> None:
    """List the lines of a job's script as it stands; * marks what is not rendered yet."""
    with app.client() as client:
        print_listed(app, client.jobs.lines(job_id), row=_row)


def _row(line: JobLine) -> tuple[str, ...]:
    mark = "*" if line.changed else ""
    placed = "" if line.start_ms is None else f"{line.start_ms}-{line.end_ms}"
    return line.id, mark, line.status, placed, line.speaker, line.text


def _controls(command: Any) -> Any:  # noqa: ANN401 - a decorator of click's
    """What may be said of a line; ``none`` takes a control back."""
    options = (
        click.option("--text"),
        click.option("--speaker", help="A role of the script's cast, or a speaker's id."),
        click.option("--pause", "pause_after_ms", type=int, metavar="MS", help="After the line."),
        click.option("--overlap", "overlap_ms", type=int, metavar="MS", help="With the line before."),
        click.option("--speed", metavar="NUMBER", help="0.5 to 2, or none."),
        click.option("--pitch", "pitch_st", metavar="SEMITONES", help="-12 to 12, or none."),
        click.option("--gain", "gain_db", metavar="DB", help="-24 to 12, or none."),
        click.option("--language", metavar="TAG", help="Or none."),
        click.option("--style", help="Or none."),
        click.option("--seed", metavar="NUMBER", help="Or none."),
        click.option("--slot", metavar="START-END", help="Milliseconds that it has to fill, or none."),
        click.option("--after", metavar="LINE", help="Put it after this one."),
        click.option("--before", metavar="LINE", help="Put it before this one."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(cls=Leaf)
@job_argument
@line_argument
@_controls
@pass_app
def edit(app: App, /, job_id: str, line_id: str, **given: Any) -> None:  # noqa: ANN401 - the options above
    """Change or move a line; nothing is rendered before `jobs revise`."""
    changes = _said(given)
    if not changes:
        raise click.UsageError("Say what is to change; see --help.")
    with app.client() as client:
        _print(app, client.jobs.update_line(job_id, line_id, **changes))


@click.command("add-line", cls=Leaf)
@job_argument
@click.option("--id", "line_id", metavar="LINE", help="Its own id; one that is free by default.")
@_controls
@pass_app
def add_line(app: App, /, job_id: str, line_id: str | None, **given: Any) -> None:  # noqa: ANN401 - as for edit
    """Add a line, at the end unless a place is named."""
    said = _said(given)
    if not {"text", "speaker"} <= said.keys():
        raise click.UsageError("A line needs --speaker and --text.")
    place = {name: said.pop(name) for name in _PLACES if name in said}
    line = {**said, **({"id": line_id} if line_id else {})}
    with app.client() as client:
        _print(app, client.jobs.insert_line(job_id, line, **place))


@click.command("remove-line", cls=Leaf)
@job_argument
@line_argument
@pass_app
def remove_line(app: App, job_id: str, line_id: str) -> None:
    """Take a line out of a job's script."""
    with app.client() as client:
        client.jobs.delete_line(job_id, line_id)
    print_deleted(app, line_id)


@click.command(cls=Leaf)
@job_argument
@click.option("--wait/--no-wait", default=True, help="Until it is rendered, and download it.")
@click.option("--max-cost", metavar="AMOUNT", help="Refuse what may cost more, such as 0.10.")
@click.option("--dry-run", is_flag=True, help="Say what it would speak and cost; render nothing.")
@directory_option
@timeout_option
@pass_app
def revise(
    app: App,
    job_id: str,
    *,
    wait: bool,
    max_cost: str | None,
    dry_run: bool,
    directory: Path,
    timeout: float,
) -> None:
    """Render the edits of a job: only what changed is spoken and billed."""
    with app.client() as client:
        if dry_run:
            return _print_estimate(app, client.jobs.estimate_revision(job_id))
        job = client.jobs.revise(job_id, max_cost=max_cost)
        if wait:
            finish(app, job, directory=directory, timeout=timeout)
        else:
            print_job(app, job)
    return None


def _print_estimate(app: App, found: RevisionEstimate) -> None:
    if app.as_json:
        return print_json(found.raw)
    return print_pairs(
        [
            ("spoken", ", ".join(found.spoken_lines)),
            ("cached", ", ".join(found.cached_lines)),
            ("again", ", ".join(found.again_lines)),
            ("kept", f"{found.kept_lines} lines"),
            ("expected", f"{found.expected.amount} {found.currency}"),
            ("at most", f"{found.at_most.amount} {found.currency}"),
        ]
    )


@click.command(cls=Leaf)
@job_argument
@pass_app
def revisions(app: App, job_id: str) -> None:
    """List the renders of a job, newest first."""
    with app.client() as client:
        print_listed(app, client.jobs.revisions(job_id), row=_revision_row)


def _revision_row(revision: Revision) -> tuple[str, ...]:
    billed = "" if revision.billable_ms is None else f"{revision.billable_ms} ms"
    return str(revision.number), revision.status, billed


@click.command(cls=Leaf)
@click.argument("before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, file_okay=False, path_type=Path))
@pass_app
def verify(app: App, before: Path, after: Path) -> None:
    """Check a change certificate: compare the WAV files of two downloads, line by line.

    BEFORE and AFTER are folders of downloads, the second of the revision that came next.
    """
    checks = verify_folders(before, after)
    if app.as_json:
        print_json({"lines": [vars(check) for check in checks]})
    else:
        print_rows([(check.line_id, "identical" if check.identical else "differs") for check in checks])
    broken = [check.line_id for check in checks if check.claimed and not check.identical]
    for line_id in broken:
        complain(f"error: certificate_mismatch: line {line_id} is said to be the same, and is not.")
    if broken:
        raise click.exceptions.Exit(1)


def _print(app: App, line: JobLine) -> None:
    if app.as_json:
        print_json(_raw(line))
    else:
        click.echo(printable("  ".join(cell for cell in _row(line) if cell)))


def _raw(model: Model) -> object:
    return model.raw


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in given.items() if value is not None}


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever the option is of
    if value == _NOTHING and name not in ("text", "speaker", *_PLACES):
        return None
    if name == "slot":
        return _slot(value)
    try:
        return {"speed": float, "pitch_st": float, "gain_db": float, "seed": int}.get(name, _same)(value)
    except ValueError:
        raise click.BadParameter(f"'{value}' is not a number.", param_hint=f"--{name}") from None


def _same(value: Any) -> Any:  # noqa: ANN401 - as it is
    return value


def _slot(value: str) -> dict[str, int]:
    start, dash, end = value.partition("-")
    if not (dash and start.isdecimal() and end.isdecimal()):
        raise click.BadParameter("Write it as 4200-5600.", param_hint="--slot")
    return {"start_ms": int(start), "end_ms": int(end)}


COMMANDS = (lines, edit, add_line, remove_line, revise, revisions, verify)
