import json

import httpx

from tests.client.service import JOB_ID, Run, Service, ok, problem

TOTAL = {"jobs": 2, "billable_ms": 4500, "amount": "0.012300"}
USAGE = {
    "from": "2026-10-01",
    "to": "2026-11-01",
    "group_by": "day",
    "currency": "EUR",
    "data": [{"group": "2026-10-03", **TOTAL}, {"group": None, "jobs": 0, "billable_ms": 0, "amount": "0"}],
    "total": TOTAL,
}
ITEM = {
    "speaker_id": "stock:espeak/en",
    "engine": "espeak",
    "billable_ms": 4500,
    "per_second": "0.002733",
    "amount": "0.012300",
}
REPORT = {
    "month": "2026-10",
    "closed": True,
    "currency": "EUR",
    "entries": [
        {
            "id": 1,
            "created_at": "2026-10-03T10:00:00.000Z",
            "job_id": JOB_ID,
            "revision": 0,
            "kind": "render",
            "key_id": "key_1",
            "project": None,
            "billable_ms": 4500,
            "amount": "0.012300",
            "price_version": 1,
            "reason": None,
            "items": [ITEM],
        },
        {
            "id": 2,
            "created_at": "2026-10-04T10:00:00.000Z",
            "job_id": JOB_ID,
            "revision": 0,
            "kind": "adjustment",
            "key_id": None,
            "project": None,
            "billable_ms": 0,
            "amount": "-0.001000",
            "price_version": 1,
            "reason": "Error",
            "items": [],
        },
    ],
    "total": TOTAL,
}


def csv(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/csv; charset=utf-8"})


def test_totals_are_shown(run: Run, service: Service):
    service.answers(ok(USAGE))
    words = ("usage", "show", "--from", "2026-10-01", "--to", "2026-11-01", "--by", "day")
    assert run(*words).stdout.splitlines() == [
        "2026-10-03  2 jobs  4.500 s  0.012300 EUR",
        "-           0 jobs  0.000 s  0 EUR",
        "total       2 jobs  4.500 s  0.012300 EUR",
    ]
    sent = {"from": "2026-10-01", "to": "2026-11-01", "group_by": "day"}
    assert dict(service.seen[0].url.params) == sent
    assert json.loads(run("usage", "show", "--json").stdout) == USAGE


def test_a_month_is_reported(run: Run, service: Service):
    service.answers(ok(REPORT))
    assert run("usage", "report", "--month", "2026-10").stdout.splitlines() == [
        f"2026-10-03T10:00:00Z  {JOB_ID}  render      stock:espeak/en  espeak  4.500 s  0.012300 EUR",
        f"2026-10-04T10:00:00Z  {JOB_ID}  adjustment  -                -       0.000 s  -0.001000 EUR  Error",
        "total  2 jobs  4.500 s  0.012300 EUR  closed",
    ]
    assert json.loads(run("usage", "report", "--month", "2026-10", "--json").stdout) == REPORT
    assert service.paths[0] == "GET /v1/usage/reports/2026-10"


def test_a_month_is_printed_as_the_service_writes_it(run: Run, service: Service):
    text = "id,amount\r\n1,0.012300\r\n"
    service.answers(lambda request: ok({})(request) if request.url.params["format"] != "csv" else csv(text))
    assert run("usage", "report", "--month", "2026-10", "--csv").stdout_bytes.decode() == text
    assert run("usage", "report", "--month", "2026-10", "--csv", "--json").exit_code == 2


def test_an_unknown_month_is_refused_by_the_service(run: Run, service: Service):
    service.answers(problem(422, "invalid_request"))
    assert run("usage", "report", "--month", "October").exit_code == 1
