"""What speech costs: price tables, and how a reel's length is shared out among those who spoke it.

Money is whole millionths of the currency's unit ("micros"); on the wire it is a decimal string.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from voicereel.domain.errors import NoPrice

RENDER = "render"
ADJUSTMENT = "adjustment"

# Stands for every engine without a rate of its own.
ANY_ENGINE = "*"
# Who spoke a reel in which nothing is spoken.
NOBODY = ""

_MICROS = 1_000_000
_AMOUNT = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,6}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """One version of the prices. ``rates`` are micros a second, by (engine, kind)."""

    version: int
    currency: str
    valid_from: datetime
    rates: Mapping[tuple[str, str], int]

    def per_second_micros(self, engine: str, kind: str = RENDER) -> int:
        """The engine's own rate, else that of every engine; `NoPrice` where there is neither."""
        rate = self.rates.get((engine, kind), self.rates.get((ANY_ENGINE, kind)))
        if rate is None:
            raise NoPrice(f"Version {self.version} of the prices has none for this engine.")
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What one line adds to what its speaker spoke."""

    speaker_id: str
    engine: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One speaker's share of a reel on one engine, and what it costs."""

    speaker_id: str
    engine: str
    billable_ms: int
    per_second_micros: int
    amount_micros: int


def itemise(spoken: Sequence[Spoken], *, billable_ms: int, prices: PriceTable) -> tuple[Charge, ...]:
    """Share a reel out by how long each (speaker, engine) spoke; the shares add up to ``billable_ms``.

    Charges are in the order of their speakers' ids. Where nothing is spoken there is one, of nobody.
    """
    heard = _heard(spoken) or {(NOBODY, ANY_ENGINE): 1}
    parts = shares(billable_ms, tuple(heard.values()))
    return tuple(
        _charge(speaker_id, engine, share, prices)
        for (speaker_id, engine), share in zip(heard, parts, strict=True)
    )


def lowered(charges: Sequence[Charge], amount_micros: int) -> tuple[Charge, ...]:
    """The same charges adding up to no more than an amount: each gives way by its share."""
    if sum(charge.amount_micros for charge in charges) <= amount_micros:
        return tuple(charges)
    amounts = shares(amount_micros, [charge.amount_micros for charge in charges])
    return tuple(
        replace(charge, amount_micros=amount) for charge, amount in zip(charges, amounts, strict=True)
    )


def _heard(spoken: Iterable[Spoken]) -> dict[tuple[str, str], int]:
    """Milliseconds spoken by (speaker, engine), ordered by both; without those who were silent."""
    voices = sorted(
        ((line.speaker_id, line.engine), line.duration_ms) for line in spoken if line.duration_ms > 0
    )
    return {who: sum(ms for _, ms in lines) for who, lines in groupby(voices, lambda voice: voice[0])}


def shares(whole: int, weights: Sequence[int]) -> list[int]:
    """Cut a whole number by weights; what rounding down leaves goes to the largest remainders."""
    total = sum(weights)
    parts = [whole * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(whole * weights[at] % total), at))
    for at in by_remainder[: whole - sum(parts)]:
        parts[at] += 1
    return parts


def _charge(speaker_id: str, engine: str, billable_ms: int, prices: PriceTable) -> Charge:
    rate = prices.per_second_micros(engine)
    return Charge(
        speaker_id=speaker_id,
        engine=engine,
        billable_ms=billable_ms,
        per_second_micros=rate,
        amount_micros=(billable_ms * rate + 500) // 1000,  # half a micro is rounded up
    )


def amount_text(micros: int) -> str:
    """Micros as a decimal: ``-0.050000``."""
    units, fraction = divmod(abs(micros), _MICROS)
    return f"{'-' if micros < 0 else ''}{units}.{fraction:06}"


def parse_amount(text: str) -> int:
    """Micros from a decimal of at most six places; `ValueError` for anything else."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError("not an amount such as 0.05, of at most six decimal places")
    sign, units, fraction = found.groups()
    micros = int(units) * _MICROS + int((fraction or "").ljust(6, "0"))
    return -micros if sign else micros
