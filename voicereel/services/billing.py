"""What a finished job costs: one ledger entry, in the commit that makes it succeed."""

from collections.abc import Sequence

from voicereel.domain.job import Job, LineRecord
from voicereel.domain.prices import RENDER, Charge, PriceTable, Spoken, itemise, lowered
from voicereel.domain.quotes import Cap
from voicereel.domain.revisions import billable_by_line
from voicereel.ports import LedgerEntry, Transaction
from voicereel.telemetry import metrics

# The label by which a customer's own accounts tell jobs apart.
PROJECT = "project"


def bill(tx: Transaction, job: Job, *, fence: int) -> int:
    """Bill a revision that succeeds now, at the prices it was accepted by; its ``billable_ms``.

    They are measured from the audio that was made; see `billable_by_line`. What costs nothing has its
    entry, too: every success has one. Call it in the transaction that ends the job: a second entry of the
    same job and revision fails that transaction.
    """
    prices = tx.ledger.prices(job.revised_at or job.created_at)
    records = tx.jobs.lines(job.id, words=False)
    made_ms, by_line = billable_by_line(
        records, billed=tx.ledger.newest_billed(job.id), reel_ms=reel_ms_of(job)
    )
    spoken = [_spoken(record, ms) for record, ms in zip(records, by_line, strict=True)]
    billable_ms, charges, reason = charge(spoken, made_ms, prices, job.cap)
    entry = LedgerEntry(
        tenant_id=job.tenant_id,
        job_id=job.id,
        revision=job.revision,
        kind=RENDER,
        billable_ms=billable_ms,
        fence=fence,
        key_id=job.key_id,
        project=job.metadata.get(PROJECT),
        amount_micros=sum(charge.amount_micros for charge in charges),
        currency=prices.currency,
        price_version=prices.version,
        items=charges,
        reason=reason,
    )
    tx.ledger.add(entry)
    metrics.billed(entry.currency, entry.amount_micros / 1_000_000, billable_ms / 1000)
    return billable_ms


def reel_ms_of(job: Job) -> int:
    """The length of a job's reel, as its newest revision made it."""
    made = (file for file in job.artifacts if file.kind == "audio" and file.revision == job.revision)
    return max(int(file.facts["duration_ms"]) for file in made)


def charge(
    spoken: Sequence[Spoken], made_ms: int, prices: PriceTable, cap: Cap | None
) -> tuple[int, tuple[Charge, ...], str | None]:
    """What is billed of so many milliseconds made, the charges, and why it is less than all, if it is.

    Promises hold: no more milliseconds than were quoted, no more money than was quoted or allowed. Where
    nothing was made that costs, there are no charges.
    """
    if not made_ms:
        return 0, (), None
    cap = cap or Cap()
    billable_ms = made_ms if cap.billable_ms is None else min(made_ms, cap.billable_ms)
    charges = itemise(spoken, billable_ms=billable_ms, prices=prices)
    kept = charges if cap.most_micros is None else lowered(charges, cap.most_micros)
    is_less = billable_ms < made_ms or kept != charges
    return billable_ms, kept, _reason(cap, made_ms) if is_less else None


def _reason(cap: Cap, made_ms: int) -> str:
    promise = f"the quote {cap.quote_id}" if cap.quote_id else "the job's max_cost"
    return f"Limited by {promise}; {made_ms} ms were made."


def _spoken(record: LineRecord, billable_ms: int) -> Spoken:
    """A line by whoever really spoke it, and what of it is billed."""
    # Shares go by how long each spoke: whoever is billed for nothing has none.
    spoken_ms = record.take.duration_ms if record.take and billable_ms else 0
    return Spoken(speaker_id=record.voice.speaker_id, engine=record.voice.engine, duration_ms=spoken_ms)
