"""Every endpoint, once: each a flow (see ``_flow.py``) that returns models. Paths are below the base URL.

These are the methods that the clients offer, with their signatures; ``_resources.py`` binds them to a driver.
"""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from voicereel_client._download import Download, OnProgress
from voicereel_client._edits import EditFlows
from voicereel_client._estimates import Estimate
from voicereel_client._events import follow
from voicereel_client._flow import Flow, Listing, Part, Request, fetch, fetch_json, pages
from voicereel_client._models import Clip, Event, JobRecord, Lexicon, Queue, Raw, Source, Speaker, Voice
from voicereel_client._requests import PAGE_SIZE, id_of, path_to, post, query_of
from voicereel_client._retries import Timing
from voicereel_client._samples import Sample, sample_parts
from voicereel_client._usage import Usage, UsageReport
from voicereel_client._waiting import JobWatch, OnEvent, wait_for_speaker

J = TypeVar("J", bound=JobRecord)
Moment: TypeAlias = "datetime | str"
Cost: TypeAlias = "Decimal | str | int"
Day: TypeAlias = "date | str"

WAIT_S = 600.0


def _moment(value: Moment) -> str:
    """A datetime without a zone is local time."""
    if isinstance(value, str):
        return value
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
        request = post("v1/speakers", key=idempotency_key, parts=parts)
        speaker = Speaker.parse((yield from fetch_json(request)))
        return (yield from self.wait(speaker.id, timeout=timeout)) if wait else speaker

    def list(self, *, status: str | None = None, page_size: int = PAGE_SIZE) -> Listing[Speaker]:
        """Newest first, page after page as you go on."""
        return pages("v1/speakers", query_of(status=status, limit=page_size), Speaker.parse)

    def get(self, speaker_id: str) -> Flow[Speaker]:
        return self._read(speaker_id)

    def update(self, speaker_id: str, *, name: str) -> Flow[Speaker]:
        request = Request("PATCH", path_to("speakers", speaker_id), json={"name": name})
        return Speaker.parse((yield from fetch_json(request)))

    def delete(self, speaker_id: str) -> Flow[None]:
        """The recordings and all derived from them are deleted; jobs already accepted go on."""
        yield from fetch(Request("DELETE", path_to("speakers", speaker_id)))

    def wait(self, speaker_id: str, *, timeout: float | None = WAIT_S) -> Flow[Speaker]:
        """The speaker once ready. Raises SpeakerRejectedError, WaitTimeoutError."""
        return wait_for_speaker(
            speaker_id,
            lambda: self._read(speaker_id, max_retries=0),
            timeout=timeout,
            timing=self._timing,
        )

    def _read(self, speaker_id: str, *, max_retries: int | None = None) -> Flow[Speaker]:
        request = Request("GET", path_to("speakers", speaker_id), max_retries=max_retries)
        return Speaker.parse((yield from fetch_json(request)))


class SourceFlows:
    def create(self, *, name: str, file: Sample, idempotency_key: str | None = None) -> Flow[Source]:
        """Upload one audio file, from a path or an open binary file; it is kept until you delete it."""
        parts = [Part("name", name), *sample_parts(file, field="file")]
        request = post("v1/sources", key=idempotency_key, parts=parts)
        return Source.parse((yield from fetch_json(request)))

    def list(self, *, page_size: int = PAGE_SIZE) -> Listing[Source]:
        """Newest first, page after page as you go on."""
        return pages("v1/sources", query_of(limit=page_size), Source.parse)

    def get(self, source_id: str) -> Flow[Source]:
        return Source.parse((yield from fetch_json(Request("GET", path_to("sources", source_id)))))

    def delete(self, source_id: str) -> Flow[None]:
        """Its file is deleted; a job that names it and has not been mixed yet fails."""
        yield from fetch(Request("DELETE", path_to("sources", source_id)))


class VoiceFlows:
    def list(self, *, language: str | None = None, page_size: int = PAGE_SIZE) -> Listing[Voice]:
        return pages("v1/voices", query_of(language=language, limit=page_size), Voice.parse)


class LexiconFlows:
    def create(
        self,
        *,
        name: str,
        entries: Iterable[Mapping[str, Any]],
        default: bool = False,
        idempotency_key: str | None = None,
    ) -> Flow[Lexicon]:
        """Entries are ``{"grapheme": …, "alias": …, "ipa": …}``; ``default``: for every script."""
        body = _lexicon(name, entries, default=default)
        return Lexicon.parse((yield from fetch_json(post("v1/lexicons", key=idempotency_key, body=body))))

    def list(self, *, page_size: int = PAGE_SIZE) -> Listing[Lexicon]:
        """Newest first, without their entries."""
        return pages("v1/lexicons", query_of(limit=page_size), Lexicon.parse)

    def get(self, lexicon_id: str, *, version: int | None = None) -> Flow[Lexicon]:
        request = Request("GET", path_to("lexicons", lexicon_id), params=query_of(version=version))
        return Lexicon.parse((yield from fetch_json(request)))

    def replace(
        self,
        lexicon_id: str,
        *,
        name: str,
        entries: Iterable[Mapping[str, Any]],
        default: bool = False,
    ) -> Flow[Lexicon]:
        """Other entries are a new version; the same ones are not."""
        body = _lexicon(name, entries, default=default)
        return Lexicon.parse(
            (yield from fetch_json(Request("PUT", path_to("lexicons", lexicon_id), json=body)))
        )

    def delete(self, lexicon_id: str) -> Flow[None]:
        """New scripts cannot name it; jobs accepted with it go on as they were."""
        yield from fetch(Request("DELETE", path_to("lexicons", lexicon_id)))


def _lexicon(name: str, entries: Iterable[Mapping[str, Any]], *, default: bool) -> dict[str, Any]:
    return {"name": name, "default": default, "entries": [dict(entry) for entry in entries]}


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
        query = query_of(**{"from": from_, "to": to, "group_by": group_by})
        return Usage.parse((yield from fetch_json(Request("GET", "v1/usage", params=query))))

    def report(self, month: str) -> Flow[UsageReport]:
        """Every entry of a month, written ``2026-10``; once it is closed, its entries stay as they are."""
        return UsageReport.parse((yield from fetch_json(_report(month, "json"))))

    def report_csv(self, month: str) -> Flow[str]:
        """The report as the service's CSV, one row an item."""
        response = yield from fetch(_report(month, "csv"))
        return response.content.decode()


def _report(month: str, format_: str) -> Request:
    return Request("GET", path_to("usage", "reports", month), params={"format": format_})


class JobFlows(EditFlows[J], Generic[J]):
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
        query |= {name: _moment(moment) for name, moment in moments.items() if moment is not None}
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
    if not isinstance(given.get("max_cost", ""), str):
        given["max_cost"] = f"{given['max_cost']:f}"
    return {**(script or {}), **given}
