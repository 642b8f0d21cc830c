"""After a restore: who is refused, what goes on, and what is done where files are gone."""

import pytest

from tests.rendering import Studio
from tests.services.test_work import SCRIPT, claim, execute, rows
from voicereel.domain.errors import LeaseLost
from voicereel.domain.job import Result
from workers.engines.base import EngineError, TakeRequest
from workers.engines.tts.fake import Fake

MADE = "SELECT kind FROM artifacts WHERE job_id = '{}'"


def remove_files(studio: Studio, kind: str) -> None:
    for (key,) in rows(studio, f"SELECT key FROM artifacts WHERE kind = '{kind}'"):
        studio.services.work.store.delete(str(key))


def run_stages(studio: Studio, count: int) -> None:
    for _ in range(count):
        assert studio.runner.run_one()


def test_a_restore_costs_no_attempt_not_even_the_last(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(SCRIPT)
    execute(fake_studio, "UPDATE stage_runs SET attempt = max_attempts - 1 WHERE status = 'queued'")
    held = claim(fake_studio)
    assert held.is_last_attempt
    fake_studio.services.upkeep.outdate_all()
    assert not fake_studio.services.work.heartbeat(held, progress=0.5)
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "succeeded"


def test_ids_given_after_the_backup_are_not_given_again(fake_studio: Studio) -> None:
    """A late worker holds the first claim of a run that the backup does not know."""
    fake_studio.submit(SCRIPT)
    (before,) = rows(fake_studio, "SELECT max(id) FROM stage_runs")
    fake_studio.services.upkeep.outdate_all()
    fake_studio.submit(SCRIPT)
    (after,) = rows(fake_studio, "SELECT max(id) FROM stage_runs")
    assert after[0] > before[0] + 1_000_000


@pytest.mark.parametrize(("stages", "kind"), [(1, "takes"), (3, "mix"), (4, "audio")])
def test_an_unfinished_job_whose_files_are_gone_begins_again(
    fake_studio: Studio, stages: int, kind: str
) -> None:
    job_id = fake_studio.submit(SCRIPT)
    run_stages(fake_studio, stages)
    late = claim(fake_studio)
    remove_files(fake_studio, kind)
    fake_studio.services.upkeep.outdate_all()
    found = fake_studio.services.recovery.begin_again_without_files()
    assert (found.begun_again, found.incomplete) == ((job_id,), ())
    assert rows(fake_studio, MADE.format(job_id)) == []
    assert fake_studio.work() == 5
    with pytest.raises(LeaseLost):
        fake_studio.services.work.complete(late, Result())
    job = fake_studio.job(job_id)
    assert (job["status"], job["progress"], job["warnings"]) == (
        "succeeded",
        {"done": 1, "total": 1, "unit": "line"},
        [],
    )
    assert rows(fake_studio, "SELECT job_id, billable_ms FROM ledger") == [(job_id, job["billable_ms"])]


def test_lines_that_a_fallback_spoke_are_spoken_by_it_again(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken: list[tuple[str, str]] = []

    def refusal(_: Fake, request: TakeRequest) -> EngineError | None:
        spoken.append((request.voice, request.text))
        bad = request.voice == "a" and "Two or" in request.text
        return EngineError("Never.", code="broken", retryable=False) if bad else None

    monkeypatch.setattr(Fake, "_refusal", refusal)
    lines = [{**SCRIPT["lines"][0], "text": text} for text in ("One or two.", "Two or one.")]
    job_id = fake_studio.submit({**SCRIPT, "lines": lines, "fallback": "stock:fake/b"})
    run_stages(fake_studio, 2)
    remove_files(fake_studio, "takes")
    fake_studio.services.upkeep.outdate_all()
    assert fake_studio.services.recovery.begin_again_without_files().begun_again == (job_id,)
    spoken.clear()
    fake_studio.work()
    assert spoken == [("a", "One or two."), ("b", "Two or one.")]
    job = fake_studio.job(job_id)
    assert (job["status"], [w["code"] for w in job["warnings"]]) == ("needs_review", ["spoken_by_fallback"])


def test_a_finished_job_whose_files_are_gone_is_named_and_left_alone(fake_studio: Studio) -> None:
    job_id, whole = fake_studio.submit(SCRIPT), fake_studio.submit(SCRIPT)
    fake_studio.work()
    remove_files(fake_studio, "takes")  # as is done a day after the end of a job
    (key,) = rows(fake_studio, f"SELECT key FROM artifacts WHERE kind = 'audio' AND job_id = '{job_id}'")[0]
    fake_studio.services.work.store.delete(str(key))
    found = fake_studio.services.recovery.begin_again_without_files()
    assert (found.begun_again, found.incomplete) == ((), (job_id,))
    assert {fake_studio.job(each)["status"] for each in (job_id, whole)} == {"succeeded"}
