"""What was used and what it costs: totals and reports for customers, prices and corrections for operators."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any, TypeVar

from voicereel.domain.account import Principal
from voicereel.domain.errors import Conflict, FieldError, InvalidRequest, NotFound
from voicereel.domain.prices import ADJUSTMENT, ANY_ENGINE, RENDER, PriceTable
from voicereel.ports import Clock, LedgerRow, UnitOfWork, UsageBy, UsageSum
from voicereel.services.usage_report import Report, sum_view

T = TypeVar("T")

LONGEST_RANGE_DAYS = 366

# What was written in the last moments of a month has been committed by then.
_CLOSES_AFTER = timedelta(hours=1)
# How far the clocks of an operator and of the service may be apart.
_PAST_PRICES = timedelta(minutes=5)
_PAGE = 500
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageService:
    """Reads the ledger for its tenant; prices it and corrects it for an operator."""

    work: UnitOfWork
    now: Clock

    def usage(
        self, principal: Principal, *, since: date | None, until: date | None, group_by: UsageBy
    ) -> dict[str, Any]:
        """Totals of the UTC days ``[since, until)``: of this month up to today if none are given."""
        now = self.now()
        until = until or now.date() + _ONE_DAY
        since = since or (until - _ONE_DAY).replace(day=1)
        _check_range(since, until)
        with self.work.reading() as tx:
            groups, total = tx.ledger.totals(
                principal.tenant_id, since=_midnight(since), until=_midnight(until), by=group_by
            )
            currency = tx.ledger.prices(now).currency
        return {
            "from": since.isoformat(),
            "to": until.isoformat(),
            "group_by": group_by,
            "currency": currency,
            "data": [{"group": each.group, **_sum_view(each)} for each in groups],
            "total": _sum_view(total),
        }

    def report(self, principal: Principal, month: str) -> Report:
        """All entries of a month (``2026-11``), read as they are asked for.

        Once the month is closed, its report is the same for ever.
        """
        first = date.fromisoformat(f"{month}-01")
        since, until = _midnight(first), _midnight((first + 31 * _ONE_DAY).replace(day=1))
        now = self.now()
        if since > now:
            raise InvalidRequest((FieldError("month", "out_of_range", "This month has not begun."),))
        with self.work.reading() as tx:
            # Prices never begin in the past: of a closed month this stays as it is.
            currency = tx.ledger.prices(until).currency
        return Report(
            month=month,
            closed=now >= until + _CLOSES_AFTER,
            currency=currency,
            pages=_begun(self._pages(principal.tenant_id, since, until)),
        )

    def _pages(self, tenant_id: str, since: datetime, until: datetime) -> Iterator[tuple[LedgerRow, ...]]:
        """Each page in a transaction of its own: a reader who takes his time holds no connection."""
        after = None
        while True:
            with self.work.reading() as tx:
                page = tx.ledger.entries(tenant_id, since=since, until=until, after=after, limit=_PAGE)
            yield page
            if len(page) < _PAGE:
                return
            after = page[-1]

    def adjust(self, job_id: str, *, revision: int, amount_micros: int, reason: str) -> int:
        """Correct what a job was billed by an entry of its own, written now; that entry's id."""
        if amount_micros == 0:
            raise InvalidRequest((FieldError("amount", "out_of_range", "Nothing is no adjustment."),))
        with self.work.writing() as tx:
            billed = tx.ledger.entry_of(job_id, revision=revision, kind=RENDER)
            if billed is None:
                raise NotFound("revision of a job that was billed")
            if tx.ledger.entry_of(job_id, revision=revision, kind=ADJUSTMENT) is not None:
                raise Conflict("This revision of the job has been adjusted already.")
            adjustment = replace(
                billed.entry,
                kind=ADJUSTMENT,
                billable_ms=0,
                amount_micros=amount_micros,
                currency=tx.ledger.prices(self.now()).currency,
                items=(),
                reason=reason,
            )
            return tx.ledger.add(adjustment)

    def price_tables(self) -> tuple[PriceTable, ...]:
        """Every version of the prices, the oldest first."""
        with self.work.reading() as tx:
            return tx.ledger.price_tables()

    def set_prices(
        self, *, currency: str, valid_from: datetime | None, rates: Mapping[tuple[str, str], int]
    ) -> int:
        """Write new prices, valid from now or from a moment to come; their version."""
        now = self.now()
        if valid_from is not None and valid_from < now - _PAST_PRICES:
            detail = "Jobs accepted since then have their prices: this must not be in the past."
            raise InvalidRequest((FieldError("/valid_from", "out_of_range", detail),))
        if (ANY_ENGINE, RENDER) not in rates:
            detail = f"One rate must be for '{ANY_ENGINE}', which is every engine without its own."
            raise InvalidRequest((FieldError("/rates", "missing", detail),))
        with self.work.writing() as tx:
            return tx.ledger.add_prices(currency=currency, valid_from=valid_from or now, rates=rates)


def _begun(pages: Iterator[T]) -> Iterator[T]:
    """The same pages, the first one read: that the database is busy must be known before a reply begins."""
    return chain((next(pages),), pages)


def _check_range(since: date, until: date) -> None:
    if since >= until:
        raise InvalidRequest((FieldError("to", "out_of_range", "This must be after 'from'."),))
    if (until - since).days > LONGEST_RANGE_DAYS:
        detail = f"At most {LONGEST_RANGE_DAYS} days are added up at once."
        raise InvalidRequest((FieldError("to", "out_of_range", detail),))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _sum_view(found: UsageSum) -> dict[str, Any]:
    return sum_view(found.jobs, found.billable_ms, found.amount_micros)
