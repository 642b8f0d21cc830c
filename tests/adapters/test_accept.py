"""Accepting a job: all of it or nothing, once, and in a fair place in line."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.adapters.builders import RUNS, a_job, a_line, claim, submission, submit
from voicereel.adapters.database.constants import FAIR_SHARE_S
from voicereel.adapters.database.database import Database
from voicereel.adapters.database.jobs_hot import as_item
from voicereel.domain.lexicons import Lexicon, LexiconRef
from voicereel.domain.script import Line
from voicereel.ports import Accepted, StoredReply


def reply(body: dict[str, Any]) -> StoredReply:
    return StoredReply(request_sha256="x", status=202, body=body, location="/v1/jobs/x")


def tenant(database: Database, name: str) -> str:
    with database.writing() as tx:
        return tx.accounts.ensure_tenant(name, tenant_id=f"ten_{name}")


def accept(database: Database, tenant_id: str, **changes: Any) -> tuple[str, Accepted]:
    job = a_job(tenant_id, lines_total=2)
    with database.at_once() as tx:
        return job.id, tx.jobs.accept(submission(job, **changes))


def test_a_key_is_good_for_one_job_however_many_ask_at_once(database: Database) -> None:
    tenant_id = tenant(database, "one")
    outcomes: list[Accepted] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait(30)
        for number in range(5):
            outcomes.append(accept(database, tenant_id, once=("r", f"k{number}", reply({"n": 1})))[1])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (outcomes.count("accepted"), outcomes.count("repeated")) == (5, 35)
    with database.reading() as tx:
        stored = tx.accounts.stored_reply(tenant_id, route="r", key="k0")
        assert len(tx.jobs.page(tenant_id, limit=100, cursor=None).data) == 5
    assert stored == reply({"n": 1})


def test_a_key_may_be_used_again_when_its_day_is_over(database: Database) -> None:
    tenant_id = tenant(database, "one")
    once = ("r", "k", reply({}))
    assert accept(database, tenant_id, once=once)[1] == "accepted"
    with database.writing() as tx:
        tx.connection.exec_driver_sql("UPDATE idempotency SET expires_at = '2000-01-01T00:00:00.000Z'")
    assert accept(database, tenant_id, once=once)[1] == "accepted"
    assert accept(database, tenant_id, once=once)[1] == "repeated"


def test_a_job_whose_speaker_is_gone_is_not_written(database: Database) -> None:
    tenant_id = tenant(database, "one")
    once = ("r", "k", reply({}))
    job_id, outcome = accept(database, tenant_id, speaker_ids=frozenset({"spk_gone"}), once=once)
    with database.reading() as tx:
        assert (outcome, tx.jobs.get(job_id, tenant_id=tenant_id)) == ("speaker_gone", None)
        assert tx.accounts.stored_reply(tenant_id, route="r", key="k") is None


def test_a_job_prepared_with_other_default_lexicons_is_not_written(database: Database) -> None:
    tenant_id = tenant(database, "one")
    mine = [a_lexicon(tenant_id, name) for name in ("lex_1", "lex_2")]
    theirs = a_lexicon(tenant(database, "other"), "lex_3")
    with database.writing() as tx:
        for each in (*mine, theirs):
            tx.lexicons.add(each, ())
    (one, two) = (LexiconRef(id=each.id, version=each.version) for each in mine)
    with database.writing() as tx:
        tx.lexicons.change(replace(mine[1], version=2), ())
    for wrong in ((), (one,), (one, two)):
        job_id, outcome = accept(database, tenant_id, default_lexicons=wrong, once=("r", "k", reply({})))
        with database.reading() as tx:
            assert (outcome, tx.jobs.get(job_id, tenant_id=tenant_id)) == ("lexicons_changed", None)
            assert tx.accounts.stored_reply(tenant_id, route="r", key="k") is None
    now = (one, replace(two, version=2))
    assert accept(database, tenant_id, default_lexicons=now)[1] == "accepted"


def a_lexicon(tenant_id: str, lexicon_id: str) -> Lexicon:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Lexicon(
        id=lexicon_id,
        tenant_id=tenant_id,
        name=lexicon_id,
        version=1,
        default=True,
        entry_count=0,
        created_at=moment,
        updated_at=moment,
    )


def test_those_accepted_in_one_commit_do_not_share_their_fate_or_their_place(database: Database) -> None:
    """One has a speaker that is gone, one a key that was used; the others follow each other in line."""
    if database.engine.dialect.name == "sqlite":
        pytest.skip("one at a time there")
    tenant_id = tenant(database, "one")
    used = ("r", "used", reply({}))
    assert accept(database, tenant_id, once=used)[1] == "accepted"
    each: list[dict[str, Any]] = [
        {"once": ("r", "new", reply({}))},
        {"speaker_ids": frozenset({"spk_gone"}), "once": ("r", "other", reply({}))},
        {"once": used},
        {"stage_runs": RUNS[:1]},
    ]
    jobs = [a_job(tenant_id, lines_total=2) for _ in each]
    items = [as_item(submission(job, **changes)) for job, changes in zip(jobs, each, strict=True)]
    with database.at_once() as tx:
        assert tx.jobs.accept_together(items) == ["accepted", "speaker_gone", "repeated", "accepted"]
    with database.reading() as tx:
        there = [tx.jobs.get(job.id, tenant_id=tenant_id) is not None for job in jobs]
        assert tx.accounts.stored_reply(tenant_id, route="r", key="other") is None
        turns = tx.connection.exec_driver_sql(
            "SELECT job_id FROM stage_runs WHERE ordinal = 0 ORDER BY turn_at DESC LIMIT 3"
        ).scalars()
        assert list(turns) == [jobs[3].id, jobs[0].id, jobs[0].id]
    assert there == [True, False, False, True]


def test_text_of_any_script_and_any_length_is_kept(database: Database) -> None:
    text = "quote ' \" \\ %s :name ${} \t 안녕 🎭 \u2028 " * 40
    tenant_id = tenant(database, "one")
    line = Line(id="l1", speaker="ANA", text=text)
    job_id, _ = accept(database, tenant_id, lines=(a_line(0, line=line),))
    with database.reading() as tx:
        assert tx.jobs.lines(job_id)[0].line.text == text


def test_a_tenant_with_few_runs_does_not_wait_for_one_with_many(database: Database) -> None:
    began = time.monotonic()
    for _ in range(30):
        submit(database)  # 60 runs of the tenant ten_1
    job_id, _ = accept(database, tenant(database, "two"), stage_runs=RUNS[:1])
    order = [claimed.job_id for claimed in iter(lambda: claim(database), None)]
    # What was due before it was sent goes before it: a run for each second that sending took.
    assert order.index(job_id) <= 3 + (time.monotonic() - began) / FAIR_SHARE_S
    assert len(order) == 61


def test_two_shards_that_end_at_once_leave_one_next_stage(database: Database) -> None:
    """Each must see the other's end: without the job's lock on PostgreSQL neither would go on."""
    for _ in range(10):
        job = submit(database)
        shards = [claim(database), claim(database)]
        start = threading.Barrier(2)

        def finish(shard: Any, job_id: str = job.id, start: threading.Barrier = start) -> None:
            with database.writing() as tx:
                if database.engine.dialect.name != "sqlite":  # there is one writer at a time anyway
                    start.wait(30)
                tx.jobs.lock(job_id)
                tx.work.finish(shard)
                tx.work.unblock_next(job_id)

        threads = [threading.Thread(target=finish, args=(shard,)) for shard in shards]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        following = claim(database)
        assert following is not None
        assert following.stage == "fit"
        with database.writing() as tx:
            tx.work.finish(following)
