"""Editing a job by the client, on the real application, and checking certificates without it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.service import JOB_ID, Run, Service, ok
from tests.client.test_real_app import connect
from tests.rendering import Studio, studio
from tests.services.test_billing import PER_SECOND, set_prices
from voicereel_client import ConflictError, DownloadError, Job, UnprocessableError, VoiceReel, verify

LINES = [
    {"id": "one", "speaker": "stock:fake/a", "text": "One two three."},
    {"id": "two", "speaker": "stock:fake/b", "text": "Four five."},
    {"id": "three", "speaker": "stock:fake/a", "text": "Six seven eight nine."},
]


@pytest.fixture
def fake_studio(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path / "home", engines="fake", default_engine="fake") as found:
        yield found


@pytest.fixture
def client(fake_studio: Studio) -> Iterator[VoiceReel]:
    with connect(fake_studio) as found:
        yield found


@pytest.fixture
def job(fake_studio: Studio, client: VoiceReel) -> Job:
    made = client.synthesize(lines=LINES, output={"formats": ["wav"]})
    fake_studio.work()
    return made.wait()


def test_lines_are_edited_by_their_ids_and_one_is_rendered(
    fake_studio: Studio, client: VoiceReel, job: Job, tmp_path: Path
) -> None:
    jobs = client.jobs
    set_prices(fake_studio, PER_SECOND)
    job.download(tmp_path / "v0")
    changed = jobs.update_line(job, "two", text="Fours six.", speed=None)
    assert (changed.text, changed.changed, changed.status) == ("Fours six.", True, "succeeded")
    added = jobs.insert_line(job, {"speaker": "stock:fake/a", "text": "Ten."}, after="one")
    assert jobs.move_line(job, added.id, after="three").id == added.id
    assert [line.id for line in jobs.lines(job, page_size=2)] == ["one", "two", "three", added.id]
    estimate = jobs.estimate_revision(job)
    assert (estimate.revision, estimate.spoken_lines, estimate.kept_lines) == (1, ("two", added.id), 2)
    with pytest.raises(UnprocessableError) as dear:
        jobs.revise(job, max_cost="0.000001")
    assert dear.value.code == "max_cost_exceeded"
    jobs.delete_line(job, added.id)
    assert jobs.get(job.id).stale
    revised = jobs.revise(job, max_cost=estimate.at_most.amount)
    fake_studio.work()
    revised = revised.wait()
    assert (revised.status, revised.revision, revised.stale) == ("succeeded", 1, False)
    line = jobs.line(job, "two", words=True)
    assert (line.changed, [word.text for word in line.words]) == (False, ["Fours", "six."])
    assert [(each.number, each.status) for each in jobs.revisions(job)] == [
        (1, "succeeded"),
        (0, "succeeded"),
    ]
    revised.download(tmp_path / "v1")
    checks = verify(tmp_path / "v0", tmp_path / "v1")
    assert [(check.line_id, check.claimed, check.identical) for check in checks] == [
        ("one", True, True),
        ("three", True, True),
    ]
    with pytest.raises(ConflictError) as nothing:
        jobs.revise(job)
    assert nothing.value.code == "nothing_changed"
    with pytest.raises(UnprocessableError):
        jobs.update_line(job, "two", text="")


@pytest.fixture
def downloads(fake_studio: Studio, client: VoiceReel, job: Job, tmp_path: Path) -> tuple[Path, Path]:
    """Two revisions of a job, the second with another text for line two."""
    before, after = tmp_path / "before", tmp_path / "after"
    job.download(before)
    client.jobs.update_line(job, "two", text="Fours six.")
    revised = client.jobs.revise(job)
    fake_studio.work()
    revised.wait().download(after)
    return before, after


def test_a_certificate_is_of_its_own_files_and_follows_the_one_before(downloads: tuple[Path, Path]) -> None:
    before, after = downloads
    with pytest.raises(DownloadError, match="follow"):
        verify(after, before)
    reel = after / "reel.wav"
    reel.write_bytes(reel.read_bytes()[:-2] + b"\x01\x01")
    with pytest.raises(DownloadError, match=r"reel\.wav is not the file"):
        verify(before, after)
    (after / "certificate.json").write_text("{}")
    with pytest.raises(DownloadError, match="no certificate"):
        verify(before, after)


def test_a_false_claim_is_found_by_the_command(run: Run, downloads: tuple[Path, Path]) -> None:
    before, after = downloads
    honest = run("jobs", "verify", str(before), str(after))
    assert (honest.exit_code, honest.stdout.split()) == (0, ["one", "identical", "three", "identical"])
    lied = after.with_name("lied")
    shutil.copytree(after, lied)
    document = json.loads((lied / "certificate.json").read_text())
    line = next(line for line in document["lines"] if line["id"] == "two")
    line.update(same_take=True, same_delivered=True)
    (lied / "certificate.json").write_text(json.dumps(document))
    found = run("jobs", "verify", str(before), str(lied))
    assert found.exit_code == 1
    assert "line two is said to be the same, and is not" in found.stderr


def test_the_options_of_the_commands_become_fields(run: Run, service: Service) -> None:
    """``none`` gives a control back to its role; what is not said is not sent."""
    line = {"id": "l2", "speaker": "ANA", "text": "Hello.", "changed": True}
    service.answers(ok(line), ok(line, status=201))
    options = ("--speed", "none", "--pitch", "1.5", "--slot", "0-900", "--after", "l1")
    edited = run("jobs", "edit", JOB_ID, "l2", *options)
    added = run("jobs", "add-line", JOB_ID, "--speaker", "ANA", "--text", "Hello.", "--before", "l3")
    assert (edited.stdout, added.exit_code) == ("l2  *  ANA  Hello.\n", 0)
    assert [json.loads(body) for body in service.bodies] == [
        {"speed": None, "pitch_st": 1.5, "slot": {"start_ms": 0, "end_ms": 900}, "after": "l1"},
        {"speaker": "ANA", "text": "Hello.", "before": "l3"},
    ]
    for wrong in (("edit", JOB_ID, "l2"), ("edit", JOB_ID, "l2", "--slot", "900"), ("add-line", JOB_ID)):
        assert run("jobs", *wrong).exit_code == 2
