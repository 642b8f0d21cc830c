"""The ledger, which is only added to, and the prices it was written by."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.rows import Row
from voicereel.adapters.database.tables import ledger, ledger_items, price_versions, prices
from voicereel.domain.errors import Conflict, NoPrice
from voicereel.domain.prices import ANY_ENGINE, NOBODY, RENDER, Charge, PriceTable
from voicereel.ports import LedgerEntry, LedgerRow, UsageBy, UsageSum

_ENTRY_COLUMNS = (
    "tenant_id", "job_id", "revision", "kind", "billable_ms", "fence", "key_id", "project", "amount_micros",
    "currency", "price_version", "reason",
)  # fmt: skip
_ITEM_COLUMNS = ("speaker_id", "engine", "billable_ms", "per_second_micros", "amount_micros")


class Ledger:
    """`LedgerRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, entry: LedgerEntry) -> int:
        values = {name: getattr(entry, name) for name in _ENTRY_COLUMNS}
        ledger_id = self._connection.execute(ledger.insert().returning(ledger.c.id), values).scalar_one()
        if entry.items:
            rows = [
                {"ledger_id": ledger_id, **{name: getattr(charge, name) for name in _ITEM_COLUMNS}}
                for charge in entry.items
            ]
            self._connection.execute(ledger_items.insert(), rows)
        return int(ledger_id)

    def prices(self, at: datetime) -> PriceTable:
        c = price_versions.c
        newest = (
            sa.select(c.version).where(c.valid_from <= at).order_by(c.valid_from.desc(), c.version.desc())
        )
        found = self._tables(c.version == newest.limit(1).scalar_subquery())
        if not found:
            raise NoPrice(f"No prices were valid in {at.year}.")
        return found[0]

    def price_tables(self) -> tuple[PriceTable, ...]:
        """Every version there ever was, in order."""
        return self._tables(sa.true())

    def _tables(self, where: sa.ColumnElement[bool]) -> tuple[PriceTable, ...]:
        query = sa.select(price_versions, prices.c.engine, prices.c.kind, prices.c.per_second_micros)
        query = query.join(prices, prices.c.version == price_versions.c.version).where(where)
        found = self._connection.execute(query.order_by(price_versions.c.version)).mappings().all()
        return tuple(_table(list(rows)) for _, rows in groupby(found, lambda row: row["version"]))

    def add_prices(self, *, currency: str, valid_from: datetime, rates: Mapping[tuple[str, str], int]) -> int:
        known = self.price_tables()
        if currency != known[-1].currency and self._currency_is_settled(known, valid_from):
            raise Conflict(f"This service charges in {known[-1].currency}: there is no changing it any more.")
        version = known[-1].version + 1
        self._connection.execute(
            price_versions.insert(), {"version": version, "currency": currency, "valid_from": valid_from}
        )
        self._connection.execute(
            prices.insert(),
            [
                {"version": version, "engine": engine, "kind": kind, "per_second_micros": rate}
                for (engine, kind), rate in rates.items()
            ],
        )
        return version

    def _currency_is_settled(self, known: Sequence[PriceTable], valid_from: datetime) -> bool:
        """Whether anything costs or has cost something, or another currency would come back later."""
        if any(table.valid_from > valid_from or any(table.rates.values()) for table in known):
            return True
        return self._connection.scalar(sa.select(sa.exists().where(ledger.c.amount_micros != 0))) or False

    def entry_of(self, job_id: str, *, revision: int, kind: str) -> LedgerRow | None:
        c = ledger.c
        where = (c.job_id == job_id) & (c.revision == revision) & (c.kind == kind)
        found = self._read(sa.select(ledger).where(where))
        return found[0] if found else None

    def newest_billed(self, job_id: str) -> int:
        where = (ledger.c.job_id == job_id) & (ledger.c.kind == RENDER)
        found = self._connection.scalar(sa.select(sa.func.max(ledger.c.revision)).where(where))
        return -1 if found is None else int(found)

    def entries(
        self, tenant_id: str, *, since: datetime, until: datetime, after: LedgerRow | None, limit: int
    ) -> tuple[LedgerRow, ...]:
        c = ledger.c
        # The bound moves on with the pages, so that the index leads to the first row of each.
        start = since if after is None else after.created_at
        query = sa.select(ledger).where(c.tenant_id == tenant_id, c.created_at >= start, c.created_at < until)
        if after is not None:
            query = query.where(sa.or_(c.created_at > after.created_at, c.id > after.id))
        return self._read(query.order_by(c.created_at, c.id).limit(limit))

    def _read(self, query: sa.Select[Any]) -> tuple[LedgerRow, ...]:
        found = self._connection.execute(query).mappings().all()
        items = self._items([row["id"] for row in found])
        return tuple(_row(row, items.get(row["id"], ())) for row in found)

    def _items(self, ids: Sequence[int]) -> dict[int, tuple[Charge, ...]]:
        query = sa.select(ledger_items).where(ledger_items.c.ledger_id.in_(ids))
        # In Python: databases disagree on the order of texts.
        found = sorted(
            self._connection.execute(query).mappings(),
            key=lambda row: (row["ledger_id"], row["speaker_id"], row["engine"]),
        )
        return {
            ledger_id: tuple(Charge(**{name: row[name] for name in _ITEM_COLUMNS}) for row in rows)
            for ledger_id, rows in groupby(found, lambda row: int(row["ledger_id"]))
        }

    def totals(
        self, tenant_id: str, *, since: datetime, until: datetime, by: UsageBy
    ) -> tuple[tuple[UsageSum, ...], UsageSum]:
        c = ledger.c
        within = (c.tenant_id == tenant_id) & (c.created_at >= since) & (c.created_at < until)
        facts = self._facts(by).where(within).cte("facts")
        # One statement: groups and their total are of one moment.
        query = sa.union_all(
            _sums(facts, facts.c.bucket, is_total=False).group_by(facts.c.bucket),
            _sums(facts, sa.literal(None, sa.Text), is_total=True),
        )
        found = self._connection.execute(query).mappings().all()
        (total,) = (_sum(row) for row in found if row["is_total"])
        return tuple(sorted(_groups(found), key=lambda each: (each.group is None, each.group or ""))), total

    def _facts(self, by: UsageBy) -> sa.Select[Any]:
        """A row an entry, or an item of one: its group and what it adds."""
        c, i = ledger.c, ledger_items.c
        render_id = sa.case((c.kind == RENDER, c.id)).label("render_id")
        if by in ("day", "key", "project"):
            buckets = {"day": self._day(), "key": c.key_id, "project": c.project}
            return sa.select(buckets[by].label("bucket"), render_id, c.billable_ms, c.amount_micros)
        bucket = sa.func.nullif(*((i.speaker_id, NOBODY) if by == "speaker" else (i.engine, ANY_ENGINE)))
        # An entry without items counts itself.
        return sa.select(
            bucket.label("bucket"),
            render_id,
            sa.func.coalesce(i.billable_ms, c.billable_ms).label("billable_ms"),
            sa.func.coalesce(i.amount_micros, c.amount_micros).label("amount_micros"),
        ).select_from(ledger.outerjoin(ledger_items, i.ledger_id == c.id))

    def _day(self) -> sa.ColumnElement[Any]:
        """The UTC day of an entry as text."""
        if self._connection.dialect.name == "sqlite":
            return sa.func.substr(ledger.c.created_at, 1, 10)
        return sa.func.to_char(sa.func.timezone("UTC", ledger.c.created_at), "YYYY-MM-DD")


def _sums(facts: sa.CTE, bucket: sa.ColumnElement[Any], *, is_total: bool) -> sa.Select[Any]:
    return sa.select(
        sa.literal(int(is_total)).label("is_total"),
        bucket.label("bucket"),
        sa.func.count(facts.c.render_id.distinct()).label("jobs"),
        sa.func.sum(facts.c.billable_ms).label("billable_ms"),
        sa.func.sum(facts.c.amount_micros).label("amount_micros"),
    )


def _groups(rows: Sequence[Row]) -> Iterator[UsageSum]:
    return (_sum(row) for row in rows if not row["is_total"])


def _sum(row: Row) -> UsageSum:
    """Sums as whole numbers: of nothing they are NULL, and PostgreSQL makes them decimals."""
    return UsageSum(
        group=row["bucket"],
        jobs=row["jobs"],
        billable_ms=int(row["billable_ms"] or 0),
        amount_micros=int(row["amount_micros"] or 0),
    )


def _row(row: Row, items: tuple[Charge, ...]) -> LedgerRow:
    entry = LedgerEntry(**{name: row[name] for name in _ENTRY_COLUMNS}, items=items)
    return LedgerRow(id=row["id"], created_at=row["created_at"], entry=entry)


def _table(rows: Sequence[Row]) -> PriceTable:
    return PriceTable(
        version=rows[0]["version"],
        currency=rows[0]["currency"],
        valid_from=rows[0]["valid_from"],
        rates={(row["engine"], row["kind"]): row["per_second_micros"] for row in rows},
    )
