"""Revisions: what is spoken, billed and kept when lines of a finished job are edited."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.rendering import Studio
from tests.services.revising import (
    LINES,
    SCRIPT,
    Ear,
    certificate,
    delete,
    done,
    estimate,
    ids,
    insert,
    lines,
    render,
    revise,
    revisions,
    sound,
    update,
)
from tests.services.test_billing import PER_SECOND, set_prices
from tests.services.test_work import claim, rows
from voicereel.domain.errors import Conflict, InvalidRequest, NotFound, StageFailed
from voicereel.domain.prices import parse_amount
from voicereel.services.idempotency import Once
from workers.engines.base import EngineError
from workers.engines.tts.fake import Fake

BILLS = "SELECT revision, billable_ms FROM ledger ORDER BY revision"


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    heard = Ear()
    heard.listen(monkeypatch)
    return heard


@pytest.fixture
def job_id(fake_studio: Studio, ear: Ear) -> str:
    """A job of four lines that has succeeded."""
    found = fake_studio.submit(SCRIPT)
    fake_studio.work()
    assert len(ear.hear()) == len(LINES)
    return found


def line_of(studio: Studio, job_id: str, line_id: str) -> dict[str, Any]:
    return next(line for line in lines(studio, job_id) if line["id"] == line_id)


# --- what is spoken and billed ----------------------------------------------------------------------


def test_only_the_line_that_changed_is_spoken_and_billed(fake_studio: Studio, job_id: str, ear: Ear) -> None:
    edited = update(fake_studio, job_id, "three", text="Something else.")
    assert (edited["changed"], fake_studio.job(job_id)["stale"]) == (True, True)
    assert [line["changed"] for line in lines(fake_studio, job_id)] == [False, False, True, False]
    job = render(fake_studio, job_id)
    assert ear.hear() == ["Something else."]
    assert (job["status"], job["revision"], job["stale"]) == ("succeeded", 1, False)
    assert job["progress"] == {"done": 4, "total": 4, "unit": "line"}
    line = line_of(fake_studio, job_id, "three")
    assert job["billable_ms"] == line["end_ms"] - line["start_ms"]
    assert rows(fake_studio, BILLS)[1] == (1, job["billable_ms"])
    assert [line["changed"] for line in lines(fake_studio, job_id)] == [False] * 4
    assert "".join(word["text"] for word in line["words"]) == "Somethingelse."


def test_what_moves_a_line_in_time_speaks_nothing_and_costs_nothing(
    fake_studio: Studio, job_id: str, ear: Ear
) -> None:
    before = line_of(fake_studio, job_id, "three")["start_ms"]
    update(fake_studio, job_id, "one", pause_after_ms=900)
    update(fake_studio, job_id, "two", gain_db=-3)
    update(fake_studio, job_id, "four", slot={"start_ms": 9000, "end_ms": 12_000})
    job = render(fake_studio, job_id)
    assert (ear.hear(), job["status"], job["billable_ms"]) == ([], "succeeded", 0)
    assert [stage["name"] for stage in job["stages"]] == ["fit", "mix", "package"]
    assert line_of(fake_studio, job_id, "three")["start_ms"] == before + 650
    assert line_of(fake_studio, job_id, "four")["start_ms"] == 9000
    assert rows(fake_studio, BILLS)[1] == (1, 0)
    assert rows(fake_studio, "SELECT count(*) FROM ledger_items WHERE ledger_id = 2") == [(0,)]


def test_lines_are_added_removed_and_moved_under_the_ids_they_have(
    fake_studio: Studio, job_id: str, ear: Ear
) -> None:
    first = insert(fake_studio, job_id, speaker="ANA", text="First.", before="one")
    last = insert(fake_studio, job_id, id="last", speaker="BEN", text="Last.")
    insert(fake_studio, job_id, id="middle", speaker="BEN", text="Middle.", after="two")
    delete(fake_studio, job_id, "three")
    update(fake_studio, job_id, "four", before="one")
    order = [first["id"], "four", "one", "two", "middle", "last"]
    assert ids(fake_studio, job_id) == order
    assert (last["status"], last["start_ms"], last["changed"]) == ("queued", None, True)
    job = render(fake_studio, job_id)
    assert ear.hear() == ["First.", "Middle.", "Last."]
    assert (job["status"], ids(fake_studio, job_id)) == ("succeeded", order)
    starts = [line["start_ms"] for line in lines(fake_studio, job_id)]
    assert starts == sorted(starts)
    spoken = done(certificate(fake_studio, job_id, 1))
    assert spoken["middle"] == ["rendered", "added"]
    assert spoken["two"] == ["kept", "moved"]
    assert spoken["three"] == ["removed"]
    update(fake_studio, job_id, "last", after="one")
    assert ids(fake_studio, job_id) == [first["id"], "four", "one", "last", "two", "middle"]


def test_edits_that_undo_each_other_leave_nothing_to_render(
    fake_studio: Studio, job_id: str, ear: Ear
) -> None:
    update(fake_studio, job_id, "two", text="Other words.", speed=0.8)
    delete(fake_studio, job_id, "three")
    added = insert(fake_studio, job_id, speaker="ANA", text="Seven.")
    update(fake_studio, job_id, "four", before="one")
    assert fake_studio.job(job_id)["stale"]
    delete(fake_studio, job_id, added["id"])
    update(fake_studio, job_id, "four", after="two")
    insert(fake_studio, job_id, **LINES[2], after="two")
    update(fake_studio, job_id, "two", text=LINES[1]["text"], speed=None)
    assert not fake_studio.job(job_id)["stale"]
    assert [line["changed"] for line in lines(fake_studio, job_id)] == [False] * 4
    with pytest.raises(Conflict) as refused:
        revise(fake_studio, job_id)
    assert refused.value.code == "nothing_changed"
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(1,)]
    update(fake_studio, job_id, "one", text="Another.")
    render(fake_studio, job_id)
    assert ear.hear() == ["Another."]


def test_a_newer_engine_changes_no_line_that_nobody_touched(
    fake_studio: Studio, job_id: str, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(Fake().info, version="2")
    monkeypatch.setattr(Fake, "info", property(lambda _: newer))
    update(fake_studio, job_id, "two", text="Other words.")
    render(fake_studio, job_id)
    assert ear.hear() == ["Other words."]
    versions = {e["id"]: e["take"]["engine_version"] for e in certificate(fake_studio, job_id, 1)["lines"]}
    assert versions == {"one": "1", "two": "2", "three": "1", "four": "1"}


# --- when it is refused -----------------------------------------------------------------------------


def test_a_job_that_is_being_rendered_is_not_edited_and_not_revised(fake_studio: Studio, job_id: str) -> None:
    update(fake_studio, job_id, "one", text="Another.")
    revise(fake_studio, job_id)
    for attempt in (
        lambda: revise(fake_studio, job_id),
        lambda: update(fake_studio, job_id, "one", text="No."),
        lambda: insert(fake_studio, job_id, speaker="ANA", text="No."),
        lambda: delete(fake_studio, job_id, "one"),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "job_not_finished"


def test_a_job_without_a_reel_has_nothing_to_revise(fake_studio: Studio) -> None:
    failed, canceled = fake_studio.submit(SCRIPT), fake_studio.submit(SCRIPT)
    fake_studio.services.work.fail(claim(fake_studio), StageFailed("Never.", code="broken"))
    fake_studio.services.jobs.cancel(fake_studio.principal, canceled, once=None)
    for job_id, code in ((failed, "job_failed"), (canceled, "job_canceled")):
        with pytest.raises(Conflict) as refused:
            update(fake_studio, job_id, "one", text="No.")
        assert refused.value.code == code


def test_an_edit_is_checked_as_a_script_is(fake_studio: Studio, job_id: str) -> None:
    for change, found in (
        ({"speaker": "EVA"}, ("/speaker", "unknown_speaker")),
        ({"speaker": "stock:fake/zoe"}, ("/speaker", "unknown_speaker")),
        ({"language": "xx"}, ("/language", "language_not_supported")),
        ({"after": "five"}, ("/after", "unknown_line")),
        ({"before": "two"}, ("/before", "unknown_line")),
    ):
        with pytest.raises(InvalidRequest) as refused:
            update(fake_studio, job_id, "two", **change)
        assert [(error.pointer, error.code) for error in refused.value.errors] == [found]
    with pytest.raises(InvalidRequest, match="1 field"):
        insert(fake_studio, job_id, id="two", speaker="ANA", text="Twice.")
    with pytest.raises(NotFound):
        update(fake_studio, job_id, "five", text="Nobody.")
    assert not fake_studio.job(job_id)["stale"]
    for line_id in ("one", "two", "three"):
        delete(fake_studio, job_id, line_id)
    with pytest.raises(Conflict) as last:
        delete(fake_studio, job_id, "four")
    assert last.value.code == "last_line"


def test_rules_between_lines_are_checked_when_they_are_rendered(fake_studio: Studio, job_id: str) -> None:
    update(fake_studio, job_id, "two", overlap_ms=100)
    delete(fake_studio, job_id, "one")
    with pytest.raises(InvalidRequest) as refused:
        revise(fake_studio, job_id)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [
        ("/lines/0/overlap_ms", "overlap_too_long")
    ]
    assert fake_studio.job(job_id)["status"] == "succeeded"
    update(fake_studio, job_id, "two", overlap_ms=0)
    assert render(fake_studio, job_id)["status"] == "succeeded"


def test_of_two_that_ask_at_once_one_begins_the_revision(fake_studio: Studio, job_id: str) -> None:
    update(fake_studio, job_id, "one", text="Another.")

    def ask(_: int) -> str:
        try:
            return str(revise(fake_studio, job_id)["revision"])
        except Conflict as refused:
            return refused.code

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(ask, range(4))) == ["1", *["job_not_finished"] * 3]
    fake_studio.work()
    assert fake_studio.job(job_id)["revision"] == 1
    assert [row[0] for row in rows(fake_studio, BILLS)] == [0, 1]


def test_the_same_key_asks_once(fake_studio: Studio, job_id: str) -> None:
    update(fake_studio, job_id, "one", text="Another.")
    once = Once(route=f"createRevision/{job_id}", key="k", request_sha256="")
    service = fake_studio.services.revisions
    first, second = (
        service.revise(fake_studio.principal, job_id, once=once, request_id="req_x") for _ in range(2)
    )
    assert (first.replayed, second.replayed, first.body["revision"], second.body["revision"]) == (
        False, True, 1, 1,
    )  # fmt: skip


# --- what is kept -----------------------------------------------------------------------------------


def test_the_old_reel_stays_until_the_new_one_is_there_and_is_listed_after(
    fake_studio: Studio, job_id: str
) -> None:
    old = fake_studio.job(job_id)["outputs"]["audio"][0]["sha256"]
    update(fake_studio, job_id, "one", text="Another.")
    begun = revise(fake_studio, job_id)
    assert (begun["status"], begun["outputs"]["audio"][0]["sha256"]) == ("queued", old)
    while fake_studio.runner.run_one():
        running = fake_studio.job(job_id)
        if running["status"] == "running":
            assert running["outputs"]["audio"][0]["sha256"] == old
    new = fake_studio.job(job_id)["outputs"]["audio"][0]["sha256"]
    assert new != old
    listed = revisions(fake_studio, job_id)
    assert [(each["number"], each["status"]) for each in listed] == [(1, "succeeded"), (0, "succeeded")]
    assert [each["outputs"]["audio"][0]["sha256"] for each in listed] == [new, old]
    assert all(each["outputs"]["certificate"]["url"] for each in listed)
    assert listed[1]["billable_ms"] > listed[0]["billable_ms"] > 0


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_a_revision_that_comes_to_nothing_leaves_what_there_was(
    fake_studio: Studio, job_id: str, ear: Ear, end: str
) -> None:
    old = fake_studio.job(job_id)["outputs"]["audio"][0]["sha256"]
    update(fake_studio, job_id, "one", text="Another.")
    revise(fake_studio, job_id)
    assert fake_studio.runner.run_one()  # the line is spoken
    if end == "cancel":
        fake_studio.services.jobs.cancel(fake_studio.principal, job_id, once=None)
    else:
        fake_studio.services.work.fail(claim(fake_studio), StageFailed("Never.", code="broken"))
    job = fake_studio.job(job_id)
    assert (job["status"], job["stale"]) == ({"cancel": "canceled", "fail": "failed"}[end], True)
    assert job["outputs"]["audio"][0]["sha256"] == old
    assert [each["outputs"] is None for each in revisions(fake_studio, job_id)] == [True, False]
    assert len(rows(fake_studio, BILLS)) == 1
    # What was spoken for it was not billed: the revision that succeeds with it is.
    assert ear.hear() == ["Another."]
    again = render(fake_studio, job_id)
    assert (again["status"], again["revision"], ear.hear()) == ("succeeded", 2, [])
    line = line_of(fake_studio, job_id, "one")
    assert rows(fake_studio, BILLS)[1] == (2, line["end_ms"] - line["start_ms"])
    assert done(certificate(fake_studio, job_id, 2))["one"] == ["rendered", "moved"]


# --- what it will cost ------------------------------------------------------------------------------


def test_a_revision_is_estimated_and_never_billed_more(fake_studio: Studio, job_id: str, ear: Ear) -> None:
    set_prices(fake_studio, PER_SECOND)
    nothing = estimate(fake_studio, job_id)
    assert (nothing["at_most"], nothing["kept_lines"]) == ({"billable_ms": 0, "amount": "0.000000"}, 4)
    update(fake_studio, job_id, "two", pause_after_ms=900)
    assert estimate(fake_studio, job_id)["at_most"]["amount"] == "0.000000"
    update(fake_studio, job_id, "three", text="Something else.")
    insert(fake_studio, job_id, id="five", speaker="ANA", text="One two three.")  # as line one
    found = estimate(fake_studio, job_id)
    assert (found["revision"], found["spoken_lines"], found["kept_lines"]) == (1, ["three"], 3)
    assert found["cached_lines"] == ["five"]
    assert 0 < float(found["expected"]["amount"]) < float(found["at_most"]["amount"])
    assert ear.hear() == []
    most = parse_amount(found["at_most"]["amount"])
    with pytest.raises(InvalidRequest) as dear:
        revise(fake_studio, job_id, max_cost_micros=most - 1)
    assert (dear.value.code, fake_studio.job(job_id)["revision"]) == ("max_cost_exceeded", 0)
    # A line that lasts longer than anybody could expect of it.
    delete(fake_studio, job_id, "five")
    update(fake_studio, job_id, "three", text=f"H{90 * 'm'}!")
    most = parse_amount(estimate(fake_studio, job_id)["at_most"]["amount"])
    revise(fake_studio, job_id, max_cost_micros=most)
    fake_studio.work()
    assert rows(fake_studio, "SELECT amount_micros FROM ledger WHERE revision = 1") == [(most,)]
    assert most < length(fake_studio, job_id, "three") * 1000
    # The limit was of that revision: the next has none.
    update(fake_studio, job_id, "one", text="Once more, and a little longer.")
    render(fake_studio, job_id)
    spoken = length(fake_studio, job_id, "one") * 1000
    assert rows(fake_studio, "SELECT amount_micros FROM ledger WHERE revision = 2") == [(spoken,)]


def length(studio: Studio, job_id: str, line_id: str) -> int:
    line = line_of(studio, job_id, line_id)
    return int(line["end_ms"] - line["start_ms"])


def test_takes_that_a_lost_revision_left_are_part_of_the_price(fake_studio: Studio, job_id: str) -> None:
    set_prices(fake_studio, PER_SECOND)
    update(fake_studio, job_id, "one", text="Another.")
    revise(fake_studio, job_id)
    assert fake_studio.runner.run_one()  # the line is spoken
    fake_studio.services.jobs.cancel(fake_studio.principal, job_id, once=None)
    found = estimate(fake_studio, job_id)
    assert (found["spoken_lines"], found["kept_lines"]) == ([], 4)
    job = render(fake_studio, job_id)
    assert found["at_most"]["billable_ms"] == job["billable_ms"] > 0


def test_a_worker_of_before_finds_nothing_of_its_own(fake_studio: Studio, job_id: str) -> None:
    (late,) = rows(fake_studio, "SELECT id FROM stage_runs WHERE stage = 'mix'")
    update(fake_studio, job_id, "one", pause_after_ms=500)
    revise(fake_studio, job_id)
    found = rows(fake_studio, "SELECT stage, ordinal, status FROM stage_runs ORDER BY ordinal, shard")
    assert found[:2] == [("fit", 0, "queued"), ("mix", 1, "blocked")]
    assert rows(fake_studio, f"SELECT count(*) FROM stage_runs WHERE id <= {late[0]}") == [(0,)]


def test_warnings_are_those_of_the_lines_as_they_stand(fake_studio: Studio) -> None:
    marked = [{**LINES[0], "style": "calm"}, LINES[1], {**LINES[2], "style": "calm"}]
    job_id = fake_studio.submit({**SCRIPT, "lines": marked})
    fake_studio.work()
    assert [w["pointer"] for w in fake_studio.job(job_id)["warnings"]] == ["/lines/0", "/lines/2"]
    update(fake_studio, job_id, "three", style=None)
    update(fake_studio, job_id, "two", slot={"start_ms": 5000, "end_ms": 5001})
    insert(fake_studio, job_id, speaker="BEN", text="Before all.", before="one")
    job = render(fake_studio, job_id)
    assert [(w["code"], w["pointer"]) for w in job["warnings"]] == [
        ("style_not_supported", "/lines/1"),
        ("slot_overrun", "/lines/2/slot"),
    ]
    update(fake_studio, job_id, "two", slot=None)
    assert [w["pointer"] for w in render(fake_studio, job_id)["warnings"]] == ["/lines/1"]


# --- lines that failed, and reviews -----------------------------------------------------------------


def test_the_reel_of_a_job_in_review_is_billed_when_its_lines_are_mended(
    fake_studio: Studio, ear: Ear
) -> None:
    broken = [*LINES[:3], {**LINES[3], "text": "It will FAIL now."}]
    job_id = fake_studio.submit({**SCRIPT, "lines": broken})
    fake_studio.work()
    assert (fake_studio.job(job_id)["status"], rows(fake_studio, BILLS)) == ("needs_review", [])
    assert line_of(fake_studio, job_id, "four")["status"] == "failed"
    ear.hear()
    update(fake_studio, job_id, "four", text="Ten.")
    job = render(fake_studio, job_id)
    assert (job["status"], job["warnings"], ear.hear()) == ("succeeded", [], ["Ten."])
    assert rows(fake_studio, BILLS) == [(1, job["outputs"]["audio"][0]["duration_ms"])]


def test_a_line_that_the_fallback_spoke_and_a_person_approved_is_not_reviewed_again(
    fake_studio: Studio, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    helped = [{**LINES[0], "text": "It will FAIL now."}, *LINES[1:]]
    monkeypatch.setattr(
        "workers.engines.tts.fake.Fake._refusal",
        lambda _, request: None if request.voice == "b" or "FAIL" not in request.text else _never(),
    )
    job_id = fake_studio.submit({**SCRIPT, "lines": helped, "fallback": "stock:fake/b"})
    fake_studio.work()
    assert fake_studio.job(job_id)["status"] == "needs_review"
    update(fake_studio, job_id, "two", text="Other words.")
    assert render(fake_studio, job_id)["status"] == "needs_review"
    fake_studio.services.jobs.approve(fake_studio.principal, job_id, once=None)
    ear.hear()
    update(fake_studio, job_id, "three", text="New words.")
    job = render(fake_studio, job_id)
    assert (job["status"], ear.hear()) == ("succeeded", ["New words."])
    assert [w["code"] for w in job["warnings"]] == ["spoken_by_fallback"]
    assert line_of(fake_studio, job_id, "one")["spoken_by"] == "stock:fake/b"
    update(fake_studio, job_id, "one", text="Better.")
    update(fake_studio, job_id, "one", text="It will FAIL now.")  # as it was: by who spoke it then
    assert not fake_studio.job(job_id)["stale"]
    assert line_of(fake_studio, job_id, "one")["spoken_by"] == "stock:fake/b"


def _never() -> EngineError:
    return EngineError("Never.", code="broken", retryable=False)


# --- that all else is as it was ---------------------------------------------------------------------


def test_the_certificate_says_what_the_files_say(fake_studio: Studio, job_id: str) -> None:
    was = {line["id"]: line for line in lines(fake_studio, job_id)}
    # of the same length, so that the whole is as loud as it was
    update(fake_studio, job_id, "two", text="Fours six.")
    update(fake_studio, job_id, "three", pause_after_ms=500)
    job = render(fake_studio, job_id)
    document = certificate(fake_studio, job_id, 1)
    assert done(document) == {
        "one": ["kept"],
        "two": ["rendered"],
        "three": ["kept"],
        "four": ["kept", "moved"],
    }
    assert (document["mastering"]["pinned"], document["totals"]["billed_ms"]) == (True, job["billable_ms"])
    now = {line["id"]: line for line in lines(fake_studio, job_id)}
    for entry in document["lines"]:
        line_id = entry["id"]
        same = np.array_equal(
            sound(fake_studio, job_id, 0, was[line_id]), sound(fake_studio, job_id, 1, now[line_id])
        )
        assert same == (line_id != "two")
        assert entry["same_take"] == same
        assert entry["same_delivered"] == (same or None)
        assert (entry["before"]["start_ms"], entry["start_ms"]) == (
            was[line_id]["start_ms"],
            now[line_id]["start_ms"],
        )


def test_where_the_loudness_would_be_missed_the_reel_is_mastered_anew(
    fake_studio: Studio, job_id: str
) -> None:
    update(fake_studio, job_id, "one", gain_db=-20)
    update(fake_studio, job_id, "three", gain_db=-20)
    job = render(fake_studio, job_id)
    document = certificate(fake_studio, job_id, 1)
    assert document["mastering"]["pinned"] is False
    assert abs(job["outputs"]["audio"][0]["loudness_lufs"] - -16) <= 0.2
    kept = next(line for line in document["lines"] if line["id"] == "two")
    assert (kept["done"], kept["same_take"], kept["same_delivered"]) == (["kept"], True, False)


def test_the_events_of_a_revision_are_told_by_themselves(fake_studio: Studio, job_id: str) -> None:
    stream = fake_studio.services.events.stream(fake_studio.principal, job_id, after=None)
    first = [event for event in stream if event]
    stream.close()
    update(fake_studio, job_id, "one", text="Another.")
    render(fake_studio, job_id)
    stream = fake_studio.services.events.stream(fake_studio.principal, job_id, after=None)
    events = [event for event in stream if event]
    stream.close()
    assert events[0].id == first[-1].id + 1
    assert [(e.data["status"], e.data["revision"]) for e in events if e.type == "job.updated"] == [
        ("queued", 1),
        ("running", 1),
    ]
    assert [e.data["id"] for e in events if e.type == "line.finished"] == ["one"]
    assert (events[-1].type, events[-1].data["revision"]) == ("job.finished", 1)
    whole = fake_studio.services.events.stream(fake_studio.principal, job_id, after=0)
    told = [event for event in whole if event]
    whole.close()
    assert [event.id for event in told] == list(range(1, events[-1].id + 1))
