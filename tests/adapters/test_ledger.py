"""The ledger and the prices on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.ledgers import an_entry, charge, write_at
from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database
from voicereel.domain.errors import Conflict, NoPrice
from voicereel.domain.prices import PriceTable
from voicereel.ports import LedgerEntry, LedgerRow, UsageBy, UsageSum

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate.upgrade(database_url)
    database = Database(database_url)
    with database.writing() as tx:
        tx.accounts.ensure_tenant("one", tenant_id="ten_1")
        tx.accounts.ensure_tenant("two", tenant_id="ten_2")
    yield database
    database.close()


def write(database: Database, entry: LedgerEntry) -> int:
    with database.writing() as tx:
        return tx.ledger.add(entry)


def read(database: Database, *, since: datetime = OCTOBER, until: datetime = NOVEMBER) -> list[LedgerRow]:
    """All entries of a time, read in pages of two."""
    found: list[LedgerRow] = []
    with database.reading() as tx:
        while True:
            page = tx.ledger.entries(
                "ten_1", since=since, until=until, after=found[-1] if found else None, limit=2
            )
            found += page
            if len(page) < 2:
                return found


def totals(
    database: Database, by: UsageBy
) -> tuple[dict[str | None, tuple[int, int, int]], tuple[int, int, int]]:
    with database.reading() as tx:
        groups, total = tx.ledger.totals("ten_1", since=OCTOBER, until=NOVEMBER, by=by)
    return {each.group: _figures(each) for each in groups}, _figures(total)


def _figures(found: UsageSum) -> tuple[int, int, int]:
    return found.jobs, found.billable_ms, found.amount_micros


def test_an_entry_is_read_back_as_it_was_written(database: Database) -> None:
    entry = an_entry("job_1", charge("spk_B", "fake", 10), charge("spk_a", "fake", 5), project="=1+1")
    ledger_id = write(database, entry)
    with database.reading() as tx:
        found = tx.ledger.entry_of("job_1", revision=0, kind="render")
        assert tx.ledger.entry_of("job_1", revision=0, kind="adjustment") is None
    assert found is not None
    assert (found.id, found.entry) == (ledger_id, entry)


def write_with_a_tenant(database: Database, entry: LedgerEntry) -> None:
    with database.writing() as tx:
        tx.accounts.ensure_tenant("three", tenant_id="ten_3")
        tx.ledger.add(entry)


def test_a_second_entry_of_its_kind_is_refused_with_all_that_came_with_it(database: Database) -> None:
    write(database, an_entry("job_1", charge("spk_a", "fake", 5)))
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)unique"):
        write_with_a_tenant(database, an_entry("job_1", charge("spk_a", "fake", 5)))
    write(database, an_entry("job_1", kind="adjustment", amount_micros=-5, reason="Noise."))
    write(database, an_entry("job_1", charge("spk_a", "fake", 5), revision=1))
    with database.engine.connect() as connection:
        counts = [
            connection.scalar(sa.text(f"SELECT count(*) FROM {name}"))
            for name in ("ledger", "ledger_items", "tenants")
        ]
    assert counts == [3, 2, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET amount_micros = 0",
        "UPDATE ledger SET billable_ms = billable_ms",
        "DELETE FROM ledger WHERE job_id = 'job_1'",
        "UPDATE ledger_items SET amount_micros = 0",
        "DELETE FROM ledger_items",
    ],
)
def test_what_was_written_can_be_neither_changed_nor_removed(database: Database, statement: str) -> None:
    entry = an_entry("job_1", charge("spk_a", "fake", 5))
    write(database, entry)
    with pytest.raises(sa.exc.DatabaseError, match="only added to"), database.engine.begin() as connection:
        connection.execute(sa.text(statement))
    with database.reading() as tx:
        found = tx.ledger.entry_of("job_1", revision=0, kind="render")
    assert found is not None
    assert found.entry == entry


def test_entries_come_in_order_and_pages_neither_miss_nor_repeat(database: Database) -> None:
    moments = [OCTOBER + hours * timedelta(hours=1) for hours in (5, 1, 1, 1, 3, 0)]
    moments += [OCTOBER - MILLISECOND, NOVEMBER - MILLISECOND, NOVEMBER]
    ids = [
        write_at(database, an_entry(f"job_{number}", charge("spk_a", "fake", 1)), at)
        for number, at in enumerate(moments)
    ]
    write_at(database, an_entry("job_other", tenant_id="ten_2"), OCTOBER)
    found = read(database)
    assert [row.id for row in found] == [ids[at] for at in (5, 1, 2, 3, 4, 0, 7)]
    assert [row.created_at for row in found] == sorted(m for m in moments if OCTOBER <= m < NOVEMBER)
    assert all(len(row.entry.items) == 1 for row in found)


def test_groups_are_of_the_right_things_and_add_up_to_the_ledger(database: Database) -> None:
    night = OCTOBER + timedelta(hours=23, minutes=59, seconds=59, milliseconds=999)
    write_at(
        database, an_entry("job_1", charge("spk_a", "x", 10), charge("spk_b", "y", 20), project="p"), night
    )
    write_at(database, an_entry("job_2", charge("spk_a", "x", 3), key_id="key_2"), night + MILLISECOND)
    write_at(database, an_entry("job_3", charge("", "*", 7)), night + MILLISECOND)
    adjustment = an_entry("job_1", kind="adjustment", amount_micros=-30, project="p", reason="Noise.")
    write_at(database, adjustment, night + 3 * MILLISECOND)
    write_at(database, an_entry("job_4", charge("spk_a", "x", 1000)), NOVEMBER)
    write_at(database, an_entry("job_5", charge("spk_a", "x", 1000), tenant_id="ten_2"), night)
    expected: dict[UsageBy, dict[str | None, tuple[int, int, int]]] = {
        "day": {"2026-10-01": (1, 30, 30), "2026-10-02": (2, 10, -20)},
        "key": {"key_1": (2, 37, 7), "key_2": (1, 3, 3)},
        "project": {"p": (1, 30, 0), None: (2, 10, 10)},
        "speaker": {"spk_a": (2, 13, 13), "spk_b": (1, 20, 20), None: (1, 7, -23)},
        "engine": {"x": (2, 13, 13), "y": (1, 20, 20), None: (1, 7, -23)},
    }
    for by, groups in expected.items():
        found, total = totals(database, by)
        assert list(found.items()) == list(groups.items()), by  # null is the last
        assert total == (3, 40, 10), by
        assert sum(amount for _, _, amount in found.values()) == total[2]
    rows = read(database)
    assert sum(row.entry.amount_micros for row in rows) == 10
    assert sum(row.entry.billable_ms for row in rows) == 40


def test_the_total_of_nothing_is_nothing(database: Database) -> None:
    assert totals(database, "speaker") == ({}, (0, 0, 0))


def add_prices(database: Database, valid_from: datetime, rate: int, *, currency: str = "USD") -> int:
    with database.writing() as tx:
        return tx.ledger.add_prices(
            currency=currency,
            valid_from=valid_from,
            rates={("*", "render"): rate, ("fake", "render"): 2 * rate},
        )


def prices_at(database: Database, at: datetime) -> PriceTable:
    with database.reading() as tx:
        return tx.ledger.prices(at)


def test_the_prices_of_a_moment_are_those_that_began_last(database: Database) -> None:
    assert prices_at(database, OCTOBER).rates == {("*", "render"): 0}
    versions = [add_prices(database, at, rate) for at, rate in ((NOVEMBER, 5), (OCTOBER, 3), (OCTOBER, 4))]
    assert versions == [2, 3, 4]
    moments = (OCTOBER - MILLISECOND, OCTOBER, NOVEMBER - MILLISECOND, NOVEMBER)
    assert [prices_at(database, at).version for at in moments] == [1, 4, 4, 2]
    assert prices_at(database, NOVEMBER) == PriceTable(
        version=2, currency="USD", valid_from=NOVEMBER, rates={("*", "render"): 5, ("fake", "render"): 10}
    )
    with database.reading() as tx:
        assert [table.version for table in tx.ledger.price_tables()] == [1, 2, 3, 4]


def test_before_the_first_prices_there_are_none(database: Database) -> None:
    with pytest.raises(NoPrice):
        prices_at(database, datetime(1969, 12, 31, tzinfo=UTC))


def test_the_currency_is_chosen_before_anything_costs_anything(database: Database) -> None:
    assert add_prices(database, OCTOBER, 0, currency="KRW") == 2
    with pytest.raises(Conflict, match="KRW"):
        add_prices(database, OCTOBER - MILLISECOND, 1, currency="EUR")  # KRW would come back
    assert add_prices(database, OCTOBER, 1, currency="EUR") == 3
    with pytest.raises(Conflict, match="EUR"):
        add_prices(database, NOVEMBER, 0, currency="USD")
    assert add_prices(database, NOVEMBER, 0, currency="EUR") == 4


def test_a_currency_that_was_billed_in_stays(database: Database) -> None:
    write(database, an_entry("job_1", kind="adjustment", amount_micros=1, reason="x"))
    with pytest.raises(Conflict, match="USD"):
        add_prices(database, OCTOBER, 1, currency="EUR")
