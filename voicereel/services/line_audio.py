"""One line's take as a WAV file of its own, while the rest of the job renders and as long as takes are kept.

A take is a run of samples in a file of takes: the header is made here, the samples are served from the
file. Which samples they are says the URL, so that a line that is spoken anew has another one.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from voicereel.domain.account import Principal
from voicereel.domain.delivery import safe_names
from voicereel.domain.errors import Gone, NotFound
from voicereel.domain.job import Artifact, Job, LineRecord, Take
from voicereel.domain.waves import Layout
from voicereel.ports import ArtifactStore, Clock, Event, UnitOfWork
from voicereel.services.artifacts import URL_LIFETIME_S, ArtifactService, Download, Signed
from voicereel.services.jobs import speech_job
from voicereel.services.views import moment

TAKES = "takes"
_TOLD_WITH = "line.finished"
_MEDIA_TYPE = "audio/wav"

Link = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """``samples`` of a file of takes from the one at index ``first``."""

    first: int
    samples: int

    @classmethod
    def read(cls, text: str) -> "Span":
        first, _, samples = text.partition("-")
        return cls(first=int(first), samples=int(samples))

    def __str__(self) -> str:
        return f"{self.first}-{self.samples}"


def audio_of(take: Take) -> dict[str, Any] | None:
    """Where a take is, as its event is stored: what is told of it has an URL, and is made when it is told."""
    if not take.length_samples:
        return None
    return {"file": take.artifact_id, "first": take.offset_samples, "samples": take.length_samples}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAudioService:
    """Links to the audio of single lines, and what they open."""

    work: UnitOfWork
    store: ArtifactStore
    files: ArtifactService
    now: Clock

    def of_line(self, job: Job, record: LineRecord) -> Link | None:
        """A fresh link to what was last spoken of a line; None where there is none (any more)."""
        where = audio_of(record.take) if record.take else None
        return self._link(job.artifacts, record.line.id, where)

    def told(self, job_id: str, events: Sequence[Event]) -> Iterator[Event]:
        """The events, those of lines with links that work from now on."""
        files: Sequence[Artifact] = ()
        if any(event.type == _TOLD_WITH and event.data.get("audio") for event in events):
            with self.work.reading() as tx:
                files = tx.artifacts.of_job(job_id, kind=TAKES)
        for event in events:
            yield self._told(event, files) if event.type == _TOLD_WITH else event

    def _told(self, event: Event, files: Sequence[Artifact]) -> Event:
        link = self._link(files, event.data["id"], event.data.get("audio"))
        return replace(event, data={**event.data, "audio": link})

    def _link(self, files: Iterable[Artifact], line_id: str, where: Mapping[str, Any] | None) -> Link | None:
        file = next((file for file in files if where and file.id == where["file"]), None)
        layout = Layout.of(file.facts) if file else None
        if where is None or file is None or layout is None:
            return None
        span = Span(first=where["first"], samples=where["samples"])
        expires = int(self.now().timestamp()) + URL_LIFETIME_S
        path = take_path(file.id, span, file_name(line_id))
        return {
            "url": self.files.url(file, expires=expires, path=path),
            "expires_at": moment(datetime.fromtimestamp(expires, UTC)),
            "duration_ms": round(span.samples * 1000 / layout.sample_rate),
            "bytes": _size(layout, span),
            "media_type": _MEDIA_TYPE,
        }

    def open_line(self, principal: Principal, job_id: str, line_id: str) -> Download:
        """What was last spoken of a line. `Gone` once it is not kept any more."""
        with self.work.reading() as tx:
            job = speech_job(tx, principal, job_id)
            record = tx.jobs.line(job_id, line_id, words=False)
        if record is None:
            raise NotFound("line")
        if record.take is None or not record.take.length_samples:
            detail = "There is no audio of this line: it is not spoken yet, or there was nothing to hear."
            raise NotFound("audio", code="no_audio", detail=detail)
        take = record.take
        file = next((file for file in job.artifacts if file.id == take.artifact_id), None)
        if file is None:
            detail = "The audio of single lines is not kept any more; the job's own files may be."
            raise Gone(detail, code="audio_gone")
        span = Span(first=take.offset_samples, samples=take.length_samples)
        return self._open(file, span, file_name(line_id))

    def open_signed(
        self, artifact_id: str, span: str, name: str, *, expires: int, key_id: str, signature: str
    ) -> Download:
        """Open a take by its presigned URL, which names the file and the samples."""
        path = take_path(artifact_id, Span.read(span), name)
        signed = Signed(path=path, expires=expires, key_id=key_id, signature=signature)
        return self._open(self.files.signed_for(artifact_id, signed), Span.read(span), name)

    def _open(self, file: Artifact, span: Span, name: str) -> Download:
        layout = Layout.of(file.facts)
        if layout is None:
            raise Gone("This audio was made before single lines could be had.", code="audio_gone")
        offset, length = layout.place(span.first, span.samples)
        stream = self.store.open_range(file.key, offset=offset, length=length)
        size, tag = _size(layout, span), f"{file.sha256}-{span}"  # tells it from the others in its file
        take = replace(file, name=name, media_type=_MEDIA_TYPE, size_bytes=size, sha256=tag)
        return Download(artifact=take, stream=io.BufferedReader(_Headed(layout.header(span.samples), stream)))


class _Headed(io.RawIOBase):
    """A header, and then the stream; closes it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer, as the base class says
        size = len(buffer)
        block, self._head = self._head[:size], self._head[size:]
        block = block or self._rest.read(size)
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._rest.close()
        super().close()


def _size(layout: Layout, span: Span) -> int:
    return len(layout.header(span.samples)) + layout.place(span.first, span.samples)[1]


def file_name(line_id: str) -> str:
    """As of its clip, but for ids that differ in case alone: each is a file of its own here."""
    return f"{safe_names((line_id,))[0]}.wav"


def take_path(artifact_id: str, span: Span, name: str) -> str:
    return f"/v1/artifacts/{artifact_id}/takes/{span}/{name}"
