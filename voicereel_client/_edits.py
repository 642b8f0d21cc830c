"""A job's script as it stands, its edits, and the revisions rendered of it: models and endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from voicereel_client._estimates import AtMost, Expected
from voicereel_client._flow import Flow, Listing, Request, fetch, fetch_json, pages
from voicereel_client._models import Failure, JobRecord, JobWarning, LineAudio, Model, Outputs, Raw
from voicereel_client._requests import PAGE_SIZE, Cost, cost_text, id_of, path_to, post, query_of

J = TypeVar("J", bound=JobRecord)


class _Omitted:
    def __repr__(self) -> str:
        return "OMIT"


OMIT: Final[Any] = _Omitted()
"""Not said: it stays as it is. None is another thing: the role's value again, no slot."""


@dataclass(frozen=True, kw_only=True)
class LineWord(Model):
    text: str = ""
    start_ms: int = 0
    end_ms: int = 0
    source: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SpokenCheck(Model):
    """What was heard of a line's take. ``missing`` and ``repeated`` are numbers of words, from 1.

    ``recognizer`` and ``wer`` are None where nobody compared it with its text.
    """

    faults: tuple[str, ...] = ()
    recognizer: str | None = None
    words: int = 0
    wer: float | None = None
    missing: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    attempts: int = 0


@dataclass(frozen=True, kw_only=True)
class JobLine(Model):
    """A line of a job's script, edits included, and what was last made of it; times are of the reel."""

    id: str = ""
    speaker: str = ""
    text: str = ""
    language: str | None = None
    speed: float | None = None
    pitch_st: float | None = None
    gain_db: float | None = None
    style: str | None = None
    seed: int | None = None
    pause_after_ms: int = 0
    overlap_ms: int = 0
    slot: Mapping[str, Any] | None = None
    status: str = ""
    changed: bool = False
    start_ms: int | None = None
    end_ms: int | None = None
    spoken_by: str = ""
    warnings: tuple[JobWarning, ...] = ()
    error: Failure | None = None
    audio: LineAudio | None = None
    check: SpokenCheck | None = None
    words: tuple[LineWord, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Revision(Model):
    """One render of a job; number 0 is the script as it was sent."""

    number: int = 0
    status: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    billable_ms: int | None = None
    error: Failure | None = None
    outputs: Outputs | None = field(default=None)


@dataclass(frozen=True, kw_only=True)
class RevisionEstimate(Model):
    """What the next revision would speak, by the ids of lines, and what that would cost."""

    revision: int = 0
    currency: str = ""
    price_version: int = 0
    expected: Expected = field(default_factory=Expected)
    at_most: AtMost = field(default_factory=AtMost)
    spoken_lines: tuple[str, ...] = ()
    cached_lines: tuple[str, ...] = ()
    again_lines: tuple[str, ...] = ()
    kept_lines: int = 0


class EditFlows(Generic[J]):
    """The endpoints of jobs that edit their scripts, and render the edits."""

    _parse: Callable[[Raw], J]

    def lines(
        self, job: JobRecord | str, *, words: bool = False, page_size: int = PAGE_SIZE
    ) -> Listing[JobLine]:
        """The script as it stands, in order; with ``words`` each line's words and their times."""
        query = query_of(limit=page_size, words="true" if words else None)
        return pages(path_to("jobs", id_of(job), "lines"), query, JobLine.parse)

    def line(self, job: JobRecord | str, line_id: str, *, words: bool = False) -> Flow[JobLine]:
        request = Request("GET", _line(job, line_id), params=query_of(words="true" if words else None))
        return JobLine.parse((yield from fetch_json(request)))

    def update_line(
        self,
        job: JobRecord | str,
        line_id: str,
        *,
        text: str = OMIT,
        speaker: str = OMIT,
        language: str | None = OMIT,
        speed: float | None = OMIT,
        pitch_st: float | None = OMIT,
        gain_db: float | None = OMIT,
        style: str | None = OMIT,
        seed: int | None = OMIT,
        pause_after_ms: int = OMIT,
        overlap_ms: int = OMIT,
        slot: Mapping[str, Any] | None = OMIT,
        after: str = OMIT,
        before: str = OMIT,
    ) -> Flow[JobLine]:
        """Change a line, or move it ``after`` or ``before`` another. A control that is None is the role's.

        Nothing is rendered before ``revise``. Raises ConflictError (``job_not_finished``) while the job runs.
        """
        given = {
            "text": text,
            "speaker": speaker,
            "language": language,
            "speed": speed,
            "pitch_st": pitch_st,
            "gain_db": gain_db,
            "style": style,
            "seed": seed,
            "pause_after_ms": pause_after_ms,
            "overlap_ms": overlap_ms,
            "slot": slot,
            "after": after,
            "before": before,
        }
        body = {name: value for name, value in given.items() if value is not OMIT}
        return JobLine.parse((yield from fetch_json(Request("PATCH", _line(job, line_id), json=body))))

    def move_line(
        self, job: JobRecord | str, line_id: str, *, after: str = OMIT, before: str = OMIT
    ) -> Flow[JobLine]:
        return self.update_line(job, line_id, after=after, before=before)

    def insert_line(
        self,
        job: JobRecord | str,
        line: Mapping[str, Any],
        *,
        after: str | None = None,
        before: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[JobLine]:
        """Add a line, written as in a script, ``after`` or ``before`` another, else at the end."""
        place = query_of(after=after, before=before)
        request = post(path_to("jobs", id_of(job), "lines"), key=idempotency_key, body={**line, **place})
        return JobLine.parse((yield from fetch_json(request)))

    def delete_line(self, job: JobRecord | str, line_id: str) -> Flow[None]:
        """Raises ConflictError (``last_line``) where it is the only one."""
        yield from fetch(Request("DELETE", _line(job, line_id)))

    def estimate_revision(self, job: JobRecord | str) -> Flow[RevisionEstimate]:
        """What the next revision would speak and cost; nothing is rendered."""
        request = Request("GET", path_to("jobs", id_of(job), "estimate"))
        return RevisionEstimate.parse((yield from fetch_json(request)))

    def revise(
        self, job: JobRecord | str, *, max_cost: Cost | None = None, idempotency_key: str | None = None
    ) -> Flow[J]:
        """Render the edits: only what changed is spoken and billed. The job, queued again.

        ``max_cost`` refuses what may cost more, and no more is billed. Raises ConflictError
        (``nothing_changed``); then nothing is billed.
        """
        body = None if max_cost is None else {"max_cost": cost_text(max_cost)}
        request = post(path_to("jobs", id_of(job), "revisions"), key=idempotency_key, body=body)
        return self._parse((yield from fetch_json(request)))

    def revisions(self, job: JobRecord | str, *, page_size: int = PAGE_SIZE) -> Listing[Revision]:
        """Every render of the job, newest first, each with its files and certificate."""
        return pages(path_to("jobs", id_of(job), "revisions"), query_of(limit=page_size), Revision.parse)


def _line(job: JobRecord | str, line_id: str) -> str:
    if not line_id:
        raise ValueError("An id cannot be empty.")
    return path_to("jobs", id_of(job), "lines", line_id)
