import httpx
import pytest

import voicereel_client
from tests.client.service import KEY, Service, VirtualTime, ok, problem
from voicereel_client import APIStatusError, FieldError, ServerError, VoiceReel


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (408, "RequestTimeoutError"),
        (409, "ConflictError"),
        (413, "PayloadTooLargeError"),
        (415, "UnsupportedMediaTypeError"),
        (422, "UnprocessableError"),
        (429, "RateLimitError"),
        (500, "ServerError"),
        (503, "ServerError"),
        (418, "APIStatusError"),
        (302, "APIStatusError"),
    ],
)
def test_each_status_has_its_class(status, name, service: Service, time: VirtualTime):
    service.answers(problem(status))
    with pytest.raises(APIStatusError) as caught:
        service.client(time, max_retries=0).queue.get()
    assert type(caught.value) is getattr(voicereel_client, name)
    assert caught.value.status_code == status


def test_an_error_carries_what_the_problem_says(vr: VoiceReel, service: Service):
    service.answers(problem(422, "invalid_request"))
    with pytest.raises(APIStatusError) as caught:
        vr.synthesize(lines=[])
    error = caught.value
    assert (error.code, error.request_id, error.detail) == ("invalid_request", "req_1", "It cannot be done.")
    assert error.errors == (FieldError("/lines/0/text", "blank", "Nothing to say."),)
    assert "/lines/0/text: blank: Nothing to say." in str(error)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[1]", b"\xff"])
def test_a_reply_that_is_no_problem_document_is_an_error_all_the_same(
    body, service: Service, time: VirtualTime
):
    service.answers(lambda _: httpx.Response(502, content=body))
    with pytest.raises(ServerError) as caught:
        service.client(time, max_retries=0).queue.get()
    assert (caught.value.code, caught.value.errors, caught.value.problem) == ("http_502", (), {})


def test_an_unreadable_success_is_an_error_of_ours(vr: VoiceReel, service: Service):
    service.answers(lambda _: httpx.Response(200, content=b"<html>Welcome</html>"))
    with pytest.raises(voicereel_client.VoiceReelError) as caught:
        vr.queue.get()
    assert caught.value.code == "bad_reply"


def test_neither_errors_nor_the_client_show_the_key(vr: VoiceReel, service: Service):
    service.answers(problem(401))
    with pytest.raises(APIStatusError) as caught:
        vr.queue.get()
    assert service.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in f"{vr!r} {caught.value!r} {caught.value} {vars(caught.value)}"


def test_redirects_are_not_followed_with_the_key(vr: VoiceReel, service: Service):
    service.answers(lambda _: httpx.Response(307, headers={"Location": "https://elsewhere.test/"}), ok({}))
    with pytest.raises(APIStatusError):
        vr.queue.get()
    assert len(service.seen) == 1
