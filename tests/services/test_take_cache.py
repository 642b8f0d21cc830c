"""The take cache: what was spoken and paid for is not spoken again, for the same tenant."""

from dataclasses import replace

import pytest

from tests.rendering import Studio
from tests.services.revising import LINES, SCRIPT, Ear, certificate, done, render, revise, update
from tests.services.test_work import execute, rows
from voicereel.domain.account import SCOPES
from voicereel.services.takes import TakeCache
from voicereel.services.upkeep import UpkeepService

BILLS = "SELECT billable_ms FROM ledger ORDER BY id"
TAKES = "SELECT source, sha256 FROM takes WHERE job_id = '{}' ORDER BY line_id, id"


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    heard = Ear()
    heard.listen(monkeypatch)
    return heard


def rendered(studio: Studio, **changes: object) -> str:
    job_id = studio.submit({**SCRIPT, **changes})
    studio.work()
    return job_id


def evict_all(studio: Studio) -> None:
    """As the sweep does where nothing may be kept."""
    keeper = TakeCache(work=studio.services.work.work, most_bytes=0, now=studio.services.upkeep.now)
    upkeep: UpkeepService = replace(studio.services.upkeep, cache=keeper)
    upkeep.sweep()
    upkeep.sweep()


def test_lines_that_were_paid_for_are_copied_into_another_job(fake_studio: Studio, ear: Ear) -> None:
    first = rendered(fake_studio)
    ear.hear()
    other = rendered(fake_studio, lines=[*LINES[:2], {**LINES[2], "text": "Something new."}, LINES[3]])
    assert ear.hear() == ["Something new."]
    was, now = (rows(fake_studio, TAKES.format(job_id)) for job_id in (first, other))
    assert [source for source, _ in now] == [
        "cached",
        "cached",
        "rendered",
        "cached",
    ]
    assert [sha for at, (_, sha) in enumerate(was) if at != 2] == [
        sha for at, (_, sha) in enumerate(now) if at != 2
    ]
    (whole,), (part,) = rows(fake_studio, BILLS)
    assert 0 < part < whole
    third = rendered(fake_studio)
    assert (ear.hear(), rows(fake_studio, BILLS)[2:]) == ([], [(0,)])
    assert done(certificate(fake_studio, third, 0)) == {line["id"]: ["cached"] for line in LINES}
    # No job depends on another's files: its own sound is there when the first is gone.
    fake_studio.services.jobs.delete(fake_studio.principal, first)
    fake_studio.services.upkeep.sweep()
    update(fake_studio, other, "one", pause_after_ms=700)
    assert render(fake_studio, other)["status"] == "succeeded"


def test_another_tenant_gets_nothing_from_it(fake_studio: Studio, ear: Ear) -> None:
    rendered(fake_studio)
    ear.hear()
    accounts = fake_studio.services.accounts
    key = accounts.create_key("other", tenant="other", scopes=SCOPES)
    stranger = replace(fake_studio, principal=accounts.authenticate(f"Bearer {key.key}"))
    rendered(stranger)
    assert len(ear.hear()) == len(LINES)
    assert rows(fake_studio, "SELECT DISTINCT source FROM takes") == [("rendered",)]


@pytest.mark.parametrize("unpaid", ["in review", "canceled"])
def test_what_nobody_paid_for_is_no_cache(fake_studio: Studio, ear: Ear, unpaid: str) -> None:
    if unpaid == "in review":
        rendered(fake_studio, lines=[*LINES, {"speaker": "ANA", "text": "It will FAIL now."}])
    else:
        job_id = fake_studio.submit(SCRIPT)
        assert fake_studio.runner.run_one()
        fake_studio.services.jobs.cancel(fake_studio.principal, job_id, once=None)
    ear.hear()
    rendered(fake_studio)
    assert len(ear.hear()) == len(LINES)
    assert rows(fake_studio, "SELECT count(*) FROM takes WHERE source <> 'rendered'") == [(0,)]


def test_a_file_that_is_gone_or_broken_is_a_miss_and_no_failure(fake_studio: Studio, ear: Ear) -> None:
    rendered(fake_studio)
    execute(fake_studio, "UPDATE takes SET sha256 = 'other' WHERE line_id = 'two'")
    ear.hear()
    rendered(fake_studio)
    assert ear.hear() == [LINES[1]["text"]]
    for (key,) in rows(fake_studio, "SELECT key FROM artifacts WHERE kind = 'takes'"):
        fake_studio.services.work.store.delete(str(key))
    rendered(fake_studio)
    assert len(ear.hear()) == len(LINES)


def test_warnings_come_with_the_takes_they_are_about(fake_studio: Studio, ear: Ear) -> None:
    calm = {**LINES[0], "style": "calm"}
    rendered(fake_studio, lines=[calm])
    ear.hear()
    job = fake_studio.job(rendered(fake_studio, lines=[LINES[1], calm]))
    assert ear.hear() == [LINES[1]["text"]]
    assert [(w["code"], w["pointer"]) for w in job["warnings"]] == [("style_not_supported", "/lines/1")]


def test_a_take_whose_file_was_evicted_is_spoken_again_the_same_and_not_billed(
    fake_studio: Studio, ear: Ear
) -> None:
    job_id = rendered(fake_studio)
    evict_all(fake_studio)
    assert rows(fake_studio, "SELECT count(*) FROM artifacts WHERE kind = 'takes'") == [(0,)]
    ear.hear()
    update(fake_studio, job_id, "two", text="Other words.")
    job = render(fake_studio, job_id)
    assert len(ear.hear()) == len(LINES)
    document = certificate(fake_studio, job_id, 1)
    entries = {entry["id"]: entry for entry in document["lines"]}
    assert {name: entry["done"][0] for name, entry in entries.items()} == {
        "one": "again",
        "two": "rendered",
        "three": "again",
        "four": "again",
    }
    assert [name for name, entry in entries.items() if not entry["same_take"]] == ["two"]
    assert document["totals"]["billed_ms"] == entries["two"]["billed_ms"] == job["billable_ms"]


def test_what_was_not_used_for_longest_is_evicted_first_and_that_is_told(
    fake_studio: Studio, ear: Ear
) -> None:
    old, used, new = (
        rendered(fake_studio, lines=[{"speaker": "ANA", "text": text}]) for text in ("Old.", "Used.", "New.")
    )
    execute(fake_studio, "UPDATE artifacts SET created_at = '2000-01-01T00:00:00.000Z' WHERE kind = 'takes'")
    rendered(fake_studio, lines=[{"speaker": "ANA", "text": "Used."}])
    sizes = dict(rows(fake_studio, "SELECT job_id, size_bytes FROM artifacts WHERE kind = 'takes'"))
    execute(fake_studio, f"UPDATE artifacts SET used_at = NULL WHERE job_id = '{new}'")
    room = sum(sizes.values()) - sizes[old]
    keeper = TakeCache(
        work=fake_studio.services.work.work, most_bytes=room, now=fake_studio.services.upkeep.now
    )
    keeper.evict()
    left = {job_id for (job_id,) in rows(fake_studio, "SELECT job_id FROM artifacts WHERE kind = 'takes'")}
    assert left == sizes.keys() - {old}
    assert rows(fake_studio, f"SELECT type FROM events WHERE job_id = '{old}' ORDER BY id DESC LIMIT 1") == [
        ("files.deleted",)
    ]
    assert used in left


def test_nothing_is_evicted_from_under_a_job_that_is_rendered(fake_studio: Studio, ear: Ear) -> None:
    job_id = rendered(fake_studio)
    update(fake_studio, job_id, "one", pause_after_ms=700)
    revise(fake_studio, job_id)
    evict_all(fake_studio)
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "succeeded"


def test_without_a_cache_everything_is_spoken(
    fake_studio: Studio, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = replace(fake_studio.services.work, keeps_takes=False)
    studio = replace(fake_studio, runner=replace(fake_studio.runner, work=off))
    for _ in range(2):
        rendered(studio)
        assert len(ear.hear()) == len(LINES)
