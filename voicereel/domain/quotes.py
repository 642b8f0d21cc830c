"""What was promised: a quote for a script, and the most that a job may be billed."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from voicereel.domain.script import Script

# What of a script changes neither what is spoken nor when.
_BESIDE_THE_SOUND = (
    "title",
    "output",
    "captions",
    "qa",
    "retention_hours",
    "metadata",
    "quote_id",
    "max_cost_micros",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A promise to a tenant: this script is billed no more than this, if it is sent before ``expires_at``."""

    id: str
    tenant_id: str
    script_sha256: str
    billable_ms: int
    amount_micros: int
    currency: str
    price_version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most that a job may be billed: what its quote says, and what its customer is willing to pay."""

    quote_id: str | None = None
    billable_ms: int | None = None
    amount_micros: int | None = None
    max_cost_micros: int | None = None

    @property
    def most_micros(self) -> int | None:
        """The lower of the two amounts, as far as there are any."""
        return min(
            (each for each in (self.amount_micros, self.max_cost_micros) if each is not None), default=None
        )


def script_sha256(script: Script) -> str:
    """The same for scripts that sound the same: titles, files, captions, retention and labels aside."""
    facts = {name: value for name, value in asdict(script).items() if name not in _BESIDE_THE_SOUND}
    canonical = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
