"""What the services need from the world: protocols that adapters make real."""

from collections.abc import Callable
from datetime import datetime

from voicereel.ports.records import (
    Accepted,
    Backlog,
    Event,
    LedgerEntry,
    LedgerRow,
    OutboxRow,
    Page,
    PoolState,
    StoredFile,
    StoredKey,
    StoredReply,
    Submission,
    UsageBy,
    UsageSum,
)
from voicereel.ports.repositories import (
    AccountRepository,
    ArtifactRepository,
    EngineRepository,
    EventRepository,
    JobRepository,
    LedgerRepository,
    OutboxRepository,
    SpeakerRepository,
    WorkRepository,
)
from voicereel.ports.world import WAKE, ArtifactStore, Channel, Listener, StageQueue, Transaction, UnitOfWork

Clock = Callable[[], datetime]

__all__ = [
    "WAKE",
    "Accepted",
    "AccountRepository",
    "ArtifactRepository",
    "ArtifactStore",
    "Backlog",
    "Channel",
    "Clock",
    "EngineRepository",
    "Event",
    "EventRepository",
    "JobRepository",
    "LedgerEntry",
    "LedgerRepository",
    "LedgerRow",
    "Listener",
    "OutboxRepository",
    "OutboxRow",
    "Page",
    "PoolState",
    "SpeakerRepository",
    "StageQueue",
    "StoredFile",
    "StoredKey",
    "StoredReply",
    "Submission",
    "Transaction",
    "UnitOfWork",
    "UsageBy",
    "UsageSum",
    "WorkRepository",
]
