"""Estimates, the quotes they give, and what jobs are billed by them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tests.faults.invariants import broken
from tests.rendering import Studio
from tests.services.test_billing import PER_SECOND, entries, set_prices
from voicereel.adapters.database.database import Database
from voicereel.api.bodies import read_script
from voicereel.domain.errors import InvalidRequest
from voicereel.domain.prices import PriceTable, Spoken
from voicereel.domain.quotes import Cap, script_sha256
from voicereel.domain.script import Script
from voicereel.services.billing import charge
from voicereel.services.idempotency import Once
from voicereel.services.work import WorkService

TEXTS = ("One two three.", "Four fives are twenty.", "What comes next, and after that?", "Seven.")
LINES = [
    {"speaker": f"stock:fake/{'ab'[at % 2]}", "text": text, "language": "en"} for at, text in enumerate(TEXTS)
]
SCRIPT: dict[str, Any] = {"lines": LINES, "output": {"formats": ["wav"]}}
# As long, and not in the cache once the others are.
OTHER = {**SCRIPT, "lines": [{**each, "text": " ".join(each["text"].split()[::-1])} for each in LINES]}
OTHER["lines"][3] = {**LINES[3], "text": "Eight."}


@pytest.fixture
def priced(fake_studio: Studio) -> Studio:
    set_prices(fake_studio, PER_SECOND)
    return fake_studio


def parsed(script: dict[str, Any]) -> Script:
    return read_script(json.dumps(script).encode())


def estimate(studio: Studio, script: dict[str, Any] = SCRIPT, once: Once | None = None) -> dict[str, Any]:
    reply = studio.services.estimates.estimate(studio.principal, parsed(script), once=once)
    return dict(reply.body)


def refused(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        act()
    (error,) = caught.value.errors
    assert caught.value.code == error.code
    return error.pointer, error.code


def sure(studio: Studio) -> None:
    """No promise is broken by what is in the database."""
    database = studio.services.usage.work
    assert isinstance(database, Database)
    with database.engine.connect() as connection:
        assert list(broken(connection, None, ended=False)) == []


# --- estimates --------------------------------------------------------------------------------------


def test_an_estimate_learns_from_what_was_rendered(priced: Studio) -> None:
    guess = estimate(priced, OTHER)
    assert [each["known_lines"] for each in guess["speech"]] == [0, 0]
    priced.submit(SCRIPT)
    priced.work()
    for _ in range(2):  # noted by the run, then added up by the sweep
        known = estimate(priced, OTHER)
        assert [(each["lines"], each["known_lines"]) for each in known["speech"]] == [(2, 2), (2, 2)]
        priced.services.upkeep.sweep()
    priced.submit(OTHER)
    priced.work()
    made_ms = entries(priced)[-1].entry.billable_ms
    missed = [abs(each["expected"]["duration"]["ms"] - made_ms) for each in (guess, known)]
    assert missed[1] < missed[0]
    assert known["expected"]["amount"] == f"{known['expected']['duration']['ms'] / 1000:.6f}"
    assert known["at_most"]["billable_ms"] >= known["expected"]["duration"]["ms"]
    assert known["cached_lines"] == []


def test_what_the_cache_holds_is_expected_to_cost_nothing_and_is_quoted_all_the_same(priced: Studio) -> None:
    priced.submit(SCRIPT)
    priced.work()
    again, part = estimate(priced), estimate(priced, {**SCRIPT, "lines": [*LINES[:3], OTHER["lines"][3]]})
    assert (again["cached_lines"], again["expected"]["amount"]) == (["l1", "l2", "l3", "l4"], "0.000000")
    assert again["at_most"]["billable_ms"] >= again["expected"]["duration"]["ms"] > 0
    assert part["cached_lines"] == ["l1", "l2", "l3"]
    assert 0 < float(part["expected"]["amount"]) < part["expected"]["duration"]["ms"] / 1000 / 2


def test_what_is_known_of_stock_voices_serves_others_of_the_engine(priced: Studio) -> None:
    lines = [{**each, "speaker": "stock:fake/a"} for each in LINES]
    priced.submit({**SCRIPT, "lines": lines * 5})
    priced.work()
    other = {**SCRIPT, "lines": [{**each, "speaker": "stock:fake/b"} for each in LINES]}
    before = estimate(priced, other)
    priced.services.upkeep.sweep()
    after = estimate(priced, other)
    priced.submit(other)
    priced.work()
    made_ms = entries(priced)[1].entry.billable_ms
    missed = [abs(each["expected"]["duration"]["ms"] - made_ms) for each in (before, after)]
    assert missed[1] < missed[0]
    assert after["speech"][0]["known_lines"] == 0


def test_an_estimate_makes_no_job_and_warns_of_what_would_come(priced: Studio) -> None:
    lines = [
        {"speaker": "stock:fake/a", "text": "…", "language": "en"},
        {"speaker": "stock:fake/a", "text": "Sung.", "style": "opera", "language": "en"},
        {"speaker": "stock:fake/a", "text": "Late.", "overlap_ms": 5000, "language": "en"},
        {
            "speaker": "stock:fake/a",
            "text": "Long. " * 9,
            "slot": {"start_ms": 0, "end_ms": 90},
            "language": "en",
        },
    ]
    found = estimate(priced, {**SCRIPT, "lines": lines})
    assert [(each["code"], each["pointer"]) for each in found["warnings"]] == [
        ("nothing_to_speak", "/lines/0/text"),
        ("style_not_supported", "/lines/1"),
        ("slot_overrun", "/lines/3/slot"),
        ("overlap_too_long", "/lines/2/overlap_ms"),
    ]
    assert priced.work() == 0


def test_the_same_request_gives_the_same_quote(priced: Studio) -> None:
    once = Once(route="estimate", key="k", request_sha256="0" * 64)
    first, second = (estimate(priced, once=once) for _ in range(2))
    assert first["quote_id"] == second["quote_id"]
    assert estimate(priced)["quote_id"] != first["quote_id"]


# --- quotes -----------------------------------------------------------------------------------------


def test_a_job_is_billed_no_more_than_its_quote(priced: Studio) -> None:
    quote = estimate(priced)
    halve(priced, quote["quote_id"])
    job_id = priced.submit(
        {**SCRIPT, "quote_id": quote["quote_id"], "title": "Another", "metadata": {"a": "b"}}
    )
    priced.work()
    (row,) = entries(priced)
    half_ms = quote["at_most"]["billable_ms"] // 2
    assert row.entry.billable_ms == priced.job(job_id)["billable_ms"] == half_ms
    assert row.entry.amount_micros == sum(item.amount_micros for item in row.entry.items) == half_ms * 1000
    made_ms = priced.job(job_id)["outputs"]["audio"][0]["duration_ms"]
    assert row.entry.reason == f"Limited by the quote {quote['quote_id']}; {made_ms} ms were made."
    sure(priced)


def halve(studio: Studio, quote_id: str) -> None:
    """Have a quote say half of what it said."""
    database = studio.services.usage.work
    assert isinstance(database, Database)
    with database.engine.begin() as connection:
        halved = "UPDATE quotes SET billable_ms = billable_ms / 2, amount_micros = (billable_ms / 2) * 1000"
        connection.execute(sa.text(f"{halved} WHERE id = :id"), {"id": quote_id})


def test_a_job_below_its_quote_is_billed_what_was_made(priced: Studio) -> None:
    priced.submit({**SCRIPT, "lines": LINES * 3})
    priced.work()
    quote = estimate(priced)
    for _ in range(2):  # a quote is for as many jobs as it is sent with
        priced.submit({**SCRIPT, "quote_id": quote["quote_id"]})
    priced.work()
    made = [row.entry for row in entries(priced)][1:]
    assert [entry.billable_ms <= quote["at_most"]["billable_ms"] for entry in made] == [True, True]
    assert [entry.reason for entry in made] == [None, None]
    sure(priced)


def test_a_quote_holds_when_prices_rise(priced: Studio) -> None:
    quote = estimate(priced)
    set_prices(priced, 3 * PER_SECOND, after=timedelta(seconds=-1))
    priced.submit({**SCRIPT, "quote_id": quote["quote_id"]})
    priced.work()
    (row,) = entries(priced)
    assert f"{row.entry.amount_micros / 1e6:.6f}" == quote["at_most"]["amount"]
    assert sum(item.amount_micros for item in row.entry.items) == row.entry.amount_micros
    sure(priced)


def test_a_quote_is_for_its_script_its_tenant_and_its_time(priced: Studio) -> None:
    quote_id = estimate(priced)["quote_id"]
    others = [{**LINES[0], "text": "Another."}], [*LINES, LINES[0]], [{**LINES[0], "speed": 1.1}, *LINES[1:]]
    for lines in others:
        other = {**SCRIPT, "lines": lines, "quote_id": quote_id}
        assert refused(partial(priced.submit, other)) == ("/quote_id", "quote_mismatch")
    assert refused(lambda: priced.submit({**SCRIPT, "quote_id": "quo_0"})) == ("/quote_id", "quote_unknown")
    stranger = priced.services.accounts.create_key("other", tenant="other", scopes=priced.principal.scopes)
    elsewhere = replace(priced, principal=priced.services.accounts.authenticate(f"Bearer {stranger.key}"))
    assert refused(lambda: elsewhere.submit({**SCRIPT, "quote_id": quote_id})) == (
        "/quote_id",
        "quote_unknown",
    )
    late = replace(priced.services.jobs, now=lambda: datetime.now(UTC) + timedelta(hours=25))
    then = replace(priced, services=replace(priced.services, jobs=late))
    assert refused(lambda: then.submit({**SCRIPT, "quote_id": quote_id})) == ("/quote_id", "quote_expired")
    assert priced.work() == 0


def test_a_script_is_the_same_as_long_as_it_sounds_the_same() -> None:
    one = script_sha256(parsed(SCRIPT))
    same = {
        **SCRIPT,
        "title": "T",
        "output": {"formats": ["mp3"]},
        "retention_hours": 1,
        "metadata": {"a": "b"},
    }
    assert script_sha256(parsed({**same, "max_cost": "3", "quote_id": "quo_1"})) == one
    assert script_sha256(parsed({**SCRIPT, "seed": 1})) != one


# --- limits on cost ---------------------------------------------------------------------------------


def test_what_may_cost_more_than_allowed_is_refused(priced: Studio) -> None:
    most = estimate(priced)["at_most"]["amount"]
    less = f"{float(most) - 0.001:.6f}"
    for act in (priced.submit, partial(estimate, priced)):
        assert refused(partial(act, {**SCRIPT, "max_cost": less})) == ("/max_cost", "max_cost_exceeded")
    quote_id = estimate(priced)["quote_id"]
    set_prices(priced, 1, after=timedelta(seconds=-1))
    quoted = {**SCRIPT, "quote_id": quote_id, "max_cost": less}
    assert refused(lambda: priced.submit(quoted)) == ("/max_cost", "max_cost_exceeded")
    assert priced.work() == 0


def test_a_job_is_never_billed_more_than_is_allowed(priced: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    most = estimate(priced)["at_most"]["amount"]
    job_id = priced.submit({**SCRIPT, "max_cost": most})
    slow_down(monkeypatch)
    priced.work()
    (row,) = entries(priced)
    assert f"{row.entry.amount_micros / 1e6:.6f}" == most
    made_ms = priced.job(job_id)["billable_ms"]
    assert made_ms == row.entry.billable_ms > row.entry.amount_micros / 1000
    assert row.entry.reason == f"Limited by the job's max_cost; {made_ms} ms were made."
    sure(priced)


def slow_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file of a reel be a minute longer than it is, as far as billing knows."""
    complete = WorkService.complete

    def longer(self: WorkService, claim: Any, result: Any) -> None:
        def grown(file: Any) -> Any:
            if file.kind != "audio":
                return file
            return replace(file, facts={**file.facts, "duration_ms": file.facts["duration_ms"] + 60_000})

        complete(self, claim, replace(result, artifacts=tuple(map(grown, result.artifacts))))

    monkeypatch.setattr(WorkService, "complete", longer)


def test_charges_give_way_by_their_shares() -> None:
    spoken = [Spoken(speaker_id=each, engine="fake", duration_ms=ms) for each, ms in (("a", 600), ("b", 300))]
    table = _prices(1_000_000)
    ms, charges, reason = charge(spoken, 900, table, Cap(max_cost_micros=100_001))
    assert (ms, [each.amount_micros for each in charges]) == (900, [66_667, 33_334])
    assert reason is not None
    assert charge(spoken, 900, table, None) == (900, charge(spoken, 900, table, Cap())[1], None)
    assert charge(spoken, 900, table, Cap(max_cost_micros=0))[1][0].amount_micros == 0


def _prices(rate: int) -> PriceTable:
    return PriceTable(version=1, currency="USD", valid_from=datetime.now(UTC), rates={("*", "render"): rate})
