import json

import httpx
import pytest

from tests.client.service import (
    JOB_ID,
    Body,
    Service,
    VirtualTime,
    event,
    events,
    job,
    ok,
    problem,
    routed,
    streamed,
)
from voicereel_client import APIConnectionError, JobFailedError, VoiceReel, WaitTimeoutError
from voicereel_client._events import EventParser
from voicereel_client._retries import PATIENCE

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
    assert len(service.seen) == 1 + PATIENCE


def test_a_stream_that_lives_may_break_off_often(vr: VoiceReel, service: Service):
    service.answers(*[events(b": ping\n\n", cut=True)] * 9, events(LAST))
    assert [e.id for e in vr.jobs.events(JOB_ID)] == [3]


def test_stopping_early_closes_the_stream(vr: VoiceReel, service: Service):
    body = Body((ONE, LAST))
    service.answers(streamed(lambda: body))
    following = vr.jobs.events(JOB_ID)
    assert next(following).id == 1
    following.close()
    assert body.closed


def test_waiting_follows_the_events_and_reads_the_job_at_the_end(vr: VoiceReel, service: Service):
    service.answers(events(ONE, TWO, LAST), ok(job("succeeded", billable_ms=7)))
    heard = []
    found = vr.jobs.wait(JOB_ID, on_event=heard.append)
    assert (found.billable_ms, [e.id for e in heard]) == (7, [1, 2, 3])
    assert service.paths == [f"GET /v1/jobs/{JOB_ID}/events", f"GET /v1/jobs/{JOB_ID}"]


@pytest.mark.parametrize("refusal", [problem(429, "too_many_streams", Retry_After="60"), ok({})])
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


@pytest.mark.parametrize("down", [httpx.ConnectError("refused"), problem(502)])
@pytest.mark.parametrize("outage_s", [1, 10, 100, 500])
def test_waiting_survives_an_outage_of_the_service(
    down, outage_s, vr: VoiceReel, service: Service, time: VirtualTime
):
    """However long it takes, and although the job is done by then."""
    connected = []

    def stream(request: httpx.Request) -> httpx.Response:
        connected.append(request)
        return _up(events(TWO, LAST) if connected[1:] else events(ONE, cut=True), request)

    def _up(reply, request: httpx.Request) -> httpx.Response:
        if time.moment < 1000 + outage_s and connected[1:]:
            if isinstance(down, Exception):
                raise down
            return down(request)
        return reply(request)

    state = ok(job("succeeded"))
    service.answers(routed(streams=[stream], jobs=[lambda request: _up(state, request)]))
    heard = []
    assert vr.jobs.wait(JOB_ID, on_event=heard.append, timeout=None).status == "succeeded"
    assert [e.id for e in heard] == [1, 2, 3]


def test_waiting_goes_back_to_the_events_when_there_is_room_again(
    vr: VoiceReel, service: Service, time: VirtualTime
):
    """Polled for a while, the events come all the same, and each once."""
    streams = [events(ONE, cut=True), problem(429), events(ONE, TWO, LAST)]

    def state(request: httpx.Request) -> httpx.Response:
        return ok(job("succeeded" if time.moment > 1060 else "running"))(request)

    service.answers(routed(streams=streams, jobs=[state]))
    time.sleep(30)
    heard = []
    assert vr.jobs.wait(JOB_ID, on_event=heard.append, timeout=None).status == "succeeded"
    assert [e.id for e in heard] == [1, None, 2, 3]
    resumed = [request for request in service.seen if request.url.path.endswith("/events")]
    assert [request.headers.get("last-event-id") for request in resumed] == [None, "1", "1"]


def test_a_job_found_done_by_polling_still_tells_its_events(vr: VoiceReel, service: Service):
    service.answers(problem(429), ok(job("succeeded")), events(ONE, TWO, LAST))
    heard = []
    assert vr.jobs.wait(JOB_ID, on_event=heard.append).status == "succeeded"
    assert [e.id for e in heard] == [1, 2, 3]


def test_a_listener_that_fails_ends_the_waiting(vr: VoiceReel, service: Service):
    """Also with an error of ours, that would be waited out had the service met it."""
    service.answers(events(ONE, LAST), ok(job("succeeded")))

    def fail(_: object) -> None:
        raise APIConnectionError("the listener's own")

    with pytest.raises(APIConnectionError, match="the listener's own"):
        vr.jobs.wait(JOB_ID, on_event=fail)
    assert len(service.seen) == 1


def test_a_stale_word_of_rest_is_not_believed(vr: VoiceReel, service: Service):
    """As after a retry: the review is over, and the job runs again."""
    review = event(1, "job.updated", job("needs_review"))
    service.answers(events(review), ok(job("running")), events(TWO, LAST), ok(job("succeeded")))
    heard = []
    assert vr.jobs.wait(JOB_ID, on_event=heard.append).status == "succeeded"
    assert [e.id for e in heard] == [1, 2, 3]


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

    service.answers(streamed(lambda: Body(pings())), ok(job("running")))
    started = time.moment
    with pytest.raises(WaitTimeoutError):
        vr.jobs.wait(JOB_ID, timeout=100)
    assert time.moment - started == pytest.approx(100)
    assert service.seen[0].extensions["timeout"]["read"] == 20


def test_events_hold_the_services_own_objects(vr: VoiceReel, service: Service):
    service.answers(events(LAST))
    (only,) = vr.jobs.events(JOB_ID)
    assert json.dumps(only.data) == json.dumps(job("succeeded"))
