"""A customer's request, the record of each of its stages, and which state may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from voicereel.domain.reel import Word
from voicereel.domain.script import CaptionRequest, Controls, Line, Output, Segment, Warn
from voicereel.domain.speakers import Voice, match_language

JobKind = Literal["speech", "enroll"]
JobStatus = Literal["queued", "running", "needs_review", "succeeded", "failed", "canceled"]
StageStatus = Literal["blocked", "queued", "running", "succeeded", "failed", "canceled"]
LineStatus = Literal["queued", "succeeded", "failed"]

FINISHED: frozenset[JobStatus] = frozenset({"needs_review", "succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An immutable stored file. ``facts`` are measured figures (duration, loudness, …)."""

    id: str
    tenant_id: str
    job_id: str
    kind: str
    name: str
    key: str
    media_type: str
    size_bytes: int
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One rendering of one line, trimmed: ``length_samples`` from ``offset_samples`` of a file.

    ``words`` are in milliseconds from the take's first sample. A take of zero length is a line
    with nothing to speak, or one that failed: ``error`` says so, and ``retryable``, which is not
    kept, whether another try may help.
    """

    line_id: str
    fingerprint: str
    artifact_id: str
    offset_samples: int
    length_samples: int
    sample_rate: int
    duration_ms: int
    words: tuple[Word, ...] = ()
    warnings: tuple[Warn, ...] = ()
    error: Mapping[str, Any] | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """A line as the stages see it: what to speak, by which voice, and what was made of it.

    ``controls`` have every gap filled. ``take`` comes with synthesize, ``segment`` with fit.
    """

    ordinal: int
    line: Line
    controls: Controls
    voice: Voice
    status: LineStatus = "queued"
    warnings: tuple[Warn, ...] = ()
    error: Mapping[str, Any] | None = None
    take: Take | None = None
    segment: Segment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Who speaks a line whose own engine fails for good, and what its engine can."""

    voice: Voice
    pool: str
    languages: tuple[str, ...]

    def can_speak(self, record: LineRecord) -> bool:
        """Whether it may help this line: another voice than the line's own, in its language."""
        wanted = record.controls.language or ""
        is_other = record.voice.speaker_id != self.voice.speaker_id
        return is_other and match_language(wanted, self.languages) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """A stage as a customer sees it: its shards summed up."""

    name: str
    status: str
    attempt: int
    progress: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A customer's request and where it stands."""

    id: str
    tenant_id: str
    kind: JobKind
    status: JobStatus
    created_at: datetime
    title: str = ""
    language: str = "en"
    output: Output = field(default_factory=Output)
    captions: CaptionRequest = field(default_factory=CaptionRequest)
    retention_hours: int = 168
    speaker_id: str | None = None
    key_id: str | None = None
    request_id: str = ""
    trace: str = ""
    fallback: Fallback | None = None
    stale: bool = False
    revision: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lines_done: int = 0
    lines_total: int = 0
    warnings: tuple[Warn, ...] = ()
    error: Mapping[str, Any] | None = None
    billable_ms: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    stages: tuple[StageView, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One shard of one stage, as it is first written. ``payload`` says which part it does."""

    stage: str
    shard: int
    ordinal: int
    pool: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A stage run this worker owns until its lease ends. ``fence`` proves it at every write."""

    stage_run_id: int
    fence: int
    attempt: int
    job_id: str
    tenant_id: str
    stage: str
    shard: int
    pool: str = "cpu"
    payload: Mapping[str, Any] = field(default_factory=dict)
    is_last_attempt: bool = False
    request_id: str = ""
    trace: str = ""
    waited_ms: int = 0

    @property
    def key_prefix(self) -> str:
        """Where this attempt's files go: no two attempts share a name."""
        return f"{self.tenant_id}/{self.job_id}/{self.stage_run_id}/{self.fence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one stage run made: written in one commit, if its fence still holds."""

    artifacts: tuple[Artifact, ...] = ()
    takes: tuple[Take, ...] = ()
    segments: Mapping[str, Segment] = field(default_factory=dict)
    warnings: tuple[Warn, ...] = ()
    profile: Mapping[str, Any] | None = None
    reference: Mapping[str, Any] | None = None
