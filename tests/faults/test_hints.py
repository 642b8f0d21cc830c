"""The faults that need exact timing: each is brought about in one process, on either database."""

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.faults.cluster import eventually
from tests.faults.invariants import violations
from tests.rendering import Studio
from tests.services.test_work import SCRIPT, claim, execute, rows
from voicereel.api.bodies import read_script
from voicereel.domain.account import SCOPES
from voicereel.domain.errors import Unavailable
from voicereel.domain.job import Claim, Result
from voicereel.services.upkeep import UpkeepService

LONG_AGO = "'2000-01-01T00:00:00.000Z'"


class Broker:
    """Takes what it is given, or refuses."""

    def __init__(self) -> None:
        self.is_up = True
        self.most = 1000
        self.taken: list[str] = []

    def wake(self, pools: Sequence[str]) -> None:
        if not self.is_up or len(pools) > self.most:
            raise Unavailable("By order of a test.", code="broker_unavailable")
        self.taken += pools


@pytest.fixture
def broker(fake_studio: Studio) -> Broker:
    made = Broker()
    fake_studio.services.upkeep.queue = made
    return made


def outbox(studio: Studio) -> int:
    return int(rows(studio, "SELECT count(*) FROM outbox WHERE topic = 'wake'")[0][0])


def test_a_wakeup_is_forgotten_only_once_the_broker_has_it(fake_studio: Studio, broker: Broker) -> None:
    upkeep: UpkeepService = fake_studio.services.upkeep
    fake_studio.submit(SCRIPT)
    assert outbox(fake_studio) == 1
    broker.is_up = False
    with pytest.raises(Unavailable):
        upkeep.dispatch()
    assert outbox(fake_studio) == 1
    broker.is_up = True
    upkeep.dispatch()
    assert (broker.taken, outbox(fake_studio)) == (["cpu"], 0)


def test_a_broker_that_is_too_slow_for_many_wakeups_at_once_gets_fewer(
    fake_studio: Studio, broker: Broker
) -> None:
    jobs = 8
    for _ in range(jobs):
        fake_studio.submit(SCRIPT)
    broker.most = 2
    for _ in range(20):
        with suppress(Unavailable):
            fake_studio.services.upkeep.dispatch()
    assert (len(broker.taken), outbox(fake_studio)) == (jobs, 0)


def test_work_that_nobody_took_is_told_of_again(fake_studio: Studio, broker: Broker) -> None:
    fake_studio.submit(SCRIPT)
    execute(fake_studio, "DELETE FROM outbox")
    execute(fake_studio, f"UPDATE stage_runs SET dispatched_at = {LONG_AGO}")
    fake_studio.services.upkeep.sweep()
    fake_studio.services.upkeep.dispatch()
    assert broker.taken == ["cpu"]


def test_a_commit_whose_reply_is_lost_keeps_its_files(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = fake_studio.submit(SCRIPT)
    work = type(fake_studio.services.work)
    real = work.complete

    def complete(self: Any, held: Claim, result: Result) -> None:
        real(self, held, result)
        raise Unavailable("By order of a test.", code="database_busy")

    monkeypatch.setattr(work, "complete", complete)
    fake_studio.runner.run_one()
    monkeypatch.undo()
    fake_studio.work()
    fake_studio.services.upkeep.dispatch()
    fake_studio.services.upkeep.sweep()
    assert fake_studio.job(job_id)["status"] == "succeeded"
    assert violations(_url(fake_studio), fake_studio.services.work.store) == []


def _url(studio: Studio) -> str:
    return str(studio.services.settings.database)


def test_the_last_two_shards_may_end_at_once(fake_studio: Studio) -> None:
    """One has finished and not committed while the other comes to its end: somebody must go on."""
    if fake_studio.services.settings.database.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    lines = [{"speaker": "stock:fake/a", "text": "One."}] * 65  # a shard holds 64
    fake_studio.submit({**SCRIPT, "lines": lines})
    one, two = claim(fake_studio), claim(fake_studio)
    work = fake_studio.services.work
    other = threading.Thread(target=work.complete, args=(two, Result()))
    with work.work.writing() as tx:
        tx.jobs.lock(one.job_id)
        tx.work.finish(one)
        tx.work.unblock_next(one.job_id)
        other.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%jobs%'"
        )
        eventually(lambda: rows(fake_studio, waiting)[0][0] or not other.is_alive())
    other.join()
    assert claim(fake_studio).stage == "fit"


def test_who_sends_one_job_is_not_behind_all_of_another(fake_studio: Studio) -> None:
    for _ in range(5):
        fake_studio.submit(SCRIPT)
    accounts = fake_studio.services.accounts
    key = accounts.create_key("test", tenant="quiet", scopes=SCOPES).key
    quiet = accounts.authenticate(f"Bearer {key}")
    script = read_script(json.dumps(SCRIPT).encode())
    fake_studio.services.jobs.submit(quiet, script, once=None, request_id="req_quiet")
    assert quiet.tenant_id in {claim(fake_studio).tenant_id for _ in range(3)}
