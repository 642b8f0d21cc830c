"""`voicereel jobs`, and `job` for `jobs get`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from voicereel_client._models import JobRecord
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.lines import LineFiles, lines_option
from voicereel_client.cli.output import print_deleted, print_job, print_listed
from voicereel_client.cli.render import (
    directory_option,
    fetch,
    finish,
    judge,
    places,
    timeout_option,
    watch,
)

job_argument = click.argument("job_id")


@click.group(cls=Noun)
def jobs() -> None:
    """Where the work stands, and its results."""


@jobs.command("list")
@click.option("--status", help="queued, running, needs_review, succeeded, failed or canceled.")
@click.option("--kind", help="speech.")
@click.option("--created-after", metavar="MOMENT", help="RFC 3339.")
@click.option("--created-before", metavar="MOMENT", help="RFC 3339.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@pass_app
def list_(
    app: App,
    *,
    status: str | None,
    kind: str | None,
    created_after: str | None,
    created_before: str | None,
    limit: int,
) -> None:
    """List your jobs, newest first."""
    with app.client() as client:
        found = client.jobs.list(
            status=status,
            kind=kind,
            created_after=created_after,
            created_before=created_before,
            page_size=min(limit, 100),
        )
        print_listed(app, found, row=_row, limit=limit)


def _row(job: JobRecord) -> tuple[str, ...]:
    return job.id, job.status, f"{job.progress.done}/{job.progress.total}", _moment(job.created_at)


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if value else ""


@jobs.command()
@job_argument
@pass_app
def get(app: App, job_id: str) -> None:
    """Show one job."""
    with app.client() as client:
        print_job(app, client.jobs.get(job_id))


@jobs.command()
@job_argument
@timeout_option
@pass_app
def wait(app: App, job_id: str, timeout: float) -> None:
    """Wait until a job has succeeded or needs review."""
    app.resumed_by("jobs", "wait", job_id)
    with app.client() as client:
        job = client.jobs.get(job_id)
        job, failed = watch(job, timeout)
    print_job(app, job)
    judge(app, job, failed)


@jobs.command()
@job_argument
@pass_app
def cancel(app: App, job_id: str) -> None:
    """Stop a job; it is not billed."""
    with app.client() as client:
        print_job(app, client.jobs.cancel(job_id))


@jobs.command()
@job_argument
@pass_app
def approve(app: App, job_id: str) -> None:
    """Release a job that needs review, as it is; it is billed."""
    with app.client() as client:
        print_job(app, client.jobs.approve(job_id))


@jobs.command()
@job_argument
@directory_option
@lines_option
@click.option("--wait/--no-wait", default=False, help="Until the job is done.")
@timeout_option
@pass_app
def download(
    app: App, job_id: str, *, directory: Path, lines_to: Path | None, wait: bool, timeout: float
) -> None:
    """Download a job's files; goes on where an earlier download broke off."""
    with app.client() as client:
        if wait:
            job = client.jobs.get(job_id)
            finish(app, job, directory=directory, lines_to=lines_to, timeout=timeout)
            return
        app.resumed_by("jobs", "download", job_id, *places(directory, lines_to))
        job = client.jobs.get(job_id)
        fetch(app, job, directory=directory, lines=LineFiles(job, lines_to) if lines_to else None)


@jobs.command()
@job_argument
@pass_app
def delete(app: App, job_id: str) -> None:
    """Cancel a job if it runs, then delete it and its files."""
    with app.client() as client:
        client.jobs.delete(job_id)
    print_deleted(app, job_id)
