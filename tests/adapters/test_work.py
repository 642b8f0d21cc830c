"""Claims, leases and fences, on SQLite and on PostgreSQL alike."""

import sqlite3
import threading
from contextlib import closing, suppress

from tests.adapters.builders import claim, submit
from tests.e2e.conftest import eventually
from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database
from voicereel.domain.errors import Unavailable
from voicereel.domain.job import Claim, Result


def claimed(database: Database, *, lease_s: float = 60.0) -> Claim:
    found = claim(database, lease_s=lease_s)
    assert found is not None
    return found


def test_a_claim_is_given_once_and_in_order(database: Database) -> None:
    submit(database)
    first, second, third = claimed(database), claimed(database), claim(database)
    assert [(c.stage, c.shard, c.fence, c.attempt) for c in (first, second)] == [
        ("synthesize", 0, 1, 1),
        ("synthesize", 1, 1, 1),
    ]
    assert third is None  # fit waits for both shards


def test_the_next_stage_is_due_only_when_every_shard_is_done(database: Database) -> None:
    job = submit(database)
    one, two = claimed(database), claimed(database)
    with database.writing() as tx:
        assert tx.work.finish(one)
        assert tx.work.unblock_next(job.id) == ()
        assert tx.work.finish(two)
        assert tx.work.unblock_next(job.id) == ("cpu",)
    assert claimed(database).stage == "fit"


def test_where_all_are_late_what_was_begun_is_finished_first(database: Database) -> None:
    first, second = submit(database), submit(database)
    with database.writing() as tx:
        tx.connection.exec_driver_sql("UPDATE stage_runs SET turn_at = '2026-01-01T00:00:00.000Z'")
        tx.connection.exec_driver_sql(
            f"UPDATE stage_runs SET turn_at = '2026-01-02T00:00:00.000Z' WHERE job_id = '{second.id}'"
        )
    for run in (claimed(database), claimed(database)):
        with database.writing() as tx:
            assert tx.work.finish(run)
            tx.work.unblock_next(first.id)
    following = [claimed(database) for _ in range(3)]
    assert [(each.job_id, each.stage) for each in following] == [
        (first.id, "fit"),
        (second.id, "synthesize"),
        (second.id, "synthesize"),
    ]


def test_an_expired_lease_is_taken_over_and_its_late_owner_refused(database: Database) -> None:
    submit(database)
    late = claimed(database, lease_s=-1)
    heir = claimed(database)
    assert (heir.stage_run_id, heir.fence, heir.attempt) == (late.stage_run_id, late.fence + 1, 2)
    with database.writing() as tx:
        assert not tx.work.heartbeat(late, lease_s=60, progress=0.5)
        assert not tx.work.finish(late)
        assert not tx.work.retry_later(late, delay_s=0, error={})
        assert not tx.work.fail(late, error={})
        assert not tx.work.release(late)
        assert tx.work.finish(heir)


def test_a_run_that_kills_every_worker_is_not_claimed_for_ever(database: Database) -> None:
    submit(database)
    attempts = [claimed(database, lease_s=-1) for _ in range(3)]
    assert {a.stage_run_id for a in attempts} == {attempts[0].stage_run_id}
    assert claimed(database).shard == 1
    with database.writing() as tx:
        (lost,) = tx.work.lost(10)
        assert not tx.work.retry_later(lost, delay_s=0, error={})
        assert tx.work.fail(lost, error={})
    assert lost.stage_run_id == attempts[0].stage_run_id


def test_giving_a_run_back_does_not_count_its_attempt(database: Database) -> None:
    submit(database)
    held = claimed(database)
    with database.writing() as tx:
        assert tx.work.release(held)
    again = claimed(database)
    assert (again.stage_run_id, again.attempt, again.fence) == (held.stage_run_id, 1, held.fence + 1)


def test_a_retry_waits_for_its_backoff(database: Database) -> None:
    submit(database)
    held = claimed(database)
    with database.writing() as tx:
        assert tx.work.retry_later(held, delay_s=60, error={"code": "x"})
    assert claimed(database).shard == 1
    assert claim(database) is None


def test_dead_workers_of_this_machine_lose_what_they_held_and_others_do_not(database: Database) -> None:
    submit(database)
    with database.writing() as tx:
        tx.work.claim("cpu", worker_id="here_:cpu-0", lease_s=60)
        tx.work.claim("cpu", worker_id="here2:cpu-0", lease_s=60)
        assert tx.work.release_workers("here_:") == 1
    assert claimed(database).shard == 0
    assert claim(database) is None


def test_canceling_moves_every_fence(database: Database) -> None:
    job = submit(database)
    held = claimed(database)
    with database.writing() as tx:
        tx.work.cancel(job.id)
        assert not tx.work.finish(held)
    assert claim(database) is None


def test_a_result_is_written_only_with_its_job(database: Database) -> None:
    submit(database)
    held = claimed(database)
    try:
        with database.writing() as tx:
            tx.work.finish(held)
            tx.jobs.record(held, Result())
            raise InterruptedError("the process dies before the commit")
    except InterruptedError:
        pass
    with database.writing() as tx:
        assert tx.work.finish(held)


def test_sixteen_threads_never_share_a_claim(database: Database) -> None:
    for _ in range(20):
        submit(database)
    claims: list[Claim] = []

    def work() -> None:
        while (found := claim(database, worker_id=threading.current_thread().name)) is not None:
            claims.append(found)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(claims) == 40
    assert len({c.stage_run_id for c in claims}) == 40


def test_every_commit_is_on_disk(sqlite_database: Database) -> None:
    with sqlite_database.writing() as tx:
        raw = tx.connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert raw.execute("PRAGMA synchronous").fetchone() == (2,)


def test_who_stops_amid_a_transaction_lets_go_before_a_lease_has_ended(postgresql_url: str) -> None:
    """A paused worker: the job that it has locked could not be taken from it for as long."""
    migrate.upgrade(postgresql_url)
    with (
        closing(Database(postgresql_url, lease_s=2)) as stopped,
        closing(Database(postgresql_url)) as other,
    ):
        job = submit(other)

        def is_free() -> bool:
            with other.writing() as tx:
                return tx.jobs.try_lock(job.id)

        with suppress(Unavailable), stopped.writing() as paused:
            assert paused.jobs.try_lock(job.id)
            assert not is_free()
            eventually(is_free)
