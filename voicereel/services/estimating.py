"""What a script will be: how long, and at what price; and the most that a job of it may be billed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from voicereel.domain.account import Principal
from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.fingerprint import fingerprint_of
from voicereel.domain.forecast import Forecast, forecast, pace_key
from voicereel.domain.job import LineRecord
from voicereel.domain.pace import Belief, Pace, PaceKey, believed
from voicereel.domain.prices import Charge, PriceTable, Spoken, amount_text, itemise
from voicereel.domain.quotes import Cap, Quote, script_sha256
from voicereel.domain.script import Script
from voicereel.domain.speakers import ENGINE_UP_S
from voicereel.ports import Clock, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A forecast with its price. ``charges`` are of what is expected, ``most`` of what may be quoted.

    ``cached`` are the ids of lines that need not be spoken; ``known`` is what the forecast rests on.
    """

    tenant_id: str
    records: Sequence[LineRecord]
    forecast: Forecast
    prices: PriceTable
    charges: tuple[Charge, ...]
    most: tuple[Charge, ...]
    cached: frozenset[str]
    known: Mapping[PaceKey, Pace]

    @property
    def expected_micros(self) -> int:
        return sum(charge.amount_micros for charge in self.charges)

    @property
    def most_micros(self) -> int:
        return sum(charge.amount_micros for charge in self.most)


def make_estimate(
    tx: Transaction, tenant_id: str, records: Sequence[LineRecord], prices: PriceTable
) -> Estimate:
    """What a cast script will be for this tenant. It writes nothing."""
    keys = {pace_key(record, tenant_id) for record in records}
    known = tx.paces.find(keys | {key.of_engine for key in keys})

    @cache
    def believe(key: PaceKey) -> Belief:
        of_engine, of_voice = (known.get(each, Pace()) for each in (key.of_engine, key))
        return believed(key.language, of_engine=of_engine, of_voice=of_voice)

    found = forecast(records, believe, tenant_id=tenant_id)
    spoken = [
        Spoken(speaker_id=record.voice.speaker_id, engine=record.voice.engine, duration_ms=duration_ms)
        for record, duration_ms in zip(records, found.lines_ms, strict=True)
    ]
    cached = cached_lines(tx, tenant_id, records)
    return Estimate(
        tenant_id=tenant_id,
        records=records,
        forecast=found,
        prices=prices,
        charges=_expected(spoken, [r.line.id in cached for r in records], found.reel.ms, prices),
        most=itemise(spoken, billable_ms=found.at_most_ms, prices=prices),
        cached=cached,
        known=known,
    )


def _expected(
    spoken: Sequence[Spoken], cached: Sequence[bool], reel_ms: int, prices: PriceTable
) -> tuple[Charge, ...]:
    """What the reel will cost: lines from the cache cost nothing, with their share of the pauses.

    What is quoted counts them: until the job is made their takes may be gone.
    """
    if not any(cached):
        return itemise(spoken, billable_ms=reel_ms, prices=prices)
    due = [each for each, is_cached in zip(spoken, cached, strict=True) if not is_cached]
    whole = sum(each.duration_ms for each in spoken)
    billable_ms = reel_ms * sum(each.duration_ms for each in due) // whole if whole else reel_ms
    return itemise(due, billable_ms=billable_ms, prices=prices) if billable_ms else ()


def cached_lines(tx: Transaction, tenant_id: str, records: Sequence[LineRecord]) -> frozenset[str]:
    """The ids of the lines whose take the tenant's take cache holds."""
    engines = {engine.name: engine for engine in tx.engines.up(within_s=ENGINE_UP_S)}
    wanted = {
        record.line.id: fingerprint_of(record, engine_version=engine.version, ipa=engine.ipa)
        for record in records
        if (engine := engines.get(record.voice.engine)) is not None
    }
    found = tx.takes.cached(tenant_id, frozenset(wanted.values()))
    return frozenset(line_id for line_id, fingerprint in wanted.items() if fingerprint in found)


def cap_of(
    tx: Transaction, principal: Principal, script: Script, records: Sequence[LineRecord], *, now: Clock
) -> Cap | None:
    """The most that a job of this script may be billed, or None where nobody said anything of that.

    `InvalidRequest` for a quote that is not of this script or no longer valid, and where more may be billed
    than the customer allows.
    """
    if script.quote_id is None and script.max_cost_micros is None:
        return None
    quote = None if script.quote_id is None else _quote(tx, principal, script, script.quote_id, now)
    if script.max_cost_micros is not None:
        _check_cost(tx, principal, script.max_cost_micros, records, quote, now)
    if quote is None:
        return Cap(max_cost_micros=script.max_cost_micros)
    return Cap(
        quote_id=quote.id,
        billable_ms=quote.billable_ms,
        amount_micros=quote.amount_micros,
        max_cost_micros=script.max_cost_micros,
    )


def _quote(tx: Transaction, principal: Principal, script: Script, quote_id: str, now: Clock) -> Quote:
    quote = tx.quotes.get(quote_id, tenant_id=principal.tenant_id)
    if quote is None:
        raise _refused("/quote_id", "quote_unknown", "There is no such quote; ask for one at /v1/estimates.")
    if quote.expires_at <= now():
        raise _refused("/quote_id", "quote_expired", "This quote has expired; ask for a new one.")
    if quote.script_sha256 != script_sha256(script):
        detail = "This quote is for a script that sounds otherwise; ask for one for this script."
        raise _refused("/quote_id", "quote_mismatch", detail)
    return quote


def _check_cost(
    tx: Transaction,
    principal: Principal,
    max_cost_micros: int,
    records: Sequence[LineRecord],
    quote: Quote | None,
    now: Clock,
) -> None:
    if quote is None:
        prices = tx.ledger.prices(now())
        estimate = make_estimate(tx, principal.tenant_id, records, prices)
        most_micros, currency = estimate.most_micros, prices.currency
    else:
        most_micros, currency = quote.amount_micros, quote.currency
    if most_micros > max_cost_micros:
        detail = f"This script may cost up to {amount_text(most_micros)} {currency}."
        raise _refused("/max_cost", "max_cost_exceeded", detail)


def _refused(pointer: str, code: str, detail: str) -> InvalidRequest:
    return InvalidRequest((FieldError(pointer, code, detail),), code=code)
