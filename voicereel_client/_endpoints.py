"""Every endpoint but those of jobs, once: each a flow (see ``_flow.py``) that returns models.

These are the methods that the clients offer, with their signatures; ``_resources.py`` binds them to a driver.
Paths are below the base URL.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeAlias

from voicereel_client._flow import Flow, Listing, Part, Request, fetch, fetch_json, pages
from voicereel_client._models import Lexicon, Queue, Source, Speaker, Voice
from voicereel_client._requests import PAGE_SIZE, WAIT_S, moment, path_to, post, query_of
from voicereel_client._retries import Timing
from voicereel_client._samples import Sample, sample_parts
from voicereel_client._usage import Usage, UsageReport
from voicereel_client._waiting import wait_for_speaker

Day: TypeAlias = "date | str"


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
        parts.append(Part("consent", json.dumps(consent, default=moment), content_type="application/json"))
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
