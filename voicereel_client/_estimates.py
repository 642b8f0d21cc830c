"""What a script would be, before it is rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from voicereel_client._models import JobWarning, Model


@dataclass(frozen=True, kw_only=True)
class Span(Model):
    """A predicted length; nine of ten lie within its bounds."""

    ms: int = 0
    low_ms: int = 0
    high_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class Expected(Model):
    """``duration`` is the reel's, with its pauses; ``amount`` is in the currency of the estimate."""

    duration: Span = field(default_factory=Span)
    amount: Decimal = Decimal()


@dataclass(frozen=True, kw_only=True)
class AtMost(Model):
    """What the quote promises: no more is billed."""

    billable_ms: int = 0
    amount: Decimal = Decimal()


@dataclass(frozen=True, kw_only=True)
class Speech(Model):
    """What one voice speaks in one language; it rests on ``known_lines`` of its lines."""

    speaker_id: str = ""
    engine: str = ""
    language: str = ""
    lines: int = 0
    duration: Span = field(default_factory=Span)
    known_lines: int = 0


@dataclass(frozen=True, kw_only=True)
class Estimate(Model):
    """``quote_id`` binds until ``expires_at``: give it to ``synthesize`` as ``quote_id``."""

    quote_id: str = ""
    expires_at: datetime | None = None
    currency: str = ""
    price_version: int = 0
    expected: Expected = field(default_factory=Expected)
    at_most: AtMost = field(default_factory=AtMost)
    lines: int = 0
    cached_lines: tuple[str, ...] = ()
    speech: tuple[Speech, ...] = ()
    warnings: tuple[JobWarning, ...] = ()
