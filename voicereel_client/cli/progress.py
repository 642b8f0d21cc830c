"""Bars on stderr, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voicereel_client._download import DownloadProgress
from voicereel_client._models import Event, JobRecord, Stage

if TYPE_CHECKING:
    from rich.progress import Progress


class JobTracker:
    """What the events say about the lines done and the stage at work."""

    def __init__(self) -> None:
        self.done, self.total = 0, 0
        self.stage = "queued"
        self._lines: set[object] = set()

    def hear(self, event: Event) -> None:
        if event.type.startswith("job."):
            self.hear_job(JobRecord.parse(event.data))
        elif event.type == "stage.updated":
            self._hear_stages((Stage.parse(event.data),))
        elif event.type == "line.finished":
            self._lines.add(event.data.get("id"))
            self.done = max(self.done, min(len(self._lines), self.total))

    def hear_job(self, job: JobRecord) -> None:
        self.total = job.progress.total or self.total
        self.done = max(self.done, job.progress.done)
        self._hear_stages(job.stages)

    def _hear_stages(self, stages: tuple[Stage, ...]) -> None:
        running = (stage for stage in stages if stage.status == "running")
        self.stage = next((_shown(stage) for stage in running), self.stage)


def _shown(stage: Stage) -> str:
    """A stage's name; with its progress where the count of lines does not tell it."""
    return stage.name if stage.name == "synthesize" else f"{stage.name} {stage.progress:.0%}"


@contextmanager
def job_bar(job: JobRecord) -> Iterator[Callable[[Event], None] | None]:
    """Gives what ``on_event`` wants; None where nobody looks. ``job`` knows how many lines there are."""
    if not sys.stderr.isatty():
        yield None
        return
    tracker = JobTracker()
    tracker.hear_job(job)
    with _bars("{task.completed:.0f}/{task.total:.0f} lines") as bars:
        task = bars.add_task(tracker.stage, total=tracker.total or None)

        def show(event: Event) -> None:
            tracker.hear(event)
            bars.update(task, description=tracker.stage, completed=tracker.done, total=tracker.total or None)

        yield show


@contextmanager
def download_bars() -> Iterator[Callable[[DownloadProgress], None] | None]:
    """Gives what ``on_progress`` wants, a bar a file."""
    if not sys.stderr.isatty():
        yield None
        return
    with _bars("{task.percentage:.0f} %") as bars:
        tasks: dict[str, int] = {}

        def show(progress: DownloadProgress) -> None:
            task = tasks.setdefault(progress.name, len(tasks))
            if task not in bars.task_ids:
                bars.add_task(progress.name, total=progress.total)
            bars.update(bars.task_ids[task], completed=progress.done, total=progress.total)

        yield show


def _bars(figures: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(figures),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """A bar without an end."""
    if not sys.stderr.isatty():
        yield
        return
    with _bars("") as bars:
        bars.add_task(for_what, total=None)
        yield
