"""What bills and what does not, and what operators may do about it."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy.exc import IntegrityError

from tests.rendering import Studio, studio
from tests.services.test_work import claim, end_every_lease, execute, forget_backoff
from voicereel.domain.errors import Conflict, InvalidRequest, NotFound, StageFailed
from voicereel.domain.job import Job, Result
from voicereel.domain.speakers import Consent
from voicereel.ports import LedgerRow
from voicereel.services import work
from voicereel.services.billing import bill
from voicereel.services.speakers import Enrolment, Sample

LINES = [{"speaker": "stock:fake/a", "text": "One two three."}, {"speaker": "stock:fake/b", "text": "Four."}]
SCRIPT: dict[str, Any] = {"lines": LINES, "output": {"formats": ["wav"]}, "metadata": {"project": "s01e01"}}
PER_SECOND = 1_000_000  # so that a millisecond costs a thousand micros


@pytest.fixture
def priced(fake_studio: Studio) -> Studio:
    set_prices(fake_studio, PER_SECOND)
    return fake_studio


def set_prices(studio: Studio, rate: int, *, after: timedelta = timedelta(minutes=-1)) -> int:
    """Prices that are valid already, since a minute, or from a moment to come."""
    return studio.services.usage.set_prices(
        currency="USD", valid_from=datetime.now(UTC) + after, rates={("*", "render"): rate}
    )


def entries(studio: Studio) -> list[LedgerRow]:
    now = datetime.now(UTC)
    with studio.services.usage.work.reading() as tx:
        return list(
            tx.ledger.entries(
                studio.principal.tenant_id,
                since=now - timedelta(days=1),
                until=now + timedelta(days=1),
                after=None,
                limit=10,
            )
        )


def stored(studio: Studio, job_id: str) -> Job:
    with studio.services.usage.work.reading() as tx:
        job = tx.jobs.get(job_id, tenant_id=studio.principal.tenant_id)
    assert job is not None
    return job


def bill_again(studio: Studio, job: Job) -> int:
    """What a second worker that thinks it has finished the job would commit."""
    with studio.services.usage.work.writing() as tx:
        return bill(tx, job, fence=99)


# --- what bills, and what does not ------------------------------------------------------------------


def test_a_job_that_succeeds_is_billed_once_by_who_spoke_how_long(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    priced.work()
    (row,) = entries(priced)
    entry, job = row.entry, priced.job(job_id)
    assert (entry.job_id, entry.revision, entry.kind) == (job_id, 0, "render")
    assert (entry.key_id, entry.project) == (priced.principal.key_id, "s01e01")
    assert entry.billable_ms == job["billable_ms"] == job["outputs"]["audio"][0]["duration_ms"]
    assert [(item.speaker_id, item.engine) for item in entry.items] == [
        ("stock:fake/a", "fake"),
        ("stock:fake/b", "fake"),
    ]
    assert sum(item.billable_ms for item in entry.items) == entry.billable_ms
    assert entry.items[0].billable_ms > entry.items[1].billable_ms
    assert (entry.price_version, entry.currency) == (2, "USD")
    assert entry.amount_micros == sum(item.amount_micros for item in entry.items) == entry.billable_ms * 1000


def test_a_job_without_a_word_is_billed_to_nobody(priced: Studio) -> None:
    silent = [{"speaker": "stock:fake/a", "text": "…", "pause_after_ms": 700}]
    priced.submit({**SCRIPT, "lines": silent, "metadata": {}})
    priced.work()
    (row,) = entries(priced)
    assert [(item.speaker_id, item.engine, item.billable_ms) for item in row.entry.items] == [("", "*", 700)]
    assert (row.entry.project, row.entry.amount_micros) == (None, 700_000)


def test_a_retry_after_a_killed_attempt_is_not_billed_again(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    for _ in range(2):
        claim(priced)
        end_every_lease(priced)
        priced.services.upkeep.sweep()
        forget_backoff(priced)
    priced.work()
    assert priced.job(job_id)["stages"][0]["attempt"] == 3
    assert [row.entry.job_id for row in entries(priced)] == [job_id]


def test_a_canceled_job_is_not_billed(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    claim(priced)
    priced.services.jobs.cancel(priced.principal, job_id, once=None)
    priced.work()
    assert entries(priced) == []


def test_a_failed_job_is_not_billed(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    priced.services.work.fail(claim(priced), StageFailed("Never.", code="broken"))
    priced.work()
    assert priced.job(job_id)["status"] == "failed"
    assert entries(priced) == []


def test_a_job_that_needs_review_is_billed_when_it_is_approved(priced: Studio) -> None:
    lines = [*LINES, {"speaker": "stock:fake/a", "text": "Please FAIL now."}]
    job_id = priced.submit({**SCRIPT, "lines": lines})
    priced.work()
    assert priced.job(job_id)["status"] == "needs_review"
    assert entries(priced) == []
    approved = priced.services.jobs.approve(priced.principal, job_id, once=None)
    with pytest.raises(Conflict):
        priced.services.jobs.approve(priced.principal, job_id, once=None)
    assert [row.entry.billable_ms for row in entries(priced)] == [approved.body["billable_ms"]]


@pytest.fixture
def recording() -> io.BytesIO:
    """Half a minute of a clear tone that comes and goes like speech."""
    at = np.arange(33 * 16_000) / 16_000
    sound = 0.3 * np.sin(2 * np.pi * 200 * at) * (np.sin(2 * np.pi * at) > 0)
    file = io.BytesIO()
    soundfile.write(file, sound.astype(np.float32), 16_000, format="WAV")
    file.seek(0)
    return file


def test_an_enrolment_is_not_billed(priced: Studio, recording: io.BytesIO) -> None:
    consent = Consent(subject="A", attested_by="B", attested_at=datetime.now(UTC))
    reply = priced.services.speakers.enroll(
        priced.principal,
        Enrolment(name="Ana", language="en", consent=consent),
        [Sample(kind="wav", stream=recording)],
        once=None,
        request_id="req_test",
    )
    priced.work()
    speaker = priced.services.speakers.get(priced.principal, reply.body["id"])
    assert speaker.status == "ready", speaker.error
    assert entries(priced) == []


def test_of_two_completions_of_one_revision_the_second_writes_nothing(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    priced.work()
    job = stored(priced, job_id)
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        bill_again(priced, job)
    assert len(entries(priced)) == 1
    later = [replace(file, revision=1) for file in job.artifacts]
    bill_again(priced, replace(job, revision=1, artifacts=tuple(later)))
    assert [(row.entry.revision, row.entry.billable_ms > 0) for row in entries(priced)] == [
        (0, True),
        (1, False),  # all of it was paid for with the first
    ]


def test_what_ends_a_job_and_what_bills_it_are_one_commit(
    priced: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise InterruptedError("the process dies before the commit")

    job_id = priced.submit(SCRIPT)
    held = claim(priced)
    while "captions" not in held.payload:  # what a job ends with
        priced.services.work.release(held)
        priced.runner.run_one()
        held = claim(priced)
    monkeypatch.setattr(work, "end_job", die)
    (audio,) = (file for file in stored(priced, job_id).artifacts if file.kind == "audio")
    billable_ms = audio.facts["duration_ms"]
    with pytest.raises(InterruptedError):
        priced.services.work.complete(held, Result())
    assert entries(priced) == []
    monkeypatch.undo()
    priced.services.work.complete(held, Result())
    assert [row.entry.billable_ms for row in entries(priced)] == [billable_ms]
    assert priced.job(job_id)["billable_ms"] == billable_ms


# --- prices and corrections -------------------------------------------------------------------------


def test_a_job_costs_what_it_cost_when_it_was_accepted(priced: Studio) -> None:
    set_prices(priced, 5 * PER_SECOND, after=timedelta(hours=1))
    moments = ("2100-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z")
    # words that last as long as the others, and are not the same
    for text, accepted in (
        ("One two three.", None),
        ("Two six eight.", moments[0]),
        ("Six one seven.", moments[1]),
    ):
        lines = [{**LINES[0], "text": text}]
        job_id = priced.submit({**SCRIPT, "lines": lines})
        if accepted:
            execute(priced, f"UPDATE jobs SET created_at = '{accepted}' WHERE id = '{job_id}'")
        priced.work()
    first, later, free = (row.entry for row in entries(priced))
    assert [entry.price_version for entry in (first, later, free)] == [2, 3, 1]
    assert later.amount_micros == 5 * first.amount_micros > 0 == free.amount_micros


@pytest.mark.parametrize(
    ("after", "rates", "pointer"),
    [
        (timedelta(minutes=-6), {("*", "render"): 1}, "/valid_from"),
        (timedelta(), {("fake", "render"): 1}, "/rates"),
    ],
)
def test_prices_begin_now_and_leave_no_engine_out(
    fake_studio: Studio, after: timedelta, rates: dict[tuple[str, str], int], pointer: str
) -> None:
    usage = fake_studio.services.usage
    with pytest.raises(InvalidRequest) as refused:
        usage.set_prices(currency="USD", valid_from=datetime.now(UTC) + after, rates=rates)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert len(usage.price_tables()) == 1


def test_an_adjustment_is_an_entry_of_its_own_written_once(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    priced.work()
    usage = priced.services.usage
    priced.services.jobs.delete(priced.principal, job_id)  # what was billed outlives the job
    adjusted = usage.adjust(job_id, revision=0, amount_micros=-50_000, reason="Noise.")
    billed, adjustment = entries(priced)
    assert adjustment.id == adjusted
    assert adjustment.entry == replace(
        billed.entry, kind="adjustment", billable_ms=0, amount_micros=-50_000, items=(), reason="Noise."
    )
    assert adjustment.id > billed.id
    with pytest.raises(Conflict):
        usage.adjust(job_id, revision=0, amount_micros=1, reason="Again.")
    assert len(entries(priced)) == 2


def test_only_what_was_billed_is_adjusted_and_by_something(priced: Studio) -> None:
    job_id = priced.submit(SCRIPT)
    usage = priced.services.usage
    with pytest.raises(NotFound):
        usage.adjust(job_id, revision=0, amount_micros=1, reason="x")
    priced.work()
    with pytest.raises(NotFound):
        usage.adjust(job_id, revision=1, amount_micros=1, reason="x")
    with pytest.raises(InvalidRequest):
        usage.adjust(job_id, revision=0, amount_micros=0, reason="x")
    assert len(entries(priced)) == 1


def test_each_engine_has_its_price(tmp_path: Path) -> None:
    with studio(tmp_path / "home") as both:
        both.services.usage.set_prices(
            currency="USD", valid_from=None, rates={("*", "render"): 1000, ("fake", "render"): 7000}
        )
        lines = [LINES[0], {"speaker": "stock:espeak/en-us", "text": "Four."}]
        both.submit({**SCRIPT, "lines": lines})
        both.work()
        (row,) = entries(both)
    rates = {item.engine: item.per_second_micros for item in row.entry.items}
    assert rates == {"espeak": 1000, "fake": 7000}
    for item in row.entry.items:
        assert abs(item.amount_micros - item.billable_ms * rates[item.engine] / 1000) <= 0.5
