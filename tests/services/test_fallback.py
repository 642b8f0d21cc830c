"""Lines that fail: tried again alone, spoken by the fallback speaker, and reviewed by a person."""

from dataclasses import replace
from typing import Any

import pytest

from tests.adverts import advertise_for_good
from tests.conftest import fake_engine
from tests.rendering import Studio
from tests.services.test_work import execute, forget_backoff, rows
from voicereel.domain.errors import Conflict
from workers.engines.base import EngineError
from workers.engines.tts.fake import Fake

LINES = [
    {"speaker": "stock:fake/a", "text": "One."},
    {"speaker": "stock:fake/a", "text": "Two FAIL now."},
    {"speaker": "stock:fake/a", "text": "Three."},
]


def script(**changes: Any) -> dict[str, Any]:
    return {"lines": LINES, "output": {"formats": ["wav"]}, "captions": {"formats": []}, **changes}


class Flaky:
    """Fails at each text that contains a word, as often as it is told; notes what it was asked to speak."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, word: str, times: int) -> None:
        self.asked: list[str] = []
        self._word, self._times = word, times
        self._refusal = Fake._refusal
        monkeypatch.setattr(Fake, "_refusal", lambda engine, request: self.refuse(engine, request))

    def refuse(self, engine: Fake, request: Any) -> EngineError | None:
        self.asked.append(request.text)
        if self._word in request.text and self._times > 0:
            self._times -= 1
            return EngineError("Try again.", code="engine_busy", retryable=True)
        return self._refusal(engine, request)


def test_a_failed_line_is_tried_again_alone_and_good_lines_are_kept(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = Flaky(monkeypatch, "Two", times=1)
    lines = [{**line, "text": line["text"].replace(" FAIL now", "")} for line in LINES]
    job_id = fake_studio.submit(script(lines=lines))
    fake_studio.work()
    first = fake_studio.job(job_id)
    assert first["progress"] == {"done": 2, "total": 3, "unit": "line"}
    assert first["stages"][0]["status"] == "queued"
    forget_backoff(fake_studio)
    fake_studio.work()
    assert flaky.asked == ["One.", "Two.", "Three.", "Two."]
    done = fake_studio.job(job_id)
    assert (done["status"], done["progress"]["done"]) == ("succeeded", 3)
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(1,)]


def test_a_line_that_never_succeeds_ends_the_job_in_review_with_the_line_named(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    Flaky(monkeypatch, "Two", times=99)
    job_id = fake_studio.submit(script())
    for _ in range(3):
        fake_studio.work()
        forget_backoff(fake_studio)
    fake_studio.work()
    job = fake_studio.job(job_id)
    assert job["status"] == "needs_review"
    assert [(w["code"], w["pointer"]) for w in job["warnings"]] == [("line_failed", "/lines/1")]
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(0,)]


def test_the_fallback_speaks_what_fails_for_good_and_a_person_releases_it(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = Fake._refusal
    monkeypatch.setattr(
        Fake, "_refusal", lambda self, request: None if request.voice == "b" else refusal(self, request)
    )
    job_id = fake_studio.submit(script(fallback="stock:fake/b"))
    fake_studio.work()
    job = fake_studio.job(job_id)
    assert job["status"] == "needs_review"
    assert [(w["code"], w["pointer"]) for w in job["warnings"]] == [("spoken_by_fallback", "/lines/1")]
    assert job["billable_ms"] is None
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(0,)]

    jobs, principal = fake_studio.services.jobs, fake_studio.principal
    approved = jobs.approve(principal, job_id, once=None).body
    assert (approved["status"], approved["billable_ms"]) == (
        "succeeded",
        approved["outputs"]["audio"][0]["duration_ms"],
    )
    spoken = rows(fake_studio, "SELECT speaker_id FROM ledger_items ORDER BY speaker_id")
    assert spoken == [("stock:fake/a",), ("stock:fake/b",)]
    with pytest.raises(Conflict) as again:
        jobs.approve(principal, job_id, once=None)
    assert again.value.code == "not_in_review"
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(1,)]


def test_a_fallback_that_fails_too_leaves_the_line_failed(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(script(fallback="stock:fake/b"))
    fake_studio.work()
    job = fake_studio.job(job_id)
    assert job["status"] == "needs_review"
    assert {w["code"] for w in job["warnings"]} == {"spoken_by_fallback", "line_failed"}


def test_a_tenants_fallback_counts_where_the_script_names_none(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fake, "_refusal", lambda _, request: _refuse_a(request.voice))
    accounts = fake_studio.services.accounts
    accounts.set_fallback("acme", "stock:fake/b")
    key = accounts.create_key("second", tenant="acme", scopes=["jobs:write", "jobs:read"])
    with_fallback = Studio(
        fake_studio.services, fake_studio.runner, accounts.authenticate(f"Bearer {key.key}")
    )
    job_id = with_fallback.submit(script())
    with_fallback.work()
    codes = [w["code"] for w in with_fallback.job(job_id)["warnings"]]
    assert codes == ["spoken_by_fallback"] * 3


def _refuse_a(voice: str | None) -> EngineError | None:
    return EngineError("Never.", code="broken") if voice == "a" else None


def test_a_run_whose_worker_always_dies_goes_to_the_fallback(fake_studio: Studio) -> None:
    good = [{**line, "text": "Fine."} for line in LINES]
    job_id = fake_studio.submit(script(lines=good, fallback="stock:fake/b"))
    for _ in range(3):
        assert fake_studio.services.work.claim("cpu", worker_id="other:1")
        execute(
            fake_studio,
            "UPDATE stage_runs SET lease_until = '2000-01-01T00:00:00.000Z' WHERE status = 'running'",
        )
        fake_studio.services.upkeep.sweep()
        forget_backoff(fake_studio)
    fake_studio.work()
    job = fake_studio.job(job_id)
    assert job["status"] == "needs_review"
    assert [w["pointer"] for w in job["warnings"]] == ["/lines/0", "/lines/1", "/lines/2"]


def test_work_for_a_pool_without_workers_goes_to_the_fallback_and_the_queue_says_so(
    fake_studio: Studio,
) -> None:
    big = replace(fake_engine("big"), pool="gpu")
    advertise_for_good(fake_studio.services, "gpu:0", [big])
    lines = [{"speaker": "stock:big/ana", "text": "Hello."}]
    fake_studio.services.catalogue._known.clear()
    job_id = fake_studio.submit(script(lines=lines, fallback="stock:fake/b"))
    assert fake_studio.work() == 0
    fake_studio.services.work.withdraw("gpu:0")
    pools = {p["pool"]: p["state"] for p in fake_studio.services.catalogue.queue()["pools"]}
    assert pools["gpu"] == "no_workers"
    execute(
        fake_studio,
        "UPDATE stage_runs SET next_run_at = '2000-01-01T00:00:00.000Z' WHERE status = 'queued'",
    )
    fake_studio.services.upkeep.sweep()
    fake_studio.work()
    job = fake_studio.job(job_id)
    assert job["status"] == "needs_review"
    assert [w["code"] for w in job["warnings"]] == ["spoken_by_fallback"]
