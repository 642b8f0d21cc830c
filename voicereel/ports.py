"""What the services need from the world: protocols that adapters make real."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from voicereel.domain.account import ApiKey
from voicereel.domain.job import Artifact, Claim, Job, JobStatus, LineRecord, Result, StageRun
from voicereel.domain.speakers import EngineInfo, Speaker

T = TypeVar("T")
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Part of a list, newest first; ``next_cursor`` is None at the end."""

    data: tuple[T, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReply:
    """The first reply to a POST with an Idempotency-Key, and a hash of its request."""

    request_sha256: str
    status: int
    body: Mapping[str, Any]
    location: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a job; ``id`` counts up from 1 within it."""

    id: int
    job_id: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of usage. At most one a (job, revision, kind), whoever writes it."""

    tenant_id: str
    job_id: str
    revision: int
    kind: str
    billable_ms: int
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """Something to do outside the database because of what was committed inside it."""

    id: int
    topic: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """One pool of workers; times in milliseconds."""

    pool: str
    waiting: int
    running: int
    workers: int
    oldest_due_ms: int
    mean_run_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What a store knows of a file after it was written."""

    size_bytes: int
    sha256: str


class JobRepository(Protocol):
    """Jobs, their lines, takes and artifacts. Every read names the tenant."""

    def add(self, job: Job, *, lines: Sequence[LineRecord], stage_runs: Sequence[StageRun]) -> None: ...
    def get(self, job_id: str, *, tenant_id: str) -> Job | None: ...
    def page(
        self,
        tenant_id: str,
        *,
        limit: int,
        cursor: str | None,
        status: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Page[Job]: ...
    def lines(
        self, job_id: str, *, first: int = 0, last: int | None = None, words: bool = True
    ) -> tuple[LineRecord, ...]: ...
    def artifacts(self, job_id: str, *, kind: str | None = None) -> tuple[Artifact, ...]: ...
    def artifact(self, artifact_id: str, *, tenant_id: str) -> Artifact | None: ...
    def artifact_owner(self, artifact_id: str) -> str | None: ...
    def add_artifact(self, artifact: Artifact, *, stage_run_id: int | None, fence: int) -> None: ...
    def record(self, claim: Claim, result: Result) -> None: ...
    def is_done(self, job_id: str) -> bool: ...
    def start(self, job_id: str) -> bool: ...
    def end(
        self,
        job_id: str,
        *,
        status: JobStatus,
        error: Mapping[str, Any] | None = None,
        billable_ms: int | None = None,
    ) -> bool: ...
    def delete(self, job_id: str) -> None: ...
    def expired(self, limit: int) -> tuple[tuple[str, str], ...]: ...
    def bill(self, entry: LedgerEntry) -> bool: ...


class WorkRepository(Protocol):
    """Stage runs under lease and fence. Each method is one or few statements; see RELIABILITY."""

    def has_due(self, pool: str) -> bool: ...
    def claim(self, pool: str, *, worker_id: str, lease_s: float) -> Claim | None: ...
    def heartbeat(self, claim: Claim, *, lease_s: float, progress: float) -> bool: ...
    def finish(self, claim: Claim) -> bool: ...
    def unblock_next(self, job_id: str) -> tuple[str, ...]: ...
    def retry_later(self, claim: Claim, *, delay_s: float, error: Mapping[str, Any]) -> bool: ...
    def fail(self, claim: Claim, *, error: Mapping[str, Any]) -> bool: ...
    def cancel(self, job_id: str) -> None: ...
    def release(self, claim: Claim) -> bool: ...
    def release_workers(self, worker_prefix: str) -> int: ...
    def lost(self, limit: int) -> tuple[Claim, ...]: ...
    def pools(self) -> tuple[PoolState, ...]: ...


class SpeakerRepository(Protocol):
    def add(self, speaker: Speaker, *, job_id: str) -> None: ...
    def get(self, speaker_id: str, *, tenant_id: str) -> Speaker | None: ...
    def page(
        self, tenant_id: str, *, limit: int, cursor: str | None, status: str | None
    ) -> Page[Speaker]: ...
    def rename(self, speaker_id: str, *, tenant_id: str, name: str) -> bool: ...
    def settle(
        self,
        speaker_id: str,
        *,
        status: str,
        profile: Mapping[str, Any] | None,
        reference: Mapping[str, Any] | None,
        error: Mapping[str, Any] | None,
    ) -> None: ...
    def delete(self, speaker_id: str, *, tenant_id: str) -> str | None: ...


class AccountRepository(Protocol):
    def ensure_tenant(self, name: str, *, tenant_id: str) -> str: ...
    def add_key(self, key: ApiKey) -> None: ...
    def key_by_hash(self, sha256: str) -> ApiKey | None: ...
    def keys(self) -> tuple[ApiKey, ...]: ...
    def revoke_key(self, key_id: str) -> bool: ...
    def stored_reply(self, tenant_id: str, *, route: str, key: str) -> StoredReply | None: ...
    def store_reply(self, tenant_id: str, *, route: str, key: str, reply: StoredReply) -> None: ...
    def forget_replies(self) -> int: ...


class EventRepository(Protocol):
    def add(self, job_id: str, *, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None: ...
    def after(self, job_id: str, *, event_id: int, limit: int) -> tuple[Event, ...]: ...
    def latest(self) -> int: ...


class OutboxRepository(Protocol):
    def add(self, topic: str, payload: Mapping[str, Any]) -> None: ...
    def pending(self, limit: int) -> tuple[OutboxRow, ...]: ...
    def done(self, ids: Sequence[int]) -> None: ...


class EngineRepository(Protocol):
    """What workers advertise: the API knows engines by these rows alone."""

    def advertise(self, worker_id: str, *, pool: str, infos: Sequence[EngineInfo]) -> None: ...
    def withdraw(self, worker_id: str) -> None: ...
    def up(self, *, within_s: float) -> tuple[EngineInfo, ...]: ...


class Transaction(Protocol):
    """The repositories of one transaction."""

    @property
    def jobs(self) -> JobRepository: ...
    @property
    def work(self) -> WorkRepository: ...
    @property
    def speakers(self) -> SpeakerRepository: ...
    @property
    def accounts(self) -> AccountRepository: ...
    @property
    def events(self) -> EventRepository: ...
    @property
    def outbox(self) -> OutboxRepository: ...
    @property
    def engines(self) -> EngineRepository: ...


class UnitOfWork(Protocol):
    """The database. A block that ends without an error commits; any error rolls back."""

    def reading(self) -> AbstractContextManager[Transaction]: ...
    def writing(self) -> AbstractContextManager[Transaction]: ...
    def ping(self) -> bool: ...


class ArtifactStore(Protocol):
    """Files by key, written once: a key that exists is never changed."""

    def put_file(self, key: str, path: Path) -> StoredFile: ...
    def put_stream(self, key: str, stream: BinaryIO, *, max_bytes: int) -> StoredFile: ...
    def open(self, key: str) -> BinaryIO: ...
    def fetch(self, key: str, into: Path) -> Path: ...
    def delete(self, key: str) -> None: ...
    def delete_under(self, prefix: str) -> None: ...
    def keys(self, prefix: str = "") -> Iterator[str]: ...
    def writable(self) -> bool: ...


class StageQueue(Protocol):
    """Tells a pool that work may be due. A hint: losing one costs latency, nothing else."""

    def wake(self, pools: Sequence[str]) -> None: ...
