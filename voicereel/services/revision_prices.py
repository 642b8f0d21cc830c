"""What the next revision of a job will cost, before it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.forecast import Span
from voicereel.domain.job import Job, LineRecord
from voicereel.domain.prices import PriceTable, Spoken, amount_text, itemise
from voicereel.domain.revisions import is_due
from voicereel.ports import Transaction
from voicereel.services.estimating import make_estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionPrice:
    """``duration`` is the length of what is to be billed. Lines in the take cache, ``cached`` by their ids,
    are part of it and of the most, as their takes may be gone by then, and not of the amount expected.
    """

    duration: Span
    expected_micros: int
    at_most_ms: int
    most_micros: int
    cached: frozenset[str]
    prices: PriceTable

    def check(self, max_cost_micros: int | None) -> None:
        """`InvalidRequest` where more may be billed than the customer allows."""
        if max_cost_micros is not None and self.most_micros > max_cost_micros:
            detail = f"This revision may cost up to {amount_text(self.most_micros)} {self.prices.currency}."
            error = FieldError("/max_cost", "max_cost_exceeded", detail)
            raise InvalidRequest((error,), code=error.code)


def price_revision(
    tx: Transaction,
    job: Job,
    records: Sequence[LineRecord],
    spoken: Mapping[str, LineRecord],
    prices: PriceTable,
) -> RevisionPrice:
    """Of the script as it stands, of which ``spoken``, by their ids, get takes that are billed."""
    billed = tx.ledger.newest_billed(job.id)
    if billed < 0:  # the reel is billed, with its pauses
        return _price(tx, job, [spoken.get(record.line.id, record) for record in records], (), prices)
    owed = [r for r in records if r.line.id not in spoken and r.take and is_due(r.take, billed)]
    return _price(tx, job, [_without_pauses(record) for record in spoken.values()], owed, prices)


def _price(
    tx: Transaction, job: Job, due: Sequence[LineRecord], owed: Sequence[LineRecord], prices: PriceTable
) -> RevisionPrice:
    """``due`` are to be spoken; ``owed`` have been, by a revision that came to nothing."""
    known_ms, known_micros = _cost_of(owed, prices)
    found = make_estimate(tx, job.tenant_id, due, prices) if due else None
    reel = found.forecast.reel if found else Span(ms=0, low_ms=0, high_ms=0)
    return RevisionPrice(
        duration=Span(ms=reel.ms + known_ms, low_ms=reel.low_ms + known_ms, high_ms=reel.high_ms + known_ms),
        expected_micros=known_micros + (found.expected_micros if found else 0),
        at_most_ms=known_ms + (found.forecast.at_most_ms if found else 0),
        most_micros=known_micros + (found.most_micros if found else 0),
        cached=found.cached if found else frozenset(),
        prices=prices,
    )


def _cost_of(owed: Sequence[LineRecord], prices: PriceTable) -> tuple[int, int]:
    """The length of takes that are there, in milliseconds, and what they cost, in micros."""
    spoken = [_known(record) for record in owed]
    known_ms = sum(each.duration_ms for each in spoken)
    charges = itemise(spoken, billable_ms=known_ms, prices=prices) if known_ms else ()
    return known_ms, sum(charge.amount_micros for charge in charges)


def _without_pauses(record: LineRecord) -> LineRecord:
    return replace(record, line=replace(record.line, pause_after_ms=0, overlap_ms=0, slot=None))


def _known(record: LineRecord) -> Spoken:
    assert record.take is not None
    return Spoken(
        speaker_id=record.voice.speaker_id, engine=record.voice.engine, duration_ms=record.take.duration_ms
    )
