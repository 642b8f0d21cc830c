"""What was billed: totals of the ledger, and the entries of a month."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from voicereel_client._models import Model


@dataclass(frozen=True, kw_only=True)
class UsageTotal(Model):
    """``amount`` is in the currency of the reply."""

    jobs: int = 0
    billable_ms: int = 0
    amount: Decimal = Decimal()


@dataclass(frozen=True, kw_only=True)
class UsageGroup(UsageTotal):
    """``group`` is a day, key, speaker, engine or project; None for what has none."""

    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class Usage(Model):
    """``to`` is the first day that is not counted any more."""

    from_: date | None = None
    to: date | None = None
    group_by: str = ""
    currency: str = ""
    data: tuple[UsageGroup, ...] = ()
    total: UsageTotal = field(default_factory=UsageTotal)


@dataclass(frozen=True, kw_only=True)
class UsageItem(Model):
    """``per_second`` is the price in the report's currency."""

    speaker_id: str = ""
    engine: str = ""
    billable_ms: int = 0
    per_second: Decimal = Decimal()
    amount: Decimal = Decimal()


@dataclass(frozen=True, kw_only=True)
class UsageEntry(Model):
    """One entry of the ledger; ``reason`` is why it was adjusted."""

    id: int = 0
    created_at: datetime | None = None
    job_id: str = ""
    revision: int = 0
    kind: str = ""
    key_id: str | None = None
    project: str | None = None
    billable_ms: int = 0
    amount: Decimal = Decimal()
    price_version: int = 0
    reason: str | None = None
    items: tuple[UsageItem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UsageReport(Model):
    """The ledger of one month. Once it is ``closed``, corrections are entries of later months."""

    month: str = ""
    closed: bool = False
    currency: str = ""
    entries: tuple[UsageEntry, ...] = ()
    total: UsageTotal = field(default_factory=UsageTotal)
