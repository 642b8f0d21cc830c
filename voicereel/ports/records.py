"""What goes through the ports: plain data, written and read by adapters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from voicereel.domain.job import Artifact, Job, LineRecord, StageRun, Take
from voicereel.domain.lexicons import LexiconRef
from voicereel.domain.prices import Charge
from voicereel.domain.quotes import Cap
from voicereel.domain.script import Warn

T = TypeVar("T")


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
    the enrolled speakers that must still be there, ``default_lexicons`` those that its tenant must
    still have, each at this version and no others, in the order of their ids.
    """

    job: Job
    lines: Sequence[LineRecord]
    stage_runs: Sequence[StageRun]
    event: tuple[str, Mapping[str, Any]]
    once: tuple[str, str, StoredReply] | None = None
    speaker_ids: frozenset[str] = frozenset()
    default_lexicons: tuple[LexiconRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a job's row says as a revision begins: how much there is to do, who asked for it, and the most
    that it may be billed.
    """

    lines_done: int
    lines_total: int
    warnings: Sequence[Warn]
    key_id: str | None
    request_id: str
    trace: str
    cap: Cap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedTake:
    """A take of another line, and the file that it is in."""

    take: Take
    file: Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSize:
    """What a tenant's takes come to."""

    tenant_id: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFile:
    """One file of takes."""

    job_id: str
    artifact_id: str
    size_bytes: int


Accepted = Literal["accepted", "repeated", "speaker_gone", "lexicons_changed"]
