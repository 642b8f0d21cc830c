"""A month of the ledger as text, written while it is read: no month is ever held whole."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from voicereel.domain.prices import RENDER, Charge, amount_text
from voicereel.domain.spreadsheets import harmless
from voicereel.ports import LedgerRow
from voicereel.services.views import moment

CSV_COLUMNS = (
    "id", "created_at", "job_id", "revision", "kind", "key_id", "project", "speaker_id", "engine",
    "billable_ms", "per_second", "amount", "currency", "price_version", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One month of one tenant. ``pages`` can be gone through once."""

    month: str
    closed: bool
    currency: str
    pages: Iterator[tuple[LedgerRow, ...]]


def json_chunks(report: Report) -> Iterator[str]:
    """The report as one JSON object, a page of entries at a time."""
    head = {"month": report.month, "closed": report.closed, "currency": report.currency}
    yield _json(head)[:-1] + ',"entries":['
    separator, jobs, billable_ms, amount_micros = "", 0, 0, 0
    for page in filter(None, report.pages):
        yield separator + ",".join(_json(_entry_view(row)) for row in page)
        separator = ","
        entries = [row.entry for row in page]
        jobs += sum(entry.kind == RENDER for entry in entries)
        billable_ms += sum(entry.billable_ms for entry in entries)
        amount_micros += sum(entry.amount_micros for entry in entries)
    yield "]," + _json({"total": sum_view(jobs, billable_ms, amount_micros)})[1:]


def csv_chunks(report: Report) -> Iterator[str]:
    """The report as CSV (RFC 4180), a row an item; an entry without items is one row."""
    yield _csv([CSV_COLUMNS])
    for page in report.pages:
        yield _csv(cells for row in page for cells in _rows_of(row))


def sum_view(jobs: int, billable_ms: int, amount_micros: int) -> dict[str, Any]:
    return {"jobs": jobs, "billable_ms": billable_ms, "amount": amount_text(amount_micros)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _entry_view(row: LedgerRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "id": row.id,
        "created_at": moment(row.created_at),
        "job_id": entry.job_id,
        "revision": entry.revision,
        "kind": entry.kind,
        "key_id": entry.key_id,
        "project": entry.project,
        "billable_ms": entry.billable_ms,
        "amount": amount_text(entry.amount_micros),
        "price_version": entry.price_version,
        "reason": entry.reason,
        "items": [_item_view(charge) for charge in entry.items],
    }


def _item_view(charge: Charge) -> dict[str, Any]:
    return {
        "speaker_id": charge.speaker_id,
        "engine": charge.engine,
        "billable_ms": charge.billable_ms,
        "per_second": amount_text(charge.per_second_micros),
        "amount": amount_text(charge.amount_micros),
    }


def _rows_of(row: LedgerRow) -> Iterator[list[object]]:
    view = _entry_view(row) | {"currency": row.entry.currency}
    items: list[dict[str, Any]] = view["items"] or [{}]
    for item in items:
        cells = view | item
        cells |= {name: harmless(cells[name]) for name in ("project", "reason")}
        yield [cells.get(name) for name in CSV_COLUMNS]


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
