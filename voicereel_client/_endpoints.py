"""Every endpoint, once: each a flow (see ``_flow.py``) that returns models. Paths are below the base URL.

These are the methods that the clients offer, with their signatures; ``_resources.py`` binds them to a driver.
"""

from __future__ import annotations

import builtins
import json
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

from voicereel_client._download import Download, OnProgress
from voicereel_client._events import follow
from voicereel_client._flow import Flow, Listing, Part, Request, fetch, fetch_json, pages
from voicereel_client._models import Event, JobRecord, Queue, Raw, Speaker, Voice
from voicereel_client._retries import Timing
from voicereel_client._samples import Sample, sample_parts
from voicereel_client._usage import Usage, UsageReport
from voicereel_client._waiting import JobWatch, OnEvent, wait_for_speaker

J = TypeVar("J", bound=JobRecord)
Moment: TypeAlias = "datetime | str"
Day: TypeAlias = "date | str"

PAGE_SIZE = 100
WAIT_S = 600.0


def _path(collection: str, member: str, *rest: str) -> str:
    if not member:
        raise ValueError("An id cannot be empty.")
    return "/".join(("v1", collection, quote(member, safe=""), *rest))


def _post(path: str, *, key: str | None = None, body: object = None, parts: Iterable[Part] = ()) -> Request:
    """Every POST carries a key, so that a retry cannot do the work twice."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return Request("POST", path, headers=headers, json=body, parts=tuple(parts))


def _moment(value: Moment) -> str:
    """A datetime without a zone is local time."""
    if isinstance(value, str):
        return value
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _query(**given: object) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None}


class SpeakerFlows:
    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    def create(
        self,
        *,
        name: str,
        language: str,
        samples: Sample | Iterable[Sample],
        consent: Mapping[str, Any],
        transcript: str | None = None,
        wait: bool = False,
        timeout: float | None = WAIT_S,
        idempotency_key: str | None = None,
    ) -> Flow[Speaker]:
        """Enroll a speaker from paths or open binary files. ``timeout`` is for ``wait``."""
        fields = {"name": name, "language": language, "transcript": transcript}
        parts = [Part(field, value) for field, value in fields.items() if value is not None]
        parts.append(Part("consent", json.dumps(consent, default=_moment), content_type="application/json"))
        parts += sample_parts(samples)
        request = _post("v1/speakers", key=idempotency_key, parts=parts)
        speaker = Speaker.parse((yield from fetch_json(request)))
        return (yield from self.wait(speaker.id, timeout=timeout)) if wait else speaker

    def list(self, *, status: str | None = None, page_size: int = PAGE_SIZE) -> Listing[Speaker]:
        """Newest first, page after page as you go on."""
        return pages("v1/speakers", _query(status=status, limit=page_size), Speaker.parse)

    def get(self, speaker_id: str) -> Flow[Speaker]:
        return self._read(speaker_id)

    def update(self, speaker_id: str, *, name: str) -> Flow[Speaker]:
        request = Request("PATCH", _path("speakers", speaker_id), json={"name": name})
        return Speaker.parse((yield from fetch_json(request)))

    def delete(self, speaker_id: str) -> Flow[None]:
        """The recordings and all derived from them are deleted; jobs already accepted go on."""
        yield from fetch(Request("DELETE", _path("speakers", speaker_id)))

    def wait(self, speaker_id: str, *, timeout: float | None = WAIT_S) -> Flow[Speaker]:
        """The speaker once ready. Raises SpeakerRejectedError, WaitTimeoutError."""
        return wait_for_speaker(
            speaker_id,
            lambda: self._read(speaker_id, max_retries=0),
            timeout=timeout,
            timing=self._timing,
        )

    def _read(self, speaker_id: str, *, max_retries: int | None = None) -> Flow[Speaker]:
        request = Request("GET", _path("speakers", speaker_id), max_retries=max_retries)
        return Speaker.parse((yield from fetch_json(request)))


class VoiceFlows:
    def list(self, *, language: str | None = None, page_size: int = PAGE_SIZE) -> Listing[Voice]:
        return pages("v1/voices", _query(language=language, limit=page_size), Voice.parse)


class QueueFlows:
    def get(self) -> Flow[Queue]:
        return Queue.parse((yield from fetch_json(Request("GET", "v1/queue"))))


class UsageFlows:
    def get(
        self, *, from_: Day | None = None, to: Day | None = None, group_by: str | None = None
    ) -> Flow[Usage]:
        """Totals of the ledger from one day up to another that is not counted any more.

        ``group_by`` is ``day``, ``key``, ``speaker``, ``engine`` or ``project``.
        """
        query = _query(**{"from": from_, "to": to, "group_by": group_by})
        return Usage.parse((yield from fetch_json(Request("GET", "v1/usage", params=query))))

    def report(self, month: str) -> Flow[UsageReport]:
        """Every entry of a month, written ``2026-10``; once it is closed, its entries stay as they are."""
        return UsageReport.parse((yield from fetch_json(_report(month, "json"))))

    def report_csv(self, month: str) -> Flow[str]:
        """The report as the service's CSV, one row an item."""
        response = yield from fetch(_report(month, "csv"))
        return response.content.decode()


def _report(month: str, format_: str) -> Request:
    return Request("GET", _path("usage", "reports", month), params={"format": format_})


class JobFlows(Generic[J]):
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
        retention_hours: int | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[J]:
        """Render a script, given whole or by its fields; a field given beside a script replaces its own.

        ``fallback`` is a role or a speaker id that speaks the lines whose own engine fails for good.
        """
        fields = {
            "title": title,
            "language": language,
            "seed": seed,
            "cast": cast,
            "fallback": fallback,
            "lines": None if lines is None else [*lines],
            "output": output,
            "captions": captions,
            "retention_hours": retention_hours,
            "metadata": metadata,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        request = _post("v1/synthesize", key=idempotency_key, body={**(script or {}), **given})
        return self._parse((yield from fetch_json(request)))

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
        query = _query(status=status, kind=kind, limit=page_size)
        query |= {name: _moment(moment) for name, moment in moments.items() if moment is not None}
        return pages("v1/jobs", query, self._parse)

    def get(self, job_id: str) -> Flow[J]:
        return self._read(job_id)

    def cancel(self, job_id: str) -> Flow[J]:
        """Raises ConflictError (``job_finished``) where it is too late."""
        return self._parse((yield from fetch_json(_post(_path("jobs", job_id, "cancel")))))

    def approve(self, job: JobRecord | str) -> Flow[J]:
        """Release a job that waits in ``needs_review``, as it is; it is billed.

        Raises ConflictError (``not_in_review``).
        """
        return self._parse((yield from fetch_json(_post(_path("jobs", _id(job), "approve")))))

    def delete(self, job_id: str) -> Flow[None]:
        """Cancel if it runs, then delete it and its files."""
        yield from fetch(Request("DELETE", _path("jobs", job_id)))

    def events(self, job_id: str, last_event_id: int | None = None) -> Listing[Event]:
        """Each event after ``last_event_id``, over broken connections, up to ``job.finished``."""
        return follow(_path("jobs", job_id), last_event_id=last_event_id, timing=self._timing)

    def wait(
        self, job: JobRecord | str, on_event: OnEvent | None = None, timeout: float | None = WAIT_S
    ) -> Flow[J]:
        """The job once it has succeeded or needs review, over restarts of the service.

        Raises JobFailedError (failed, canceled) and WaitTimeoutError. ``timeout`` is in seconds, or None.
        """
        job_id = _id(job)
        watch = JobWatch(
            job_id,
            _path("jobs", job_id),
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
        """Write ``reel.<format>``, ``reel.vtt``, ``reel.srt`` and ``reel.json``; returns their paths.

        Goes on where an earlier call broke off, checks each file's SHA-256, and asks for fresh URLs when
        they have expired. Raises DownloadError.
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
        request = Request("GET", _path("jobs", job_id), max_retries=max_retries)
        return self._parse((yield from fetch_json(request)))


def _id(job: JobRecord | str) -> str:
    return job if isinstance(job, str) else job.id
