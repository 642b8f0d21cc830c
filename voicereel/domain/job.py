"""A customer's request, the record of each of its stages, and which state may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from voicereel.domain.checks import SpokenCheck
from voicereel.domain.lexicons import Entry, LexiconRef, Reading
from voicereel.domain.pace import Heard
from voicereel.domain.quotes import Cap
from voicereel.domain.reel import Word
from voicereel.domain.script import Bed, CaptionRequest, Controls, Line, Output, Qa, Role, Segment, Warn
from voicereel.domain.speakers import Voice, match_language

JobKind = Literal["speech", "enroll"]
JobStatus = Literal["queued", "running", "needs_review", "succeeded", "failed", "canceled"]
StageStatus = Literal["blocked", "queued", "running", "succeeded", "failed", "canceled"]
LineStatus = Literal["queued", "succeeded", "failed"]
# How a take came about: spoken for what was asked, copied from one that was paid for, or spoken once more
# because its file is no longer kept. Only the first is billed.
TakeSource = Literal["rendered", "cached", "again"]

FINISHED: frozenset[JobStatus] = frozenset({"needs_review", "succeeded", "failed", "canceled"})
# Ends with something to hear.
HEARD: frozenset[JobStatus] = frozenset({"needs_review", "succeeded"})


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
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One rendering of one line, trimmed: ``length_samples`` from ``offset_samples`` of a file.

    ``words`` are in milliseconds from the take's first sample. A take of zero length is a line
    with nothing to speak, or one that failed: ``error`` says so, and ``retryable``, which is not
    kept, whether another try may help. ``check`` is what was heard of it; None where nobody listened.
    ``sha256`` is of its samples, as float32, little endian;
    ``copied_from``, which is not kept, the file that a cached one was copied from. ``check`` is what was
    heard of it; None where nobody listened.
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
    revision: int = 0
    source: TakeSource = "rendered"
    engine_version: str = ""
    sha256: str = ""
    copied_from: str = ""
    check: SpokenCheck | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenAs:
    """Who speaks a line, and how: what casting decides."""

    voice: Voice
    controls: Controls
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """A line as the stages see it: what to speak, by which voice, and what was made of it.

    ``controls`` have every gap filled. ``readings`` are the words of `spoken_text` of the line that are
    said otherwise than written. ``take`` comes with synthesize, ``segment`` with fit.
    ``rendered_sha256`` is of the line as it was last rendered (`drafts.content_sha256`), and
    ``rendered_as`` who spoke it then, where it was edited since.
    """

    ordinal: int
    line: Line
    controls: Controls
    voice: Voice
    readings: tuple[Reading, ...] = ()
    status: LineStatus = "queued"
    warnings: tuple[Warn, ...] = ()
    error: Mapping[str, Any] | None = None
    take: Take | None = None
    segment: Segment | None = None
    rendered_sha256: str | None = None
    rendered_as: SpokenAs | None = None

    @property
    def spoken_as(self) -> SpokenAs:
        return SpokenAs(voice=self.voice, controls=self.controls, readings=self.readings)

    def spoken(self, how: SpokenAs) -> "LineRecord":
        """The line, spoken so."""
        return replace(self, voice=how.voice, controls=how.controls, readings=how.readings)


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
    """A customer's request and where it stands.

    ``cast``, ``seed`` and ``script_language`` are the script's own; of jobs from before they were kept,
    ``cast`` is None. ``finished_revision`` is the newest that ended with something to hear before this
    one, ``revised_at`` when this one was asked for.
    ``lexicons`` are those it was accepted with, each at its version, the first one first to be asked.
    """

    id: str
    tenant_id: str
    kind: JobKind
    status: JobStatus
    created_at: datetime
    title: str = ""
    language: str = "en"
    output: Output = field(default_factory=Output)
    captions: CaptionRequest = field(default_factory=CaptionRequest)
    bed: Bed | None = None
    qa: Qa = field(default_factory=Qa)
    retention_hours: int = 168
    speaker_id: str | None = None
    key_id: str | None = None
    request_id: str = ""
    trace: str = ""
    fallback: Fallback | None = None
    cast: Mapping[str, Role] | None = None
    seed: int = 0
    script_language: str | None = None
    lexicons: tuple[LexiconRef, ...] = ()
    pronunciations: tuple[Entry, ...] = ()
    cap: Cap | None = None
    stale: bool = False
    revision: int = 0
    finished_revision: int | None = None
    rendered_sha256: str | None = None
    revised_at: datetime | None = None
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

    @property
    def heard_revision(self) -> int | None:
        """The newest revision that has something to hear."""
        return self.revision if self.status in HEARD else self.finished_revision


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
    revision: int = 0
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
    heard: tuple[Heard, ...] = ()
