"""Every endpoint, once: each a flow (see ``_flow.py``) that returns models. Paths are below the base URL."""

from __future__ import annotations

import builtins
import io
import json
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar, cast
from urllib.parse import quote

from voicereel_client._download import Download, OnProgress
from voicereel_client._events import follow
from voicereel_client._flow import Flow, Opener, Part, Request, fetch, fetch_json, pages
from voicereel_client._models import JobRecord, Queue, Raw, Speaker, Voice
from voicereel_client._retries import Timing
from voicereel_client._waiting import OnEvent, wait_for_job, wait_for_speaker

J = TypeVar("J", bound=JobRecord)
Sample: TypeAlias = "str | os.PathLike[str] | BinaryIO"
Moment: TypeAlias = "datetime | str"

PATIENT_RETRIES = 5
"""While waiting, a service that restarts is given a quarter of a minute."""
_AUDIO_TYPES = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
}


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
        transcript: str | None,
        idempotency_key: str | None,
    ) -> Flow[Speaker]:
        fields = {"name": name, "language": language, "transcript": transcript}
        parts = [Part(field, value) for field, value in fields.items() if value is not None]
        parts.append(Part("consent", json.dumps(consent, default=_moment), content_type="application/json"))
        parts += [_sample(sample, number) for number, sample in enumerate(_each(samples), 1)]
        return Speaker.parse((yield from fetch_json(_post("v1/speakers", key=idempotency_key, parts=parts))))

    def list(self, *, status: str | None, page_size: int) -> Flow[None]:
        return pages("v1/speakers", _query(status=status, limit=page_size), Speaker.parse)

    def get(self, speaker_id: str) -> Flow[Speaker]:
        return Speaker.parse((yield from fetch_json(Request("GET", _path("speakers", speaker_id)))))

    def update(self, speaker_id: str, *, name: str) -> Flow[Speaker]:
        request = Request("PATCH", _path("speakers", speaker_id), json={"name": name})
        return Speaker.parse((yield from fetch_json(request)))

    def delete(self, speaker_id: str) -> Flow[None]:
        yield from fetch(Request("DELETE", _path("speakers", speaker_id)))

    def finished(self, creation: Flow[Speaker], *, timeout: float | None) -> Flow[Speaker]:
        speaker = yield from creation
        return (yield from self.wait(speaker.id, timeout=timeout))

    def wait(self, speaker_id: str, *, timeout: float | None) -> Flow[Speaker]:
        return wait_for_speaker(lambda: self.get(speaker_id), timeout=timeout, timing=self._timing)


def _each(samples: Sample | Iterable[Sample]) -> Iterable[Sample]:
    """A single one is meant as such, although a path has letters and a file has lines."""
    if isinstance(samples, (str, os.PathLike)):
        return [samples]
    return [cast(BinaryIO, samples)] if hasattr(samples, "read") else samples


def _sample(sample: Sample, number: int) -> Part:
    if isinstance(sample, (str, os.PathLike)):
        path = Path(sample)
        return _audio(path.name, lambda: path.open("rb"))
    name = Path(str(getattr(sample, "name", f"sample-{number}"))).name
    return _audio(name, _reopened(sample))


def _audio(name: str, opener: Opener) -> Part:
    content_type = _AUDIO_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
    return Part("samples", opener, filename=name, content_type=content_type)


def _reopened(stream: BinaryIO) -> Opener:
    """Always from its beginning, wherever it stands, and never closed; a pipe is held in memory."""
    if not stream.seekable():
        content = stream.read()
        return lambda: io.BytesIO(content)

    def wound_back() -> AbstractContextManager[BinaryIO]:
        stream.seek(0)
        return nullcontext(stream)

    return wound_back


def list_voices(*, language: str | None, page_size: int) -> Flow[None]:
    return pages("v1/voices", _query(language=language, limit=page_size), Voice.parse)


def get_queue() -> Flow[Queue]:
    return Queue.parse((yield from fetch_json(Request("GET", "v1/queue"))))


class JobFlows(Generic[J]):
    """``parse`` makes the driver's own kind of job of a JSON object."""

    def __init__(self, parse: Callable[[Raw], J], timing: Timing) -> None:
        self._parse = parse
        self._timing = timing

    def synthesize(self, script: Mapping[str, Any], *, idempotency_key: str | None) -> Flow[J]:
        request = _post("v1/synthesize", key=idempotency_key, body=script)
        return self._parse((yield from fetch_json(request)))

    def list(
        self,
        *,
        status: str | None,
        kind: str | None,
        created_after: Moment | None,
        created_before: Moment | None,
        page_size: int,
    ) -> Flow[None]:
        moments = {"created_after": created_after, "created_before": created_before}
        query = _query(status=status, kind=kind, limit=page_size)
        query |= {name: _moment(moment) for name, moment in moments.items() if moment is not None}
        return pages("v1/jobs", query, self._parse)

    def get(self, job_id: str, *, max_retries: int | None = None) -> Flow[J]:
        request = Request("GET", _path("jobs", job_id), max_retries=max_retries)
        return self._parse((yield from fetch_json(request)))

    def cancel(self, job_id: str) -> Flow[J]:
        return self._parse((yield from fetch_json(_post(_path("jobs", job_id, "cancel")))))

    def delete(self, job_id: str) -> Flow[None]:
        yield from fetch(Request("DELETE", _path("jobs", job_id)))

    def events(self, job_id: str, *, last_event_id: int | None) -> Flow[None]:
        return follow(_path("jobs", job_id), last_event_id=last_event_id, timing=self._timing)

    def wait(self, job_id: str, *, on_event: OnEvent | None, timeout: float | None) -> Flow[J]:
        return wait_for_job(
            _path("jobs", job_id),
            get=lambda: self.get(job_id, max_retries=PATIENT_RETRIES),
            on_event=on_event,
            timeout=timeout,
            timing=self._timing,
        )

    def download(
        self, job: JobRecord | str, directory: str | os.PathLike[str], *, on_progress: OnProgress | None
    ) -> Flow[builtins.list[Path]]:
        job_id = job if isinstance(job, str) else job.id
        known = (yield from self.get(job_id)) if isinstance(job, str) else job
        task = Download(
            Path(directory),
            reread=lambda: self.get(job_id),
            on_progress=on_progress,
            timing=self._timing,
        )
        return (yield from task.run(known))
