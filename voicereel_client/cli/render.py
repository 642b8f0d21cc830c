"""A script file becomes a job, and a job becomes files."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Iterable
from pathlib import Path

import click

from voicereel_client._models import Event
from voicereel_client._resources import Job
from voicereel_client.cli.app import App, Leaf, pass_app
from voicereel_client.cli.checks import Checks, checks
from voicereel_client.cli.estimate import Costs, costs, show_estimate
from voicereel_client.cli.failures import JOB_FAILED, complain, printable
from voicereel_client.cli.lines import LineFiles, lines_option
from voicereel_client.cli.output import print_json
from voicereel_client.cli.progress import download_bars, job_bar
from voicereel_client.cli.scripts import ScriptFile, script_file

WAIT_S = 3600.0
# Why a person is to hear a line, by the warning's code.
_TO_HEAR = {"spoken_by_fallback": "spoken by the fallback speaker", "line_suspect": "sounds wrong"}

directory_option = click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the files; made if need be. Default: here.",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=WAIT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait; the job goes on after that.",
)
key_option = click.option(
    "--idempotency-key", metavar="KEY", help="Run again with the same key, it is still one job."
)


@click.command(cls=Leaf)
@script_file
@directory_option
@lines_option
@timeout_option
@key_option
@costs
@checks
@pass_app
def render(
    app: App,
    *,
    file: ScriptFile,
    directory: Path,
    lines_to: Path | None,
    timeout: float,
    idempotency_key: str | None,
    costs: Costs,
    checks: Checks,
) -> None:
    """Render SCRIPT and download the reel.

    SCRIPT is JSON, YAML, SRT, WebVTT, Fountain, plain text, CSV or XLSX; - is stdin.
    Prints the files written. Interrupted, the job goes on, and the command that resumes is printed.
    """
    body, key = costs.into(checks.into(file.to_send(app))), idempotency_key or str(uuid.uuid4())
    if costs.dry_run:
        return show_estimate(app, body)
    words = (*file.words, *costs.words, *checks.words, *places(directory, lines_to))
    app.resumed_by("render", *words, "--idempotency-key", key)
    with app.client() as client:
        job = client.synthesize(body, idempotency_key=key)
        return finish(app, job, directory=directory, lines_to=lines_to, timeout=timeout)


@click.command(cls=Leaf)
@script_file
@key_option
@costs
@checks
@pass_app
def synthesize(
    app: App, *, file: ScriptFile, idempotency_key: str | None, costs: Costs, checks: Checks
) -> None:
    """Submit SCRIPT (a file as for render; - is stdin) and print the job's id."""
    body, key = costs.into(checks.into(file.to_send(app))), idempotency_key or str(uuid.uuid4())
    if costs.dry_run:
        return show_estimate(app, body)
    app.resumed_by("synthesize", *file.words, *costs.words, *checks.words, "--idempotency-key", key)
    with app.client() as client:
        job = client.synthesize(body, idempotency_key=key)
    if app.as_json:
        return print_json(job.raw)
    return click.echo(job.id)


def finish(app: App, job: Job, *, directory: Path, timeout: float, lines_to: Path | None = None) -> None:
    """Wait, download, print. Interrupted or too late, the command that resumes is printed."""
    app.resumed_by("jobs", "download", job.id, *places(directory, lines_to), "--wait")
    lines = LineFiles(job, lines_to) if lines_to else None
    job, failed = watch(job, timeout, lines)
    fetch(app, job, directory=directory, failed=failed, lines=lines)


def places(directory: Path, lines_to: Path | None) -> list[str]:
    """The options that say where files go."""
    return ["-o", str(directory), *(("--lines-to", str(lines_to)) if lines_to else ())]


def watch(job: Job, timeout: float, lines: LineFiles | None = None) -> tuple[Job, list[str]]:
    """The job once it rests, and the ids of the lines that its events called failed."""
    ended: dict[str, object] = {}
    with job_bar(job) as show:

        def hear(event: Event) -> None:
            if event.type == "line.finished":
                ended[str(event.data.get("id"))] = event.data.get("status")
            if lines:
                lines.hear(event)
            if show:
                show(event)

        job = job.wait(hear, timeout)
    return job, [line_id for line_id, status in ended.items() if status == "failed"]


def fetch(
    app: App, job: Job, *, directory: Path, failed: Iterable[str] = (), lines: LineFiles | None = None
) -> None:
    """Download and print; a job that needs review gives what it has."""
    nothing_yet = job.status == "needs_review" and job.outputs is None
    files = [*(lines.rest() if lines else ()), *([] if nothing_yet else _downloaded(job, directory))]
    if app.as_json:
        print_json({"job": job.raw, "files": [{"path": str(path)} for path in files]})
    else:
        for path in files:
            click.echo(printable(str(path)))
    judge(app, job, failed)


def judge(app: App, job: Job, failed: Iterable[str]) -> None:
    """Warnings to stderr; a job that needs review is no success."""
    for warning in job.warnings:
        complain(f"warning: {warning.code} at {app.where(warning.pointer)}: {warning.detail}")
    if job.status == "needs_review":
        complain(f"error: needs_review: Job {job.id} has lines without acceptable audio.")
        for line_id in failed:
            complain(f"  line {line_id}: no audio")
        for warning in job.warnings:
            if warning.code in _TO_HEAR:
                complain(f"  {app.where(warning.pointer)}: {_TO_HEAR[warning.code]}")
        complain(f"To release it as it is: {shlex.join(app.command('jobs', 'approve', job.id))}")
        raise click.exceptions.Exit(JOB_FAILED)


def _downloaded(job: Job, directory: Path) -> list[Path]:
    with download_bars() as on_progress:
        return job.download(directory, on_progress)
