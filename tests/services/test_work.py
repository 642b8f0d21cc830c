"""The life of a job through claims, failures, cancels and the sweeper."""

import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.rendering import Studio
from voicereel.adapters.database.database import Database
from voicereel.adapters.database.tables import jobs
from voicereel.domain.errors import LeaseLost, StageFailed
from voicereel.domain.job import Claim, Result

# The pause leaves its cue the time that the style wants.
LINE = {"speaker": "stock:fake/a", "text": "One two.", "pause_after_ms": 600}
SCRIPT = {"lines": [LINE], "output": {"formats": ["wav"]}}


def claim(studio: Studio, *, worker_id: str = "other:1") -> Claim:
    found = studio.services.work.claim("cpu", worker_id=worker_id)
    assert found is not None
    return found


def rows(studio: Studio, sql: str) -> list[tuple[Any, ...]]:
    database = studio.services.jobs.work
    assert isinstance(database, Database)
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


def execute(studio: Studio, sql: str) -> None:
    database = studio.services.jobs.work
    assert isinstance(database, Database)
    with database.engine.begin() as connection:
        connection.execute(sa.text(sql))


def end_every_lease(studio: Studio) -> None:
    execute(studio, "UPDATE stage_runs SET lease_until = '2000-01-01T00:00:00.000Z' WHERE status = 'running'")


def forget_backoff(studio: Studio) -> None:
    execute(studio, "UPDATE stage_runs SET next_run_at = '2000-01-01T00:00:00.000Z' WHERE status = 'queued'")


def test_a_job_ends_with_one_ledger_row_and_an_empty_outbox(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    assert fake_studio.work() == 5  # synthesize, fit, mix, captions, wav
    fake_studio.services.upkeep.dispatch()
    fake_studio.services.upkeep.sweep()
    job = fake_studio.job(job_id)
    assert job["status"] == "succeeded"
    assert rows(fake_studio, "SELECT job_id, billable_ms, kind FROM ledger") == [
        (job_id, job["billable_ms"], "render")
    ]
    assert job["billable_ms"] == job["outputs"]["audio"][0]["duration_ms"]
    assert rows(fake_studio, "SELECT count(*) FROM outbox") == [(0,)]


def test_events_tell_the_whole_story_in_order(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    fake_studio.work()
    stream = fake_studio.services.events.stream(fake_studio.principal, job_id, after=0)
    events = [event for event in stream if event]
    stream.close()
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert [e.data["status"] for e in events if e.type == "job.updated"] == ["queued", "running"]
    assert [e.data["id"] for e in events if e.type == "line.finished"] == ["l1"]
    assert (events[-1].type, events[-1].data["status"]) == ("job.finished", "succeeded")
    assert events[-1].data["outputs"]["audio"][0]["url"]


def test_a_late_worker_can_write_nothing(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    late = claim(fake_studio)
    end_every_lease(fake_studio)
    fake_studio.work()
    work = fake_studio.services.work
    assert not work.heartbeat(late, progress=0.5)
    with pytest.raises(LeaseLost):
        work.complete(late, Result())
    with pytest.raises(LeaseLost):
        work.fail(late, StageFailed("x", code="x"))
    assert fake_studio.job(job_id)["status"] == "succeeded"


def test_a_job_whose_worker_always_dies_ends_failed_and_unbilled(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    for _ in range(3):
        claim(fake_studio)
        end_every_lease(fake_studio)
        fake_studio.services.upkeep.sweep()
        forget_backoff(fake_studio)
    job = fake_studio.job(job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "worker_lost")
    assert fake_studio.work() == 0
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(0,)]


def test_work_that_is_lost_once_is_due_at_once_and_later_when_it_is_lost_again(fake_studio: Studio) -> None:
    fake_studio.submit(SCRIPT)
    lost = claim(fake_studio)
    end_every_lease(fake_studio)
    fake_studio.services.upkeep.sweep()
    again = claim(fake_studio)
    assert (again.stage_run_id, again.attempt) == (lost.stage_run_id, 2)
    end_every_lease(fake_studio)
    fake_studio.services.upkeep.sweep()
    assert fake_studio.services.work.claim("cpu", worker_id="other:2") is None


def test_the_sweeper_may_run_at_any_time_any_number_of_times(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    claim(fake_studio)
    end_every_lease(fake_studio)
    for _ in range(3):
        fake_studio.services.upkeep.sweep()
    forget_backoff(fake_studio)
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "succeeded"


def test_a_retryable_failure_is_tried_again_and_a_final_one_is_not(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    work = fake_studio.services.work
    work.fail(claim(fake_studio), StageFailed("Try again.", code="flaky", retryable=True))
    assert fake_studio.job(job_id)["status"] == "running"
    forget_backoff(fake_studio)
    work.fail(claim(fake_studio), StageFailed("Never.", code="broken", measured={"x": 1.0}))
    job = fake_studio.job(job_id)
    assert job["status"] == "failed"
    assert job["error"] == {"code": "broken", "detail": "Never.", "measured": {"x": 1.0}}


def test_a_canceled_job_takes_no_result_and_no_bill(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    held = claim(fake_studio)
    reply = fake_studio.services.jobs.cancel(fake_studio.principal, job_id, once=None)
    assert reply.body["status"] == "canceled"
    with pytest.raises(LeaseLost):
        fake_studio.services.work.complete(held, Result())
    assert fake_studio.work() == 0
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(0,)]


def test_what_a_lost_attempt_had_stored_is_removed(fake_studio: Studio, tmp_path: Path) -> None:
    job_id = fake_studio.submit(SCRIPT)
    work = fake_studio.services.work

    def cancel_before_commit(held: Claim, result: Result) -> None:
        fake_studio.services.jobs.cancel(fake_studio.principal, job_id, once=None)
        type(work).complete(work, held, result)

    runner = fake_studio.runner
    object.__setattr__(runner, "work", _Instead(work, complete=cancel_before_commit))
    runner.run_one()
    assert list(work.store.keys()) == []


class _Instead:
    """A service with some of its methods replaced."""

    def __init__(self, service: object, **methods: Any) -> None:
        self._service = service
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


def test_a_deleted_job_leaves_neither_rows_nor_files(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    fake_studio.work()
    fake_studio.services.jobs.delete(fake_studio.principal, job_id)
    fake_studio.services.upkeep.sweep()
    assert list(fake_studio.services.work.store.keys()) == []
    for table in ("jobs", "lines", "takes", "artifacts", "stage_runs"):
        assert rows(fake_studio, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows(fake_studio, "SELECT job_id, type FROM events") == [(job_id, "job.deleted")]
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(1,)]


def test_a_job_is_kept_for_its_retention_and_no_longer(fake_studio: Studio) -> None:
    job_id = fake_studio.submit({**SCRIPT, "retention_hours": 1})
    fake_studio.work()
    with fake_studio.services.jobs.work.reading() as tx:
        query = sa.select(jobs.c.expires_at, jobs.c.finished_at)
        ((expires_at, finished_at),) = tx.connection.execute(query)
    kept_s = (expires_at - finished_at).total_seconds()
    assert round(kept_s) == 3600
    fake_studio.services.upkeep.sweep()
    assert fake_studio.job(job_id)["status"] == "succeeded"
    execute(fake_studio, "UPDATE jobs SET expires_at = '2000-01-01T00:00:00.000Z'")
    fake_studio.services.upkeep.sweep()
    fake_studio.services.upkeep.sweep()
    assert rows(fake_studio, "SELECT count(*) FROM jobs") == [(0,)]
    assert list(fake_studio.services.work.store.keys()) == []


def test_a_crash_inside_a_stage_is_retried_and_says_nothing_of_the_script(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from workers.stages import STAGES

    def crash(_: object) -> Result:
        raise RuntimeError("the secret text of a customer")

    job_id = fake_studio.submit(SCRIPT)
    monkeypatch.setitem(STAGES, "synthesize", crash)
    fake_studio.work()
    monkeypatch.undo()
    forget_backoff(fake_studio)
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "succeeded"
    assert "secret" not in capsys.readouterr().err


def test_the_sweeper_leaves_a_run_whose_worker_beat_once_more(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    held = claim(fake_studio)
    end_every_lease(fake_studio)
    with fake_studio.services.jobs.work.writing() as tx:
        assert tx.work.is_lost(held)
        tx.work.heartbeat(held, lease_s=60, progress=0.1)
        assert not tx.work.is_lost(held)
    fake_studio.services.upkeep.sweep()
    assert fake_studio.services.work.heartbeat(held, progress=0.2)
    assert fake_studio.job(job_id)["stages"][0]["status"] == "running"


def test_an_engine_failure_that_may_pass_is_tried_again_before_it_is_the_lines(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.engines.base import EngineError
    from workers.engines.tts.fake import Fake

    def refuse(*_: object) -> EngineError:
        return EngineError("The disk is full.", code="engine_busy", retryable=True)

    job_id = fake_studio.submit(SCRIPT)
    monkeypatch.setattr(Fake, "_refusal", refuse)
    fake_studio.work()
    assert fake_studio.job(job_id)["stages"][0]["status"] == "queued"
    monkeypatch.undo()
    forget_backoff(fake_studio)
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "succeeded"


def test_pings_come_however_busy_other_jobs_are(fake_studio: Studio) -> None:
    events = fake_studio.services.events
    events.ping_s = 0.05
    other = fake_studio.submit(SCRIPT)
    stream = events.stream(fake_studio.principal, fake_studio.submit(SCRIPT), after=1)
    over = threading.Event()

    def be_busy() -> None:
        while not over.wait(0.001):
            events.wake(frozenset({other, ""}))

    busy = threading.Thread(target=be_busy)
    busy.start()
    try:
        assert next(iter(stream)) is None
    finally:
        over.set()
        busy.join()
        stream.close()


def test_a_stream_of_a_long_finished_job_tells_all_and_ends(fake_studio: Studio) -> None:
    script = {**SCRIPT, "lines": [{"speaker": "stock:fake/a", "text": "Hi."}] * 700}
    job_id = fake_studio.submit(script)
    fake_studio.work()
    principal, events = fake_studio.principal, fake_studio.services.events
    stream = events.stream(principal, job_id, after=0)
    told = [event for event in stream if event]
    assert sum(event.type == "line.finished" for event in told) == 700
    assert told[-1].type == "job.finished"
    assert list(events.stream(principal, job_id, after=told[-1].id)) == []


def test_the_mix_goes_when_the_job_has_ended_and_the_takes_stay(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    fake_studio.work()
    fake_studio.services.upkeep.sweep()
    names = {found.key.rpartition("/")[2] for found in fake_studio.services.work.store.keys(prefix="")}
    assert names == {"takes.wav", "reel.wav", "reel.json", "reel.vtt", "reel.srt", "certificate.json"}
    assert fake_studio.job(job_id)["outputs"]["audio"][0]["format"] == "wav"


def test_a_long_stage_tells_how_far_it_is_with_each_heartbeat(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    held = claim(fake_studio)
    for share in (0.0, 0.25, 0.5):
        assert fake_studio.services.work.heartbeat(held, progress=share)
    with fake_studio.services.jobs.work.reading() as tx:
        told = tx.events.after(job_id, event_id=0, limit=100)
    assert [event.data["progress"] for event in told if event.type == "stage.updated"] == [0.0, 0.25, 0.5]
