"""What keeps the service in order: wake-ups, lost work, files that nobody asks for again."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rendering import Studio
from tests.services.test_work import SCRIPT, claim, execute, forget_backoff, rows
from voicereel.adapters.database.jobs_hot import HotJobs
from voicereel.domain.errors import LeaseLost, StageFailed, Unavailable
from voicereel.domain.job import Result
from voicereel.services.upkeep import UpkeepService

LONG_AGO = "'2000-01-01T00:00:00.000Z'"


class Broker:
    """Notes who was woken; refuses as long as it is told to be down."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.down = False

    def wake(self, pools: Sequence[str]) -> None:
        if self.down:
            raise Unavailable("The broker does not answer.")
        self.woken += pools


def upkeep_with(studio: Studio, broker: Broker) -> UpkeepService:
    return replace(studio.services.upkeep, queue=broker)


def keys(studio: Studio) -> set[str]:
    store = studio.services.work.store
    return {stored.key.rpartition("/")[2] for stored in store.keys()}  # noqa: SIM118 - no mapping


def test_every_due_run_is_told_of_once(fake_studio: Studio) -> None:
    broker = Broker()
    lines = [{"speaker": "stock:fake/a", "text": "word " * 200} for _ in range(4)]
    fake_studio.submit({**SCRIPT, "lines": lines})
    upkeep = upkeep_with(fake_studio, broker)
    upkeep.dispatch()
    upkeep.dispatch()
    upkeep.sweep()
    upkeep.dispatch()
    waiting = rows(fake_studio, "SELECT count(*) FROM stage_runs WHERE status = 'queued'")
    assert [(len(broker.woken),)] == waiting
    assert rows(fake_studio, "SELECT count(*) FROM outbox") == [(0,)]


def test_what_could_not_be_published_stays_in_the_outbox(fake_studio: Studio) -> None:
    broker = Broker()
    broker.down = True
    fake_studio.submit(SCRIPT)
    upkeep = upkeep_with(fake_studio, broker)
    with pytest.raises(Unavailable):
        upkeep.dispatch()
    assert rows(fake_studio, "SELECT count(*) FROM outbox") == [(1,)]
    broker.down = False
    upkeep.dispatch()
    assert broker.woken == ["cpu"]


def test_lost_wakeups_are_told_again_and_so_are_retries_whose_time_has_come(fake_studio: Studio) -> None:
    broker = Broker()
    upkeep = upkeep_with(fake_studio, broker)
    fake_studio.submit(SCRIPT)
    execute(fake_studio, "DELETE FROM outbox")
    upkeep.sweep()
    upkeep.dispatch()
    assert broker.woken == []  # not yet: a worker may be about to take it
    execute(fake_studio, f"UPDATE stage_runs SET dispatched_at = {LONG_AGO}")
    upkeep.sweep()
    upkeep.dispatch()
    assert broker.woken == ["cpu"]
    work = fake_studio.services.work
    work.fail(claim(fake_studio), StageFailed("Try again.", code="flaky", retryable=True))
    forget_backoff(fake_studio)
    upkeep.sweep()
    upkeep.dispatch()
    assert broker.woken == ["cpu", "cpu"]


def test_takes_of_a_job_that_came_to_nothing_go_a_day_after_and_that_is_told(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    assert fake_studio.runner.run_one()
    fake_studio.services.jobs.cancel(fake_studio.principal, job_id, once=None)
    fake_studio.services.upkeep.sweep()
    assert keys(fake_studio) == {"takes.wav"}
    execute(fake_studio, f"UPDATE jobs SET finished_at = {LONG_AGO}")
    fake_studio.services.upkeep.sweep()
    fake_studio.services.upkeep.sweep()
    assert keys(fake_studio) == set()
    assert rows(fake_studio, "SELECT count(*) FROM events WHERE type = 'files.deleted'") == [(1,)]


def test_takes_of_a_job_that_succeeded_stay_with_it(fake_studio: Studio) -> None:
    fake_studio.submit(SCRIPT)
    fake_studio.work()
    execute(fake_studio, f"UPDATE jobs SET finished_at = {LONG_AGO}")
    for _ in range(2):
        fake_studio.services.upkeep.sweep()
    assert "takes.wav" in keys(fake_studio)


def test_the_deletion_of_a_job_is_told_with_its_reason(fake_studio: Studio) -> None:
    kept, expired = fake_studio.submit(SCRIPT), fake_studio.submit(SCRIPT)
    fake_studio.work()
    execute(fake_studio, f"UPDATE jobs SET expires_at = {LONG_AGO} WHERE id = '{expired}'")
    fake_studio.services.upkeep.sweep()
    fake_studio.services.jobs.delete(fake_studio.principal, kept)
    with fake_studio.services.jobs.work.reading() as tx:
        told = {
            job_id: [event.data["reason"] for event in tx.events.after(job_id, event_id=0, limit=9)]
            for job_id in (kept, expired)
        }
    assert told == {kept: ["requested"], expired: ["retention"]}


def test_files_that_no_row_names_go_when_they_are_old(fake_studio: Studio, tmp_path: Path) -> None:
    fake_studio.submit(SCRIPT)
    fake_studio.work()
    fake_studio.services.upkeep.dispatch()
    named = keys(fake_studio)
    store = fake_studio.services.work.store
    for name in ("young", "old"):
        path = tmp_path / name
        path.write_bytes(b"x")
        store.put_file(f"ten_x/job_x/1/1/{name}", path)
    old = store.fetch("ten_x/job_x/1/1/old", tmp_path)
    os.utime(old, (0, 0))
    for _ in range(3):
        fake_studio.services.upkeep.sweep()
    mixed = {"mix-44100.wav", "envelope-44100.npy", "levels.json"}
    assert mixed <= named
    assert keys(fake_studio) == {*named - mixed, "young"}


def test_after_a_restore_every_worker_of_before_is_refused(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    held = claim(fake_studio)
    assert fake_studio.services.upkeep.outdate_all() == 5
    with pytest.raises(LeaseLost):
        fake_studio.services.work.complete(held, Result())
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "succeeded"


def test_a_step_of_a_sweep_that_fails_does_not_keep_the_others(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise Unavailable("The store is down.")

    fake_studio.submit(SCRIPT)
    fake_studio.work()
    execute(fake_studio, f"UPDATE jobs SET expires_at = {LONG_AGO}")
    monkeypatch.setattr(type(fake_studio.services.artifacts), "collect", fail)
    fake_studio.services.upkeep.sweep()
    assert rows(fake_studio, "SELECT count(*) FROM jobs") == [(0,)]


def test_a_job_that_is_approved_as_it_expires_is_kept(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"speaker": "stock:fake/a", "text": "One FAIL two."}, *SCRIPT["lines"]]
    job_id = fake_studio.submit({**SCRIPT, "lines": lines})
    fake_studio.work()
    execute(fake_studio, f"UPDATE jobs SET expires_at = {LONG_AGO}")

    def approve_after_listing(jobs: HotJobs, limit: int) -> tuple[tuple[str, str], ...]:
        monkeypatch.undo()
        found = jobs.expired(limit)
        fake_studio.services.jobs.approve(fake_studio.principal, job_id, once=None)
        return found

    monkeypatch.setattr(HotJobs, "expired", approve_after_listing)
    fake_studio.services.upkeep.sweep()
    assert fake_studio.job(job_id)["status"] == "succeeded"
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(1,)]


def test_the_queue_of_a_pool_without_workers_does_not_grow(fake_studio: Studio) -> None:
    broker = Broker()
    upkeep = upkeep_with(fake_studio, broker)
    lines = [{"speaker": "stock:fake/a", "text": "word " * 200} for _ in range(10)]
    fake_studio.submit({**SCRIPT, "lines": lines})
    upkeep.dispatch()
    first = len(broker.woken)
    for _ in range(3):
        execute(fake_studio, f"UPDATE stage_runs SET dispatched_at = {LONG_AGO}")
        upkeep.sweep()
        upkeep.dispatch()
    assert len(broker.woken) == first + 3


def test_a_bug_in_one_step_does_not_end_the_sweeps(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(_: object) -> None:
        raise PermissionError(13, "lost+found")

    fake_studio.submit(SCRIPT)
    fake_studio.work()
    execute(fake_studio, f"UPDATE jobs SET expires_at = {LONG_AGO}")
    monkeypatch.setattr(type(fake_studio.services.artifacts), "collect", crash)
    fake_studio.services.upkeep.sweep()
    assert rows(fake_studio, "SELECT count(*) FROM jobs") == [(0,)]
    assert "sweep_crashed" in capsys.readouterr().err
