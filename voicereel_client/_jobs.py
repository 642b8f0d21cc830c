"""The endpoints of jobs, as flows: submitted, followed, waited for, downloaded, edited."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from voicereel_client._download import Download, OnProgress
from voicereel_client._estimates import Estimate
from voicereel_client._events import follow
from voicereel_client._flow import Flow, Listing, Request, fetch, fetch_json, pages
from voicereel_client._lines import LineFlows
from voicereel_client._models import Clip, Event, JobRecord, Raw
from voicereel_client._requests import (
    PAGE_SIZE,
    WAIT_S,
    Cost,
    Moment,
    cost_text,
    id_of,
    moment,
    path_to,
    post,
    query_of,
)
from voicereel_client._retries import Timing
from voicereel_client._waiting import JobWatch, OnEvent

J = TypeVar("J", bound=JobRecord)


class JobFlows(LineFlows[J], Generic[J]):
    """``parse`` makes the driver's own kind of job of a JSON object."""

    def __init__(self, parse: Callable[[Raw], J], timing: Timing) -> None:
        self._parse = parse
        self._timing = timing

    def synthesize(
        self,
        script: Mapping[str, Any] | None = None,
        *,
        lines: Iterable[Mapping[str, Any]] | None = None,
        cast: Mapping[str, Any] | None = None,
        fallback: str | None = None,
        title: str | None = None,
        language: str | None = None,
        seed: int | None = None,
        output: Mapping[str, Any] | None = None,
        captions: Mapping[str, Any] | None = None,
        bed: Mapping[str, Any] | None = None,
        qa: Mapping[str, Any] | None = None,
        retention_hours: int | None = None,
        lexicons: Iterable[Mapping[str, Any]] | None = None,
        pronunciations: Iterable[Mapping[str, Any]] | None = None,
        metadata: Mapping[str, str] | None = None,
        quote_id: str | None = None,
        max_cost: Cost | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[J]:
        """Render a script, given whole or by its fields; a field given beside a script replaces its own.

        ``fallback`` is a role or a speaker id that speaks the lines whose own engine fails for good.
        ``quote_id``, an estimate's: no more than it says is billed. ``max_cost`` refuses what may cost more.
        """
        fields = {
            "title": title,
            "language": language,
            "seed": seed,
            "cast": cast,
            "fallback": fallback,
            "lines": lines,
            "output": output,
            "captions": captions,
            "bed": bed,
            "qa": qa,
            "retention_hours": retention_hours,
            "lexicons": None if lexicons is None else [*lexicons],
            "pronunciations": None if pronunciations is None else [*pronunciations],
            "metadata": metadata,
            "quote_id": quote_id,
            "max_cost": max_cost,
        }
        request = post("v1/synthesize", key=idempotency_key, body=_script(script, fields))
        return self._parse((yield from fetch_json(request)))

    def estimate(
        self,
        /,
        script: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **fields: Any,  # noqa: ANN401 - those of synthesize
    ) -> Flow[Estimate]:
        """What a job of this script would be, with a quote; nothing is rendered.

        Fields as for ``synthesize``. Raises UnprocessableError with every bad field, as ``synthesize`` would.
        """
        request = post("v1/estimates", key=idempotency_key, body=_script(script, fields))
        return Estimate.parse((yield from fetch_json(request)))

    def list(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Listing[J]:
        """Newest first, page after page as you go on."""
        moments = {"created_after": created_after, "created_before": created_before}
        query = query_of(status=status, kind=kind, limit=page_size)
        query |= {name: moment(at) for name, at in moments.items() if at is not None}
        return pages("v1/jobs", query, self._parse)

    def get(self, job_id: str) -> Flow[J]:
        return self._read(job_id)

    def cancel(self, job_id: str) -> Flow[J]:
        """Raises ConflictError (``job_finished``) where it is too late."""
        return self._parse((yield from fetch_json(post(path_to("jobs", job_id, "cancel")))))

    def approve(self, job: JobRecord | str) -> Flow[J]:
        """Release a job that waits in ``needs_review``, as it is; it is billed.

        Raises ConflictError (``not_in_review``).
        """
        return self._parse((yield from fetch_json(post(path_to("jobs", id_of(job), "approve")))))

    def delete(self, job_id: str) -> Flow[None]:
        """Cancel if it runs, then delete it and its files."""
        yield from fetch(Request("DELETE", path_to("jobs", job_id)))

    def clips(self, job_id: str, *, page_size: int = PAGE_SIZE) -> Listing[Clip]:
        """One file a line, in script order, each with a URL of its own; page after page as you go on."""
        return pages(path_to("jobs", job_id, "clips"), query_of(limit=page_size), Clip.parse)

    def events(self, job_id: str, last_event_id: int | None = None) -> Listing[Event]:
        """Each event after ``last_event_id``, over broken connections, up to ``job.finished``."""
        return follow(path_to("jobs", job_id), last_event_id=last_event_id, timing=self._timing)

    def wait(
        self, job: JobRecord | str, on_event: OnEvent | None = None, timeout: float | None = WAIT_S
    ) -> Flow[J]:
        """The job once it has succeeded or needs review, over restarts of the service.

        Raises JobFailedError (failed, canceled) and WaitTimeoutError. ``timeout`` is in seconds, or None.
        """
        job_id = id_of(job)
        watch = JobWatch(
            job_id,
            path_to("jobs", job_id),
            get=lambda: self._read(job_id, max_retries=0),
            on_event=on_event,
            timeout=timeout,
            timing=self._timing,
        )
        return watch.run()

    def download(
        self,
        job: JobRecord | str,
        directory: str | os.PathLike[str],
        on_progress: OnProgress | None = None,
    ) -> Flow[builtins.list[Path]]:
        """Write ``reel.<format>``, captions, cue sheets, ``stems/<role>.wav`` and ``clips/<line id>.wav``.

        Returns the paths. Names are made safe for any file system: which line has which is in
        ``clips.json``. Goes on where an earlier call broke off, checks each file's SHA-256, and asks for
        fresh URLs when they have expired. Raises DownloadError.
        """
        known = (yield from self._read(job)) if isinstance(job, str) else job
        task = Download(
            Path(directory),
            reread=lambda: self._read(known.id),
            on_progress=on_progress,
            timing=self._timing,
        )
        return (yield from task.run(known))

    def _read(self, job_id: str, *, max_retries: int | None = None) -> Flow[J]:
        request = Request("GET", path_to("jobs", job_id), max_retries=max_retries)
        return self._parse((yield from fetch_json(request)))


def _script(script: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A script's body: a field that is given replaces the script's own."""
    given = {name: value for name, value in fields.items() if value is not None}
    if "lines" in given:
        given["lines"] = [*given["lines"]]
    if "max_cost" in given:
        given["max_cost"] = cost_text(given["max_cost"])
    return {**(script or {}), **given}
