"""The database as a whole, the store, the queue: what is outside of this process."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from voicereel.ports.records import (
    StoredFile,
    StoredKey,
)
from voicereel.ports.repositories import (
    AccountRepository,
    ArtifactRepository,
    DraftRepository,
    EngineRepository,
    EventRepository,
    JobRepository,
    LedgerRepository,
    LexiconRepository,
    OutboxRepository,
    PaceRepository,
    QuoteRepository,
    SourceRepository,
    SpeakerRepository,
    TakeRepository,
    WorkRepository,
)

Channel = Literal["events", "outbox"]


class Listener(Protocol):
    """Hears what commits elsewhere tell of. A hint: what is missed is found by looking again."""

    def wait(self, timeout_s: float) -> frozenset[str]:
        """What was told since the last call; an empty string in it: anything may have changed."""

    def close(self) -> None: ...


class Transaction(Protocol):
    """The repositories of one transaction."""

    @property
    def jobs(self) -> JobRepository: ...
    @property
    def drafts(self) -> DraftRepository: ...
    @property
    def takes(self) -> TakeRepository: ...
    @property
    def artifacts(self) -> ArtifactRepository: ...
    @property
    def work(self) -> WorkRepository: ...
    @property
    def speakers(self) -> SpeakerRepository: ...
    @property
    def sources(self) -> SourceRepository: ...
    @property
    def lexicons(self) -> LexiconRepository: ...
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
    @property
    def quotes(self) -> QuoteRepository: ...
    @property
    def paces(self) -> PaceRepository: ...


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

    def open_range(self, key: str, *, offset: int, length: int) -> BinaryIO:
        """``length`` bytes from ``offset`` on, which the file must have; `NotFound` without the file."""
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
