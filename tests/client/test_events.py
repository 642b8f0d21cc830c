import json

import httpx
import pytest

from tests.client.service import (
    JOB_ID,
    Service,
    VirtualTime,
    event,
    events,
    job,
    ok,
    problem,
)
from voicereel_client import APIConnectionError, JobFailedError, VoiceReel, WaitTimeoutError
from voicereel_client._events import EventParser

ONE = event(1, "job.updated", job("running"))
TWO = event(2, "line.finished", {"id": "l1"})
LAST = event(3, "job.finished", job("succeeded"))


def parsed(*chunks: bytes) -> list[tuple[int | None, str, object]]:
    parser = EventParser()
    return [(e.id, e.type, e.data) for chunk in chunks for e in parser.feed(chunk)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_parsed_however_the_bytes_come(end, size):
    text = ': ping\n\nid: 7\nevent: job.updated\ndata: {"a":\ndata: "é"}\n\ndata:{"b":2}\n\nid: 9\ndata: cut'
    raw = text.replace("\n", end).encode()
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert parsed(*chunks) == [(7, "job.updated", {"a": "é"}), (None, "message", {"b": 2})]


def test_data_that_is_no_object_is_kept():
    assert parsed(b"data: hello\n\ndata: [1]\n\nevent: nothing\n\n") == [
        (None, "message", {"text": "hello"}),
        (None, "message", {"value": [1]}),
    ]


def test_the_events_end_with_the_job(vr: VoiceReel, service: Service):
    service.answers(events(b": ping\n\n", ONE + TWO, LAST))
    assert [e.id for e in vr.jobs.events(JOB_ID)] == [1, 2, 3]
    assert service.seen[0].headers["accept"] == "text/event-stream"
    assert "last-event-id" not in service.seen[0].headers


@pytest.mark.parametrize("first", [events(ONE, TWO, cut=True), events(ONE, TWO), events(ONE, TWO, LAST[:20])])
def test_a_broken_stream_goes_on_after_its_last_event(first, vr: VoiceReel, service: Service):
    service.answers(first, events(TWO, LAST))
    assert [e.id for e in vr.jobs.events(JOB_ID)] == [1, 2, 3]
    assert service.seen[1].headers["last-event-id"] == "2"


def test_events_start_after_the_one_named(vr: VoiceReel, service: Service):
    service.answers(events(LAST))
    assert [e.id for e in vr.jobs.events(JOB_ID, last_event_id=2)] == [3]
    assert service.seen[0].headers["last-event-id"] == "2"


def test_events_of_a_job_at_rest_end_though_there_are_none(vr: VoiceReel, service: Service):
    service.answers(events(), ok(job("succeeded")))
    assert list(vr.jobs.events(JOB_ID, last_event_id=3)) == []


def test_a_stream_that_never_brings_anything_is_given_up(vr: VoiceReel, service: Service, time: VirtualTime):
    service.answers(events(cut=True))
    with pytest.raises(APIConnectionError):
        list(vr.jobs.events(JOB_ID))
    assert len(service.seen) == 6


def test_a_stream_that_lives_may_break_off_often(vr: VoiceReel, service: Service):
    service.answers(*[events(b": ping\n\n", cut=True)] * 9, events(LAST))
    assert [e.id for e in vr.jobs.events(JOB_ID)] == [3]


def test_stopping_early_closes_the_stream(vr: VoiceReel, service: Service):
    closed = []

    class Stream(httpx.SyncByteStream):
        def __iter__(self):
            yield ONE
            yield LAST

        def close(self):
            closed.append(True)

    headers = {"Content-Type": "text/event-stream"}
    service.answers(lambda _: httpx.Response(200, stream=Stream(), headers=headers))
    following = vr.jobs.events(JOB_ID)
    assert next(following).id == 1
    following.close()
    assert closed


def test_waiting_follows_the_events_and_reads_the_job_at_the_end(vr: VoiceReel, service: Service):
    service.answers(events(ONE, TWO, LAST), ok(job("succeeded", billable_ms=7)))
    heard = []
    found = vr.jobs.wait(JOB_ID, on_event=heard.append)
    assert (found.billable_ms, [e.id for e in heard]) == (7, [1, 2, 3])
    assert service.paths == [f"GET /v1/jobs/{JOB_ID}/events", f"GET /v1/jobs/{JOB_ID}"]


@pytest.mark.parametrize(
    "refusal", [problem(429, "too_many_streams", Retry_After="60"), problem(503), ok({})]
)
def test_without_a_stream_waiting_asks_again_and_again(
    refusal, vr: VoiceReel, service: Service, time: VirtualTime
):
    service.answers(refusal, ok(job("queued")), ok(job("running")), ok(job("running")), ok(job("succeeded")))
    heard = []
    assert vr.jobs.wait(JOB_ID, on_event=heard.append).status == "succeeded"
    assert [(e.id, e.type, e.data["status"]) for e in heard] == [
        (None, "job.updated", "queued"),
        (None, "job.updated", "running"),
        (None, "job.finished", "succeeded"),
    ]
    assert sum(time.slept) < 3


def test_waiting_survives_a_restart_of_the_service(vr: VoiceReel, service: Service):
    down = httpx.ConnectError("refused")
    service.answers(events(ONE, cut=True), problem(502), down, down, down, ok(job("succeeded")))
    assert vr.jobs.wait(JOB_ID).status == "succeeded"


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_waiting_raises_what_became_of_the_job(status, vr: VoiceReel, service: Service):
    failure = {"code": "overlap_too_long", "detail": "Too long."} if status == "failed" else None
    service.answers(events(LAST), ok(job(status, error=failure)))
    with pytest.raises(JobFailedError) as caught:
        vr.jobs.wait(JOB_ID)
    assert caught.value.job.status == status
    assert caught.value.code == (failure["code"] if failure else "canceled")


def test_a_job_that_needs_review_is_returned(vr: VoiceReel, service: Service):
    endless = event(1, "job.updated", job("needs_review"))
    service.answers(events(endless, b": ping\n\n"), ok(job("needs_review")))
    assert vr.jobs.wait(JOB_ID).status == "needs_review"


def test_waiting_ends_in_time_and_the_job_goes_on(vr: VoiceReel, service: Service, time: VirtualTime):
    service.answers(problem(429), ok(job("running")))
    with pytest.raises(WaitTimeoutError) as caught:
        vr.jobs.wait(JOB_ID, timeout=30)
    assert caught.value.waited_for == JOB_ID
    assert sum(time.slept) == pytest.approx(30)


def test_pings_do_not_keep_waiting_past_its_time(vr: VoiceReel, service: Service, time: VirtualTime):
    def pings():
        while True:
            time.sleep(15)
            yield b": ping\n\n"

    stream = httpx.Response(200, content=pings(), headers={"Content-Type": "text/event-stream"})
    service.answers(lambda _: stream, ok(job("running")))
    started = time.moment
    with pytest.raises(WaitTimeoutError):
        vr.jobs.wait(JOB_ID, timeout=100)
    assert time.moment - started == pytest.approx(100)
    assert service.seen[0].extensions["timeout"]["read"] == 20


def test_events_hold_the_services_own_objects(vr: VoiceReel, service: Service):
    service.answers(events(LAST))
    (only,) = vr.jobs.events(JOB_ID)
    assert json.dumps(only.data) == json.dumps(job("succeeded"))
