"""Results on stdout: text for people, the service's own JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

import click

from voicereel_client._models import JobRecord, Model, Source, Speaker
from voicereel_client.cli.app import App
from voicereel_client.cli.failures import printable

M = TypeVar("M", bound=Model)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_listed(
    app: App, items: Iterable[M], *, row: Callable[[M], Sequence[str]], limit: int | None = None
) -> None:
    listed = list(islice(items, limit))
    if app.as_json:
        print_json({"data": [item.raw for item in listed]})
    else:
        print_rows([row(item) for item in listed])


def print_rows(rows: Sequence[Sequence[str]]) -> None:
    """In columns, cut nowhere."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(printable("  ".join(cells).rstrip()))


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    print_rows([(name, str(value)) for name, value in pairs if value not in (None, "", ())])


def print_deleted(app: App, identity: str) -> None:
    if app.as_json:
        print_json({"id": identity, "deleted": True})
    else:
        click.echo(f"deleted {identity}")


def print_speaker(app: App, speaker: Speaker) -> None:
    if app.as_json:
        return print_json(speaker.raw)
    reference = speaker.reference
    return print_pairs(
        [
            ("id", speaker.id),
            ("name", speaker.name),
            ("language", speaker.language),
            ("status", speaker.status),
            ("engine", speaker.engine),
            ("seconds", reference and reference.seconds),
            ("snr_db", reference and reference.snr_db),
            ("error", speaker.error and f"{speaker.error.code}: {speaker.error.detail}"),
        ]
    )


def print_source(app: App, source: Source) -> None:
    if app.as_json:
        return print_json(source.raw)
    names = ("id", "name", "format", "bytes", "sha256", "created_at")
    return print_pairs([(name, getattr(source, name)) for name in names])


def print_job(app: App, job: JobRecord) -> None:
    if app.as_json:
        return print_json(job.raw)
    stage = next((stage.name for stage in job.stages if stage.status == "running"), None)
    return print_pairs(
        [
            ("id", job.id),
            ("status", job.status),
            ("stage", stage),
            ("progress", f"{job.progress.done}/{job.progress.total} {job.progress.unit}"),
            ("created", job.created_at),
            ("finished", job.finished_at),
            ("billable_ms", job.billable_ms),
            ("error", job.error and f"{job.error.code}: {job.error.detail}"),
        ]
    )
