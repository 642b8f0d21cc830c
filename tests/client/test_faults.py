"""Both clients on a real server that fails: no job is doubled, no event missed, no file half written."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.both import blocking
from tests.client.live import Fault, Live, broken_off, lost, refused
from tests.rendering import Studio, studio
from voicereel.api.app import create_app
from voicereel.domain.account import SCOPES
from voicereel_client import (
    AsyncVoiceReel,
    AuthenticationError,
    Event,
    NotFoundError,
    Timing,
    VoiceReel,
    WaitTimeoutError,
)

LINES = [{"speaker": "stock:fake/a", "text": f"This is line number {n}."} for n in range(4)]
UNKNOWN = "job_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
HURRY_S = 0.02


@pytest.fixture
def fake_studio(prepared_home: Path, tmp_path: Path) -> Iterator[Studio]:
    shutil.copytree(prepared_home, tmp_path / "home")
    with studio(tmp_path / "home", engines="fake", default_engine="fake") as found:
        yield found


@pytest.fixture
def live(fake_studio: Studio) -> Iterator[Live]:
    service = Live(create_app(fake_studio.services))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def key(fake_studio: Studio) -> str:
    return fake_studio.services.accounts.create_key("sdk", tenant="acme", scopes=SCOPES).key


@pytest.fixture(params=["blocking", "async"])
def vr(live: Live, key: str, request: pytest.FixtureRequest) -> Iterator[VoiceReel]:
    """A client whose pauses between tries are short."""
    if request.param == "blocking":
        hurried = Timing(sleep=lambda seconds: time.sleep(min(seconds, HURRY_S)))
        with VoiceReel(key, live.url, timing=hurried) as client:
            yield client
    else:
        hurried = Timing(sleep=lambda seconds: asyncio.sleep(min(seconds, HURRY_S)))
        with blocking(lambda: AsyncVoiceReel(key, live.url, timing=hurried)) as client:
            yield client


def test_from_script_to_files(vr: VoiceReel, live: Live, fake_studio: Studio, tmp_path: Path):
    made = [vr.synthesize(lines=LINES, output={"formats": ["wav"]}).id for _ in range(3)]
    fake_studio.work()
    heard: list[Event] = []
    job = vr.jobs.get(made[0]).wait(on_event=heard.append)
    assert (job.status, heard[-1].type) == ("succeeded", "job.finished")
    assert {path.name for path in job.download(tmp_path)} == {
        "reel.wav",
        "reel.vtt",
        "reel.srt",
        "reel.json",
        "certificate.json",
    }
    assert [found.id for found in vr.jobs.list(page_size=2)] == made[::-1]
    assert "AUTHORIZATION" not in live.headers("/content")[0]


def test_a_job_in_review_is_approved_and_then_in_the_report(vr: VoiceReel, live: Live, fake_studio: Studio):
    failing = {"speaker": "stock:fake/a", "text": "FAIL here."}
    job = vr.synthesize(lines=[*LINES, failing], fallback="stock:fake/b")
    fake_studio.work()
    waiting = job.wait()
    assert waiting.status == "needs_review"
    assert {w.code: w.pointer for w in waiting.warnings} == {
        "spoken_by_fallback": "/lines/4",
        "line_failed": "/lines/4",  # it cannot speak it either
    }
    assert vr.usage.get().total.jobs == 0
    live.faults["/approve"] = [lost]
    approved = waiting.approve()
    assert (approved.status, approved.wait().billable_ms) == ("succeeded", approved.billable_ms)
    (entry,) = vr.usage.report(f"{approved.created_at:%Y-%m}").entries
    assert (entry.job_id, entry.billable_ms) == (job.id, approved.billable_ms)
    assert job.id in vr.usage.report_csv(f"{approved.created_at:%Y-%m}")


@pytest.mark.parametrize(
    "faults",
    [
        [lost],
        [broken_off(20)],
        [lost, lost],
        [refused(503, "unavailable", Retry_After="1"), lost],
        [refused(502, "x"), refused(503, "x")],
        [lost, refused(409, "idempotency_in_flight", Retry_After="1")],
    ],
)
def test_however_a_submission_fails_it_is_one_job(faults: list[Fault], vr: VoiceReel, live: Live):
    live.faults["/v1/synthesize"] = list(faults)
    made = vr.synthesize(lines=LINES)
    assert [job.id for job in vr.jobs.list()] == [made.id]
    sent = live.headers("/v1/synthesize")
    assert len(sent) == len(faults) + 1
    assert len({given["IDEMPOTENCY_KEY"] for given in sent}) == 1


def numbers(heard: list[Event]) -> list[int | None]:
    return [event.id for event in heard]


def all_numbers(vr: VoiceReel, job_id: str) -> list[int | None]:
    return [event.id for event in vr.jobs.events(job_id)]


def test_waiting_outlasts_a_restart_of_the_service(vr: VoiceReel, live: Live, fake_studio: Studio):
    """It stops after the first event, the job is done meanwhile, and it comes back on the same port."""
    job, heard = vr.synthesize(lines=LINES), []

    def restart() -> None:
        live.stop()
        fake_studio.work()
        live.start()

    restarting = threading.Thread(target=restart)

    def hear(event: Event) -> None:
        if not heard:
            restarting.start()
        heard.append(event)

    assert job.wait(on_event=hear, timeout=60).status == "succeeded"
    restarting.join()
    assert numbers(heard) == all_numbers(vr, job.id) == list(range(1, len(heard) + 1))
    assert live.headers("/events")[-2]["LAST_EVENT_ID"] == "1"
    assert len(list(vr.jobs.list())) == 1


def test_waiting_misses_no_event_though_each_is_followed_by_a_cut(
    vr: VoiceReel, live: Live, fake_studio: Studio
):
    job, heard = vr.synthesize(lines=LINES), []
    fake_studio.work()

    def hear(event: Event) -> None:
        heard.append(event)
        live.cut()

    live.faults["/events"] = [broken_off(after) for after in (0, 1, 500, 900, 2000)]
    assert job.wait(on_event=hear, timeout=60).status == "succeeded"
    assert numbers(heard) == all_numbers(vr, job.id)


def test_events_are_followed_over_refusals_and_cuts(vr: VoiceReel, live: Live, fake_studio: Studio):
    job = vr.synthesize(lines=LINES)
    fake_studio.work()
    expected = all_numbers(vr, job.id)
    live.faults["/events"] = [broken_off(700), refused(503, "unavailable", Retry_After="1"), lost]
    assert all_numbers(vr, job.id) == expected


def test_what_is_final_ends_waiting_at_once(vr: VoiceReel, live: Live):
    with pytest.raises(NotFoundError):
        vr.jobs.wait(UNKNOWN)
    with pytest.raises(AuthenticationError), VoiceReel("vr_live_wrong", live.url) as stranger:
        stranger.jobs.wait(UNKNOWN)


def test_a_service_that_stays_away_ends_waiting_in_time(vr: VoiceReel, live: Live):
    job = vr.synthesize(lines=LINES)
    live.stop()
    with pytest.raises(WaitTimeoutError):
        job.wait(timeout=0.2)


def test_a_download_goes_on_after_each_cut(vr: VoiceReel, live: Live, fake_studio: Studio, tmp_path: Path):
    job = vr.synthesize(lines=LINES, output={"formats": ["wav"]})
    fake_studio.work()
    live.faults["/content"] = [broken_off(1000), refused(503, "unavailable"), broken_off(70_000), lost]
    done = job.wait()
    (wav,) = [path for path in done.download(tmp_path) if path.suffix == ".wav"]
    assert wav.stat().st_size == done.outputs.audio[0].bytes
    given = live.headers("/content")
    assert "RANGE" not in given[0]
    assert given[1]["RANGE"] == "bytes=1000-"
    assert given[1]["IF_RANGE"] == f'"{done.outputs.audio[0].sha256}"'
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix == ".part"] == []
