"""The nouns of the client, for blocking code: each method hands its endpoint's flow to the driver."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from voicereel_client._download import OnProgress
from voicereel_client._driver import RawDriver, Runner
from voicereel_client._endpoints import JobFlows, Moment, Sample, SpeakerFlows, get_queue, list_voices
from voicereel_client._models import Event, JobRecord, Queue, Raw, Speaker, Voice
from voicereel_client._waiting import OnEvent

PAGE_SIZE = 100
WAIT_S = 600.0


class Resource:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner


class Speakers(Resource):
    def __init__(self, runner: Runner) -> None:
        super().__init__(runner)
        self._flows = SpeakerFlows(runner.timing)

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
    ) -> Speaker:
        """Enroll a speaker from paths or open binary files. ``timeout`` is for ``wait``."""
        creation = self._flows.create(
            name=name,
            language=language,
            samples=samples,
            consent=consent,
            transcript=transcript,
            idempotency_key=idempotency_key,
        )
        if not wait:
            return self._runner.run(creation)
        return self._runner.run(self._flows.finished(creation, timeout=timeout))

    def list(self, *, status: str | None = None, page_size: int = PAGE_SIZE) -> Iterator[Speaker]:
        return self._runner.iterate(self._flows.list(status=status, page_size=page_size))

    def get(self, speaker_id: str) -> Speaker:
        return self._runner.run(self._flows.get(speaker_id))

    def update(self, speaker_id: str, *, name: str) -> Speaker:
        return self._runner.run(self._flows.update(speaker_id, name=name))

    def delete(self, speaker_id: str) -> None:
        """The recordings and all derived from them are deleted; jobs already accepted go on."""
        return self._runner.run(self._flows.delete(speaker_id))

    def wait(self, speaker_id: str, *, timeout: float | None = WAIT_S) -> Speaker:
        """The speaker once ready. Raises SpeakerRejectedError, WaitTimeoutError."""
        return self._runner.run(self._flows.wait(speaker_id, timeout=timeout))


class Voices(Resource):
    def list(self, *, language: str | None = None, page_size: int = PAGE_SIZE) -> Iterator[Voice]:
        return self._runner.iterate(list_voices(language=language, page_size=page_size))


class QueueResource(Resource):
    def get(self) -> Queue:
        return self._runner.run(get_queue())


@dataclass(frozen=True, kw_only=True)
class Job(JobRecord):
    """A job as last read, that can be waited for and downloaded."""

    _jobs: Any = field(default=None, repr=False, compare=False)

    def wait(self, on_event: OnEvent | None = None, timeout: float | None = WAIT_S) -> Job:
        """See ``Jobs.wait``."""
        job: Job = self._jobs.wait(self.id, on_event=on_event, timeout=timeout)
        return job

    def download(
        self, directory: str | os.PathLike[str], on_progress: OnProgress | None = None
    ) -> list[Path]:
        """See ``Jobs.download``."""
        files: list[Path] = self._jobs.download(self, directory, on_progress=on_progress)
        return files


class Jobs(Resource):
    def __init__(self, runner: Runner) -> None:
        super().__init__(runner)
        self._flows = JobFlows(self._parse, runner.timing)
        self._plain = Jobs(runner.driver) if isinstance(runner, RawDriver) else self

    def _parse(self, raw: Raw) -> Job:
        return replace(Job.parse(raw), _jobs=self._plain)

    def synthesize(self, script: Mapping[str, Any], *, idempotency_key: str | None = None) -> Job:
        return self._runner.run(self._flows.synthesize(script, idempotency_key=idempotency_key))

    def list(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Job]:
        """Newest first, page after page as you go on."""
        flow = self._flows.list(
            status=status,
            kind=kind,
            created_after=created_after,
            created_before=created_before,
            page_size=page_size,
        )
        return self._runner.iterate(flow)

    def get(self, job_id: str) -> Job:
        return self._runner.run(self._flows.get(job_id))

    def cancel(self, job_id: str) -> Job:
        """Raises ConflictError (``job_finished``) where it is too late."""
        return self._runner.run(self._flows.cancel(job_id))

    def delete(self, job_id: str) -> None:
        """Cancel if it runs, then delete it and its files."""
        return self._runner.run(self._flows.delete(job_id))

    def events(self, job_id: str, last_event_id: int | None = None) -> Iterator[Event]:
        """Each event after ``last_event_id``, over broken connections, up to ``job.finished``."""
        return self._runner.iterate(self._flows.events(job_id, last_event_id=last_event_id))

    def wait(self, job_id: str, *, on_event: OnEvent | None = None, timeout: float | None = WAIT_S) -> Job:
        """The job once it has succeeded or needs review.

        Raises JobFailedError (failed, canceled) and WaitTimeoutError. ``timeout`` is in seconds, or None.
        """
        return self._runner.run(self._flows.wait(job_id, on_event=on_event, timeout=timeout))

    def download(
        self,
        job: JobRecord | str,
        directory: str | os.PathLike[str],
        *,
        on_progress: OnProgress | None = None,
    ) -> builtins.list[Path]:
        """Write ``reel.<format>``, ``reel.vtt``, ``reel.srt`` and ``reel.json``; returns their paths.

        Goes on where an earlier call broke off, checks each file's SHA-256, and asks for fresh URLs when
        they have expired. Raises DownloadError.
        """
        return self._runner.run(self._flows.download(job, directory, on_progress=on_progress))
