"""What a finished job costs: one ledger entry, in the commit that makes it succeed."""

from voicereel.domain.job import Job, LineRecord
from voicereel.domain.prices import RENDER, Spoken, itemise
from voicereel.ports import LedgerEntry, Transaction
from voicereel.telemetry import metrics

# The label by which a customer's own accounts tell jobs apart.
PROJECT = "project"


def bill(tx: Transaction, job: Job, *, fence: int) -> int:
    """Bill a job that succeeds now, at the prices it was accepted by; its ``billable_ms``.

    They are measured from the audio that was made. Call it in the transaction that ends the job: a
    second entry of the same job and revision fails that transaction.
    """
    prices = tx.ledger.prices(job.created_at)
    billable_ms: int = max(file.facts["duration_ms"] for file in job.artifacts if file.kind == "audio")
    spoken = [_spoken(record) for record in tx.jobs.lines(job.id, words=False)]
    charges = itemise(spoken, billable_ms=billable_ms, prices=prices)
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
    )
    tx.ledger.add(entry)
    metrics.billed(entry.currency, entry.amount_micros / 1_000_000, billable_ms / 1000)
    return billable_ms


def _spoken(record: LineRecord) -> Spoken:
    """A line by whoever really spoke it; one without a take adds nothing."""
    return Spoken(
        speaker_id=record.voice.speaker_id,
        engine=record.voice.engine,
        duration_ms=record.take.duration_ms if record.take else 0,
    )
