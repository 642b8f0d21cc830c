"""Ledger entries for tests, written at moments that have passed."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from voicereel.adapters.database.database import Database
from voicereel.adapters.database.tables import ledger, ledger_items
from voicereel.domain.prices import Charge
from voicereel.ports import LedgerEntry


def charge(speaker_id: str, engine: str, billable_ms: int) -> Charge:
    """A charge of a micro a millisecond."""
    return Charge(
        speaker_id=speaker_id,
        engine=engine,
        billable_ms=billable_ms,
        per_second_micros=1000,
        amount_micros=billable_ms,
    )


def an_entry(job_id: str, *items: Charge, **changes: Any) -> LedgerEntry:
    facts = {
        "tenant_id": "ten_1",
        "job_id": job_id,
        "revision": 0,
        "kind": "render",
        "billable_ms": sum(item.billable_ms for item in items),
        "fence": 1,
        "key_id": "key_1",
        "project": None,
        "amount_micros": sum(item.amount_micros for item in items),
        "currency": "USD",
        "price_version": 1,
        "items": items,
    }
    return LedgerEntry(**{**facts, **changes})


def write_at(database: Database, entry: LedgerEntry, at: datetime) -> int:
    """Write an entry as `Ledger.add` would have at that moment; its id."""
    values = asdict(entry) | {"created_at": at}
    items = values.pop("items")
    with database.engine.begin() as connection:
        ledger_id = connection.execute(ledger.insert().values(values).returning(ledger.c.id)).scalar_one()
        if items:
            connection.execute(ledger_items.insert(), [{"ledger_id": ledger_id, **item} for item in items])
    return int(ledger_id)
