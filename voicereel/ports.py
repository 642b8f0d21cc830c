"""What the services need from the world: protocols that adapters make real."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Generic, Literal, Protocol, TypeVar

from voicereel.domain.account import ApiKey
from voicereel.domain.job import Artifact, Claim, Job, JobStatus, LineRecord, Result, StageRun
from voicereel.domain.prices import Charge, PriceTable
from voicereel.domain.script import Warn
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
    """One line of usage. At most one a (job, revision, kind), whoever writes it.

    Its ``items`` add up to it; an adjustment has none.
    """

    tenant_id: str
    job_id: str
    revision: int
    kind: str
    billable_ms: int
    fence: int
    key_id: str | None
    project: str | None
    amount_micros: int
    currency: str
    price_version: int
    items: tuple[Charge, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A ledger entry as it was written; ids count up."""

    id: int
    created_at: datetime
    entry: LedgerEntry


UsageBy = Literal["day", "key", "project", "speaker", "engine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """What some entries add up to; ``group`` is None where they belong to no key, project or speaker.

    ``jobs`` are renders billed: a job, and each revision of it that was billed anew.
    """

    group: str | None
    jobs: int
    billable_ms: int
    amount_micros: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """One file of a store, as a listing tells it."""

    key: str
    modified_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What should be small: leases nobody keeps, and what the dispatcher has yet to do."""

    expired_leases: int
    outbox_rows: int
    outbox_oldest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """All that accepting a job writes, to be written at once or not at all.

    ``once`` is ``(route, key, reply)`` where the client sent an Idempotency-Key; ``speaker_ids`` are
    the enrolled speakers that must still be there.
    """

    job: Job
    lines: Sequence[LineRecord]
    stage_runs: Sequence[StageRun]
    event: tuple[str, Mapping[str, Any]]
    once: tuple[str, str, StoredReply] | None = None
    speaker_ids: frozenset[str] = frozenset()


Accepted = Literal["accepted", "repeated", "speaker_gone"]


class JobRepository(Protocol):
    """Jobs, their lines, takes and artifacts. Every read names the tenant."""

    def accept(self, submission: Submission) -> Accepted: ...
    def lock(self, job_id: str) -> bool: ...
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
    def drop_artifacts(self, job_id: str, *, kind: str) -> tuple[str, ...]: ...
    def artifact_owner(self, artifact_id: str) -> str | None: ...
    def add_artifact(self, artifact: Artifact, *, stage_run_id: int | None, fence: int) -> None: ...
    def record(self, claim: Claim, result: Result) -> None: ...
    def recast(self, job_id: str, records: Sequence[LineRecord]) -> None: ...
    def warn(self, job_id: str, warnings: Sequence[Warn]) -> None: ...
    def start(self, job_id: str) -> bool: ...
    def end(
        self,
        job_id: str,
        *,
        status: JobStatus,
        error: Mapping[str, Any] | None = None,
        billable_ms: int | None = None,
    ) -> bool: ...
    def approve(self, job_id: str, *, billable_ms: int) -> None: ...
    def closing_fence(self, job_id: str) -> int: ...
    def delete(self, job_id: str) -> None: ...
    def with_intermediates(self, *, older_than_s: float, limit: int) -> tuple[tuple[str, str], ...]: ...
    def with_originals(self, *, older_than_s: float, limit: int) -> tuple[tuple[str, str], ...]: ...
    def all_files(self) -> Sequence[tuple[str, str, str, str]]: ...
    def forget_made(self, job_id: str) -> None: ...
    def unknown_keys(self, keys: Sequence[str]) -> frozenset[str]: ...
    def expired(self, limit: int) -> tuple[tuple[str, str], ...]: ...


class WorkRepository(Protocol):
    """Stage runs under lease and fence. Each method is one or few statements; see RELIABILITY."""

    def has_due(self, pool: str) -> bool: ...
    def claim(self, pool: str, *, worker_id: str, lease_s: float) -> Claim | None: ...
    def heartbeat(self, claim: Claim, *, lease_s: float, progress: float) -> bool: ...
    def finish(self, claim: Claim) -> bool: ...
    def unblock_next(self, job_id: str) -> tuple[str, ...]: ...
    def retry_later(
        self,
        claim: Claim,
        *,
        delay_s: float,
        error: Mapping[str, Any],
        payload: Mapping[str, Any] | None = None,
    ) -> bool: ...
    def fail(self, claim: Claim, *, error: Mapping[str, Any]) -> bool: ...
    def cancel(self, job_id: str) -> None: ...
    def release(self, claim: Claim) -> bool: ...
    def release_workers(self, worker_prefix: str) -> int: ...
    def lost(self, limit: int) -> tuple[Claim, ...]: ...
    def is_held(self, claim: Claim) -> bool: ...
    def is_lost(self, claim: Claim) -> bool: ...
    def add_run(self, job_id: str, stage_run: StageRun) -> None: ...
    def redispatch(self, *, after_s: float, limit: int) -> tuple[str, ...]: ...
    def stranded(self, *, after_s: float, limit: int) -> tuple[Claim, ...]: ...
    def give_up(self, claim: Claim) -> bool: ...
    def outdate_all(self) -> int: ...
    def begin_again(self, job_id: str) -> Mapping[str, str]: ...
    def backlog(self) -> Backlog: ...
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
    def set_fallback(self, name: str, speaker_id: str | None) -> bool: ...
    def add_key(self, key: ApiKey) -> None: ...
    def key_by_hash(self, sha256: str) -> ApiKey | None: ...
    def keys(self) -> tuple[ApiKey, ...]: ...
    def revoke_key(self, key_id: str) -> bool: ...
    def stored_reply(self, tenant_id: str, *, route: str, key: str) -> StoredReply | None: ...
    def store_reply(self, tenant_id: str, *, route: str, key: str, reply: StoredReply) -> None: ...
    def forget_replies(self) -> int: ...


class EventRepository(Protocol):
    """What happened to jobs. Add only while holding `JobRepository.lock` on the job."""

    def add(
        self, job_id: str, *, tenant_id: str, events: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> None: ...
    def after(self, job_id: str, *, event_id: int, limit: int) -> tuple[Event, ...]: ...
    def forget_job(self, job_id: str) -> None: ...
    def forget_old(self, *, older_than_s: float) -> int: ...


class OutboxRepository(Protocol):
    def add(self, topic: str, payload: Mapping[str, Any]) -> None: ...
    def take(self, topic: str, *, limit: int) -> tuple[OutboxRow, ...]: ...
    def done(self, ids: Sequence[int]) -> None: ...


class EngineRepository(Protocol):
    """What workers advertise: the API knows engines by these rows alone."""

    def advertise(self, worker_id: str, *, pool: str, infos: Sequence[EngineInfo]) -> None: ...
    def withdraw(self, worker_id: str) -> None: ...
    def withdraw_all(self, worker_prefix: str) -> None: ...
    def forget_silent(self) -> None: ...
    def up(self, *, within_s: float) -> tuple[EngineInfo, ...]: ...


class Listener(Protocol):
    """Hears what commits elsewhere tell of. A hint: what is missed is found by looking again."""

    def wait(self, timeout_s: float) -> frozenset[str]:
        """What was told since the last call; an empty string in it: anything may have changed."""

    def close(self) -> None: ...


Channel = Literal["events", "outbox"]


class LedgerRepository(Protocol):
    """Usage and what it costs. Entries are only ever added; the database refuses anything else."""

    def add(self, entry: LedgerEntry) -> int:
        """The entry's id. A second one of its job, revision and kind is refused by the table's UNIQUE."""
        ...

    def prices(self, at: datetime) -> PriceTable:
        """The prices valid at a moment: of several, the last to begin. `NoPrice` before the first."""
        ...

    def price_tables(self) -> tuple[PriceTable, ...]: ...

    def add_prices(self, *, currency: str, valid_from: datetime, rates: Mapping[tuple[str, str], int]) -> int:
        """The new version. `Conflict` for another currency once anything costs something."""
        ...

    def entry_of(self, job_id: str, *, revision: int, kind: str) -> LedgerRow | None: ...

    def entries(
        self, tenant_id: str, *, since: datetime, until: datetime, after: LedgerRow | None, limit: int
    ) -> tuple[LedgerRow, ...]:
        """Entries written in ``[since, until)``, oldest first, from the one after ``after``."""
        ...

    def totals(
        self, tenant_id: str, *, since: datetime, until: datetime, by: UsageBy
    ) -> tuple[tuple[UsageSum, ...], UsageSum]:
        """Sums of the entries written in ``[since, until)`` by group, and of all, at one moment."""
        ...


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
    @property
    def ledger(self) -> LedgerRepository: ...


class UnitOfWork(Protocol):
    """The database. A block that ends without an error commits; any error rolls back."""

    def reading(self) -> AbstractContextManager[Transaction]: ...
    def writing(self) -> AbstractContextManager[Transaction]: ...
    def at_once(self) -> AbstractContextManager[Transaction]: ...
    def listen(self, channel: Channel) -> Listener: ...
    def ping(self) -> bool: ...


class ArtifactStore(Protocol):
    """Files by key, written once: a key that exists is never changed.

    A key is names joined by slashes. Where the store is full or out of reach, a method raises
    `Unavailable`, and nothing truncated can be read under any key.
    """

    def put_file(self, key: str, path: Path) -> StoredFile:
        """Take over a finished file: afterwards ``path`` is gone. `FileExistsError` if the key exists."""
        ...

    def put_stream(self, key: str, stream: BinaryIO, *, max_bytes: int) -> StoredFile:
        """Store a stream; beyond ``max_bytes`` it is `FileTooLarge`. `FileExistsError` if the key exists."""
        ...

    def open(self, key: str) -> BinaryIO:
        """The bytes from the first on, `NotFound` without them; not every store can seek in them."""
        ...

    def fetch(self, key: str, into: Path) -> Path:
        """A whole local copy, to be read only: in the folder ``into``, or where the store keeps it."""
        ...

    def delete(self, key: str) -> None:
        """Remove one file, if it is there."""
        ...

    def delete_under(self, prefix: str) -> None:
        """Remove all keys that begin with ``prefix/``."""
        ...

    def keys(self, prefix: str = "", *, after: str = "") -> Iterator[StoredKey]:
        """Keys below ``prefix/`` that come after ``after``, in order, read as they are asked for."""
        ...

    def url(self, key: str, *, expires_s: int, name: str, media_type: str) -> str | None:
        """A URL at which the store itself serves the file as an attachment; None where it cannot."""
        ...

    def writable(self) -> bool:
        """Whether it can be written to; cheap enough to be asked every second."""
        ...

    def forget_unfinished(self) -> None:
        """Remove what a killed process had begun to write; only while nobody writes."""
        ...


# The one message there is: its argument is the pool's name.
WAKE = "wake"


class StageQueue(Protocol):
    """Tells a pool that work may be due. A hint: losing one costs latency, nothing else."""

    def wake(self, pools: Sequence[str]) -> None:
        """One hint for each entry; `Unavailable` when they could not all be handed over."""
