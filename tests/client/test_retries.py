import httpx
import pytest

from tests.client.service import JOB_ID, Service, VirtualTime, empty, job, ok, problem
from voicereel_client import (
    APIConnectionError,
    APITimeoutError,
    ConflictError,
    RateLimitError,
    ServerError,
    VoiceReel,
)

LINES = [{"speaker": "stock:espeak/en", "text": "Hear what?"}]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed"),
        problem(408),
        problem(409, "idempotency_in_flight"),
        problem(429, "rate_limited"),
        problem(500),
        problem(503, "database_busy"),
    ],
)
def test_a_passing_failure_is_tried_twice_more(failure, vr: VoiceReel, service: Service, time: VirtualTime):
    service.answers(failure, failure, ok(job("queued"), status=202))
    assert vr.synthesize(lines=LINES).status == "queued"
    assert time.slept == [0.5, 1.0]


def test_a_post_keeps_its_idempotency_key_and_body_over_its_tries(vr: VoiceReel, service: Service):
    service.answers(httpx.ConnectError("refused"), problem(503), ok(job("queued"), status=202))
    vr.synthesize(lines=LINES)
    keys = {request.headers["idempotency-key"] for request in service.seen}
    assert (len(service.seen), len(keys), len(set(service.bodies))) == (3, 1, 1)


def test_each_post_has_a_key_of_its_own(vr: VoiceReel, service: Service):
    service.answers(ok(job("queued"), status=202))
    vr.synthesize(lines=LINES)
    vr.synthesize(lines=LINES)
    vr.jobs.cancel(JOB_ID)
    assert len({request.headers["idempotency-key"] for request in service.seen}) == 3


def test_the_callers_own_key_is_sent(vr: VoiceReel, service: Service):
    service.answers(ok(job("queued"), status=202))
    vr.synthesize({"lines": LINES}, idempotency_key="order-17")
    assert service.seen[0].headers["idempotency-key"] == "order-17"


def test_after_the_last_try_its_error_is_raised(vr: VoiceReel, service: Service):
    service.answers(problem(500), problem(500), problem(503, "no_engine"))
    with pytest.raises(ServerError) as caught:
        vr.queue.get()
    assert (caught.value.code, len(service.seen)) == ("no_engine", 3)


def test_connection_errors_have_two_classes(vr: VoiceReel, service: Service):
    service.answers(httpx.ConnectError("refused"))
    with pytest.raises(APIConnectionError):
        vr.queue.get()
    service.answers(httpx.ReadTimeout("slow"))
    with pytest.raises(APITimeoutError):
        vr.queue.get()


@pytest.mark.parametrize(
    "failure",
    [problem(400), problem(404), problem(409, "job_finished"), problem(422), problem(429, "quota_exceeded")],
)
def test_what_another_try_cannot_help_is_not_tried_again(failure, vr: VoiceReel, service: Service):
    service.answers(failure)
    with pytest.raises(Exception, match="It cannot be done"):
        vr.synthesize(lines=LINES)
    assert len(service.seen) == 1


def test_no_retries_where_none_are_wanted(service: Service, time: VirtualTime):
    service.answers(problem(409, "idempotency_in_flight"))
    with pytest.raises(ConflictError):
        service.client(time, max_retries=0).synthesize(lines=LINES)
    assert len(service.seen) == 1


def test_delays_double_up_to_eight_seconds(service: Service, time: VirtualTime):
    service.answers(problem(500))
    with pytest.raises(ServerError):
        service.client(time, max_retries=7).queue.get()
    assert time.slept == [0.5, 1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("120", 120), ("0", 0), ("Thu, 01 Jan 1970 00:17:10 GMT", 30)]
)
def test_retry_after_is_honoured(header, seconds, vr: VoiceReel, service: Service, time: VirtualTime):
    service.answers(problem(429, "rate_limited", Retry_After=header), ok({"pools": []}))
    vr.queue.get()
    assert time.slept == [seconds]


def test_a_wait_of_more_than_two_minutes_is_left_to_the_caller(
    vr: VoiceReel, service: Service, time: VirtualTime
):
    service.answers(problem(429, "rate_limited", Retry_After="121"))
    with pytest.raises(RateLimitError) as caught:
        vr.queue.get()
    assert (caught.value.retry_after, time.slept) == (121, [])


def test_nonsense_in_retry_after_is_ignored(vr: VoiceReel, service: Service, time: VirtualTime):
    service.answers(problem(503, Retry_After="soon"), ok({"pools": []}))
    vr.queue.get()
    assert time.slept == [0.5]


def test_a_delete_whose_reply_was_lost_has_succeeded(vr: VoiceReel, service: Service):
    service.answers(httpx.ReadError("reset"), problem(404, "not_found"))
    vr.jobs.delete(JOB_ID)
    service.answers(empty())
    vr.speakers.delete("spk_1")
