"""Usage and monthly reports over HTTP."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import finish, pointers, script
from tests.conftest import Headers
from tests.ledgers import an_entry, charge, write_at
from voicereel.adapters.database.database import Database
from voicereel.api.app import create_app
from voicereel.bootstrap import Services
from voicereel.services import usage as usage_module

OCTOBER = datetime(2025, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC)
NOW = datetime(2025, 11, 20, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
FORMULA = '=HYPERLINK("http://evil")'


@pytest.fixture
def tenant_id(services: Services, headers: Headers) -> str:
    return services.accounts.authenticate(headers["Authorization"]).tenant_id


@pytest.fixture
def billed(services: Services, tenant_id: str) -> Database:
    """A ledger with two entries in October, an adjustment of the second, and one in November."""
    database = services.usage.work
    assert isinstance(database, Database)
    mine = {"tenant_id": tenant_id}
    one = an_entry(
        "job_1", charge("spk_a", "fake", 1000), charge("spk_b", "fake", 500), project=FORMULA, **mine
    )
    write_at(database, one, OCTOBER + 2 * DAY)
    write_at(database, an_entry("job_2", charge("spk_a", "fake", 40), **mine), NOVEMBER - DAY)
    correction = an_entry("job_2", kind="adjustment", amount_micros=-30, reason="-noise,\nand more", **mine)
    write_at(database, correction, NOVEMBER - timedelta(milliseconds=1))
    write_at(database, an_entry("job_3", charge("spk_a", "fake", 9), **mine), NOVEMBER)
    return database


At = Callable[[datetime], FlaskClient]


@pytest.fixture
def at(services: Services) -> At:
    """The API as it is at a moment."""

    def client(moment: datetime) -> FlaskClient:
        usage = replace(services.usage, now=lambda: moment)
        return create_app(replace(services, usage=usage)).test_client()

    return client


@pytest.fixture
def today(at: At, billed: Database) -> FlaskClient:
    return at(NOW)


def get(client: FlaskClient, headers: Headers, path: str) -> Any:
    reply = client.get(path, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json


def test_a_job_is_in_the_usage_of_its_day(client: FlaskClient, headers: Headers, services: Services) -> None:
    services.usage.set_prices(currency="EUR", valid_from=None, rates={("*", "render"): 1000})
    job = client.post("/v1/synthesize", json=script(), headers=headers).json
    finish(services)
    finished = get(client, headers, f"/v1/jobs/{job['id']}")
    usage = get(client, headers, "/v1/usage?group_by=project")
    assert usage["currency"] == "EUR"
    assert usage["total"]["billable_ms"] == finished["billable_ms"]
    assert usage["data"] == [{"group": None, **usage["total"]}]
    assert usage["total"]["amount"] == f"0.{finished['billable_ms']:06}"


def test_usage_is_of_this_month_so_far_unless_asked_otherwise(today: FlaskClient, headers: Headers) -> None:
    november = {"jobs": 1, "billable_ms": 9, "amount": "0.000009"}
    assert get(today, headers, "/v1/usage") == {
        "from": "2025-11-01",
        "to": "2025-11-21",
        "group_by": "day",
        "currency": "USD",
        "data": [{"group": "2025-11-01", **november}],
        "total": november,
    }
    october = get(today, headers, "/v1/usage?to=2025-11-01")
    assert (october["from"], october["total"]["amount"]) == ("2025-10-01", "0.001510")
    both = get(today, headers, "/v1/usage?from=2025-10-03")
    assert [day["group"] for day in both["data"]] == ["2025-10-03", "2025-10-31", "2025-11-01"]


@pytest.mark.parametrize("group_by", ["day", "key", "project", "speaker", "engine"])
def test_groups_add_up_to_the_report(today: FlaskClient, headers: Headers, group_by: str) -> None:
    query = f"from=2025-10-01&to=2025-11-01&group_by={group_by}"
    usage, report = (
        get(today, headers, path) for path in (f"/v1/usage?{query}", "/v1/usage/reports/2025-10")
    )
    assert usage["total"] == report["total"]
    assert _millionths(usage["data"]) == _millionths(report["entries"]) == 1510
    assert sum(group["billable_ms"] for group in usage["data"]) == report["total"]["billable_ms"] == 1540
    items = [item for entry in report["entries"] for item in entry["items"]]
    assert _millionths(items) == 1540  # but for the adjustment


def _millionths(parts: list[dict[str, Any]]) -> int:
    return sum(round(float(part["amount"]) * 1_000_000) for part in parts)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("from=2025-11-02&to=2025-11-02", {"to": "out_of_range"}),
        ("from=2025-11-21", {"to": "out_of_range"}),
        ("from=2024-01-02&to=2025-01-03", {"to": "out_of_range"}),
        ("from=2025-02-30", {"from": "bad_date"}),
        ("from=20251101&to=2025-11-01T00:00:00Z", {"from": "bad_date", "to": "bad_date"}),
        ("group_by=weather", {"group_by": "unknown_value"}),
    ],
)
def test_what_cannot_be_added_up_is_refused(
    today: FlaskClient, headers: Headers, query: str, wrong: dict[str, str]
) -> None:
    reply = today.get(f"/v1/usage?{query}", headers=headers)
    assert (reply.status_code, pointers(reply)) == (422, wrong)


def test_a_year_and_a_day_is_added_up(today: FlaskClient, headers: Headers) -> None:
    assert get(today, headers, "/v1/usage?from=2025-01-01&to=2026-01-02")["total"]["jobs"] == 3


def test_a_report_has_every_entry_of_its_month(today: FlaskClient, headers: Headers) -> None:
    report = get(today, headers, "/v1/usage/reports/2025-10")
    assert [(e["job_id"], e["kind"], e["amount"], e["reason"]) for e in report["entries"]] == [
        ("job_1", "render", "0.001500", None),
        ("job_2", "render", "0.000040", None),
        ("job_2", "adjustment", "-0.000030", "-noise,\nand more"),
    ]
    assert report["entries"][0]["items"][0] == {
        "speaker_id": "spk_a",
        "engine": "fake",
        "billable_ms": 1000,
        "per_second": "0.001000",
        "amount": "0.001000",
    }
    assert report["entries"][0]["created_at"] == "2025-10-03T00:00:00.000Z"
    assert report["total"] == {"jobs": 2, "billable_ms": 1540, "amount": "0.001510"}


def test_a_report_as_csv_has_a_row_an_item_and_nothing_a_spreadsheet_runs(
    today: FlaskClient, headers: Headers
) -> None:
    reply = today.get("/v1/usage/reports/2025-10?format=csv", headers=headers)
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="usage-2025-10.csv"' in reply.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert [(row["job_id"], row["kind"], row["speaker_id"], row["amount"]) for row in rows] == [
        ("job_1", "render", "spk_a", "0.001000"),
        ("job_1", "render", "spk_b", "0.000500"),
        ("job_2", "render", "spk_a", "0.000040"),
        ("job_2", "adjustment", "", "-0.000030"),
    ]
    assert [row["project"] for row in rows] == [f"'{FORMULA}", f"'{FORMULA}", "", ""]
    assert rows[3]["reason"] == "'-noise,\nand more"
    assert {row["currency"] for row in rows} == {"USD"}


@pytest.mark.parametrize("page", [1, 2, 3, 4])
def test_a_report_is_the_same_whatever_pages_it_is_read_in(
    today: FlaskClient, headers: Headers, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [f"/v1/usage/reports/2025-10?format={name}" for name in ("json", "csv")]
    whole = [today.get(path, headers=headers).text for path in paths]
    monkeypatch.setattr(usage_module, "_PAGE", page)
    assert [today.get(path, headers=headers).text for path in paths] == whole


def test_a_closed_month_never_changes_and_corrections_are_in_the_month_they_are_made(
    today: FlaskClient, headers: Headers, services: Services
) -> None:
    paths = [f"/v1/usage/reports/2025-10?format={name}" for name in ("json", "csv")]
    before = [today.get(path, headers=headers).data for path in paths]
    assert json.loads(before[0])["closed"] is True
    services.usage.adjust("job_1", revision=0, amount_micros=-1500, reason="All of it.")
    services.usage.set_prices(currency="USD", valid_from=None, rates={("*", "render"): 5})
    assert [today.get(path, headers=headers).data for path in paths] == before
    now = datetime.now(UTC)
    open_month = get(create_app(services).test_client(), headers, f"/v1/usage/reports/{now:%Y-%m}")
    last = open_month["entries"][-1]
    assert (last["job_id"], last["kind"], last["amount"]) == ("job_1", "adjustment", "-0.001500")
    assert (last["billable_ms"], last["project"], last["items"]) == (0, FORMULA, [])


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        (NOVEMBER - DAY, False),
        (NOVEMBER + timedelta(minutes=59, seconds=59), False),
        (NOVEMBER + timedelta(hours=1), True),
    ],
)
def test_a_month_is_closed_an_hour_after_its_end(
    at: At, billed: Database, headers: Headers, moment: datetime, closed: bool
) -> None:
    assert get(at(moment), headers, "/v1/usage/reports/2025-10")["closed"] is closed


def test_a_month_that_has_not_begun_has_no_report(at: At, headers: Headers) -> None:
    reply = at(NOVEMBER - timedelta(milliseconds=1)).get("/v1/usage/reports/2025-11", headers=headers)
    assert (reply.status_code, pointers(reply)) == (422, {"month": "out_of_range"})
    assert at(NOVEMBER).get("/v1/usage/reports/2025-11", headers=headers).status_code == 200


@pytest.mark.parametrize("month", ["2025-13", "2025-1", "1999-12", "2025-10-01", "now"])
def test_what_is_no_month_is_not_found(today: FlaskClient, headers: Headers, month: str) -> None:
    assert today.get(f"/v1/usage/reports/{month}", headers=headers).status_code == 404


def test_a_month_without_an_entry_is_an_empty_report(today: FlaskClient, headers: Headers) -> None:
    assert get(today, headers, "/v1/usage/reports/2025-09") == {
        "month": "2025-09",
        "closed": True,
        "currency": "USD",
        "entries": [],
        "total": {"jobs": 0, "billable_ms": 0, "amount": "0.000000"},
    }
    reply = today.get("/v1/usage/reports/2025-09?format=csv", headers=headers)
    assert len(reply.text.splitlines()) == 1


def test_nobody_sees_what_another_tenant_used(
    today: FlaskClient, make_headers: Callable[..., Headers]
) -> None:
    stranger = make_headers("usage:read", tenant="stranger")
    assert get(today, stranger, "/v1/usage?from=2025-10-01")["data"] == []
    assert get(today, stranger, "/v1/usage/reports/2025-10")["entries"] == []
