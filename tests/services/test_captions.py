"""Captions of a job: the files asked for, what its reel says of them, and jobs that are strict about them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.rendering import Studio
from tests.services.test_work import rows
from voicereel.adapters.database.rows import job_of, job_row
from voicereel.domain.script import CaptionRequest

# The fake engine speaks 25 letters a second.
FAST = "Everybody remembers whatever happened yesterday evening although nobody understands anything."
LINES = [{"id": "fast", "speaker": "stock:fake/a", "text": FAST}, {"speaker": "stock:fake/b", "text": "No."}]


def script(**captions: Any) -> dict[str, Any]:
    return {"title": "Pilot", "lines": LINES, "output": {"formats": ["wav"]}, "captions": captions}


def reel_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "reel.json").read_text(encoding="utf-8"))
    return document


def test_the_formats_asked_for_are_made_in_the_style_asked_for(fake_studio: Studio, tmp_path: Path) -> None:
    asked = script(formats=["ttml", "vtt"], style="netflix", fps=25, limits={"columns": 30})
    job = fake_studio.render(asked, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["reel.json", "reel.ttml", "reel.vtt", "reel.wav"]
    assert sorted(job["outputs"]["captions"]) == ["ttml", "vtt"]
    reel = reel_of(tmp_path / "out")
    style = reel["style"]
    assert (style["name"], style["version"], style["limits"]["columns"]["en"]) == ("netflix", 2, 30)
    assert (style["limits"]["gap_ms"], style["limits"]["chain_ms"]) == (80, 480)
    assert all(len(line) <= 30 for cue in reel["cues"] for line in cue["lines"])
    shown = list(
        ElementTree.parse(tmp_path / "out" / "reel.ttml").getroot().iter("{http://www.w3.org/ns/ttml}p")
    )
    assert len(shown) == len(reel["cues"])


def test_a_job_says_which_limits_its_cues_break(fake_studio: Studio, tmp_path: Path) -> None:
    job = fake_studio.render(script(), tmp_path)
    reel = reel_of(tmp_path)
    report = reel["conformance"]
    assert report["cues"] == len(reel["cues"])
    assert report["rules"] == {"min_duration": 1, "reading_speed": 2}
    assert report["broken"] == 3
    first = report["findings"][0]
    assert (first["line_id"], first["rule"], first["limit"]) == ("fast", "reading_speed", 20)
    assert first["over"] == pytest.approx(first["value"] - 20)
    (warning,) = job["warnings"]
    assert (warning["code"], warning["pointer"]) == ("caption_limits", "/captions")
    assert "default@1: 3 (min_duration 1, reading_speed 2)" in warning["detail"]
    assert job["status"] == "succeeded"


def test_where_no_captions_are_asked_for_nothing_is_said_of_them(fake_studio: Studio, tmp_path: Path) -> None:
    assert fake_studio.render(script(formats=[]), tmp_path)["warnings"] == []


def test_a_strict_job_fails_and_is_not_billed(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(script(strict=True))
    fake_studio.work()
    job = fake_studio.job(job_id)
    assert (job["status"], job["error"]["code"], job["outputs"]) == ("failed", "captions_refused", None)
    assert "fast reading_speed" in job["error"]["detail"]
    assert "l2 min_duration" in job["error"]["detail"]
    assert FAST not in job["error"]["detail"]
    assert job["error"]["measured"] == {"min_duration": 1, "reading_speed": 2}
    assert job["billable_ms"] is None
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(0,)]


def test_a_strict_job_without_a_broken_limit_succeeds(fake_studio: Studio) -> None:
    easy = script(strict=True, limits={"cps": 100, "min_ms": 100})
    job_id = fake_studio.submit(easy)
    fake_studio.work()
    assert (fake_studio.job(job_id)["status"], fake_studio.job(job_id)["warnings"]) == ("succeeded", [])


def test_cues_keep_to_the_shot_cuts_of_the_script(fake_studio: Studio, tmp_path: Path) -> None:
    """In any order, and named twice: the line begins 300 ms after a cut, and is shown from it."""
    lines = [
        {"speaker": "stock:fake/a", "text": "Did you hear that?", "slot": {"start_ms": 1300, "end_ms": 4000}}
    ]
    cut = {**script(shot_cuts_ms=[9000, 1000, 9000]), "lines": lines}
    fake_studio.render(cut, tmp_path)
    (cue,) = reel_of(tmp_path)["cues"]
    assert cue["start_ms"] == 1000


def test_jobs_of_before_are_read(fake_studio: Studio) -> None:
    job_id = fake_studio.submit(script())
    with fake_studio.services.jobs.work.reading() as tx:
        job = tx.jobs.get(job_id, tenant_id=fake_studio.principal.tenant_id)
    row = {**job_row(job), "stale": False, "revision": 0, "started_at": None, "finished_at": None}
    row |= {"lines_done": 0, "error": None, "billable_ms": None}
    row["request"] = {**row["request"], "captions": {"formats": ["vtt"], "style": "default"}}
    assert job_of(row, stages=(), artifacts=()).captions == CaptionRequest(formats=("vtt",))
