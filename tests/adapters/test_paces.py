"""Quotes and paces on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from voicereel.adapters.database.database import Database
from voicereel.domain.pace import KEPT_LINES, Pace, PaceKey, pace_of
from voicereel.domain.quotes import Quote
from voicereel.domain.speakers import Consent, Speaker
from voicereel.domain.speech_counts import counts_of

STOCK = PaceKey(tenant_id="", engine="fake", voice="a", language="en-us")
OURS = PaceKey(tenant_id="ten_1", engine="fake", voice="spk_1", language="en")
NOW = datetime.now(UTC)


def pace(*texts: str) -> Pace:
    return pace_of(((counts_of(text, "en"), 90.0 * len(text)) for text in texts), "en")


def find(database: Database, *keys: PaceKey) -> dict[PaceKey, float]:
    with database.reading() as tx:
        return {key: found.lines for key, found in tx.paces.find(keys).items()}


def learn(database: Database, limit: int = 100) -> int:
    """What the sweep does, for these keys alone; how many notes were taken."""
    with database.writing() as tx:
        news = tx.paces.take_news(limit)
        sums: dict[PaceKey, Pace] = {}
        for key, each in news:
            sums[key] = sums.get(key, Pace()) + each
        tx.paces.add(sums)
    return len(news)


def enroll(database: Database) -> None:
    speaker = Speaker(
        id="spk_1", tenant_id="ten_1", name="Ana", language="en", status="ready", engine="fake",
        created_at=NOW, consent=Consent(subject="A", attested_by="B", attested_at=NOW), capabilities={},
    )  # fmt: skip
    with database.writing() as tx:
        tx.accounts.ensure_tenant("one", tenant_id="ten_1")
        tx.speakers.add(speaker, job_id="job_1")


def test_what_was_heard_is_known_at_once_and_added_up_later(database: Database) -> None:
    first, second = pace("One two three."), pace("Four five six seven, eight.", "Nine.")
    with database.writing() as tx:
        tx.paces.note([(STOCK, first)])
        tx.paces.note([(STOCK, second), (replace(STOCK, language="es"), first)])
        assert tx.paces.has_news()
    before = find(database, STOCK)
    assert learn(database, limit=1) == 1
    assert learn(database) == 2
    assert learn(database) == 0
    assert find(database, STOCK) == before == {STOCK: 3.0}
    with database.reading() as tx:
        known = tx.paces.find([STOCK])[STOCK]
        assert not tx.paces.has_news()
    whole = first + second
    assert known.yy == pytest.approx(whole.yy)
    assert known.xy == pytest.approx(whole.xy)
    assert [value for row in known.xx for value in row] == pytest.approx([v for row in whole.xx for v in row])


def test_a_pace_never_counts_for_more_than_its_newest_lines(database: Database) -> None:
    many = pace("One two three.")
    for _ in range(11):
        many = many + many
    with database.writing() as tx:
        tx.paces.add({STOCK: many})
        tx.paces.add({STOCK: many})
    assert find(database, STOCK) == {STOCK: KEPT_LINES}


def test_the_pace_of_a_speaker_goes_with_it(database: Database) -> None:
    enroll(database)
    with database.writing() as tx:
        tx.paces.note([(OURS, pace("One."))])
    learn(database)
    assert find(database, OURS) == {OURS: 1.0}
    with database.writing() as tx:
        tx.speakers.delete("spk_1", tenant_id="ten_1")
        tx.paces.note([(OURS, pace("Two."))])  # a job that was under way
    assert learn(database) == 1
    assert find(database, OURS) == {}


def test_sweeps_side_by_side_lose_nothing_and_count_nothing_twice(database: Database) -> None:
    with database.writing() as tx:
        for text in ("One two.", "Three four five.", "Six.") * 10:
            tx.paces.note([(STOCK, pace(text)), (replace(STOCK, voice="b"), pace(text))])
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: learn(database, limit=7), range(12)))
    assert sum(taken) == 60
    other = replace(STOCK, voice="b")
    assert find(database, STOCK, other) == {STOCK: 30.0, other: 30.0}


def test_a_quote_is_its_tenants_and_is_forgotten_long_after(database: Database) -> None:
    quote = Quote(
        id="quo_1", tenant_id="ten_1", script_sha256="0" * 64, billable_ms=1000, amount_micros=5,
        currency="USD", price_version=1, expires_at=NOW.replace(microsecond=0) - timedelta(days=1),
    )  # fmt: skip
    older = replace(quote, id="quo_2", expires_at=NOW - timedelta(days=8))
    with database.writing() as tx:
        tx.accounts.ensure_tenant("one", tenant_id="ten_1")
        tx.quotes.add(quote)
        tx.quotes.add(older)
        assert tx.quotes.forget_old() == 1
    with database.reading() as tx:
        assert tx.quotes.get("quo_1", tenant_id="ten_1") == quote
        assert tx.quotes.get("quo_1", tenant_id="ten_2") is None
        assert tx.quotes.get("quo_2", tenant_id="ten_1") is None
