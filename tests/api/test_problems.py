"""Errors are problems of RFC 9457, whoever raised them; every reply names its request."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Headers
from voicereel.bootstrap import Services
from voicereel.domain import errors
from voicereel.domain.errors import FieldError, VoiceReelError
from voicereel.settings import Settings

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable", "errors"}
SECRET = "SELECT text FROM lines"

RAISED: list[tuple[Exception, int, str, bool]] = [
    (errors.InvalidRequest((FieldError("/a", "b", "c"),)), 422, "invalid_request", False),
    (errors.InvalidRequest((), code="idempotency_key_reused"), 422, "idempotency_key_reused", False),
    (errors.FileTooLarge(7), 413, "too_large", False),
    (errors.NotFound("job"), 404, "not_found", False),
    (errors.NotFound("x", code="y", detail="z"), 404, "y", False),
    (errors.Gone("x", code="audio_gone"), 410, "audio_gone", False),
    (errors.Conflict("x", code="job_finished"), 409, "job_finished", False),
    (errors.Unauthenticated(), 401, "unauthenticated", False),
    (errors.Forbidden("x"), 403, "missing_scope", False),
    (errors.TooManyStreams("x"), 429, "too_many_streams", True),
    (errors.Unavailable("x", code="no_engine"), 503, "no_engine", True),
    (errors.StageFailed(SECRET, code="x"), 500, "internal", False),
    (errors.NoPrice(SECRET), 500, "internal", False),
    (errors.LeaseLost(SECRET), 500, "internal", False),
    (ValueError(SECRET), 500, "internal", False),
    (RecursionError(SECRET), 500, "internal", False),
]


@pytest.fixture
def failing(app: Flask) -> Callable[[Exception], FlaskClient]:
    """A client of an app with one route that raises."""

    def make(error: Exception) -> FlaskClient:
        def fail() -> None:
            raise error

        app.add_url_rule("/fail", view_func=fail)
        return app.test_client()

    return make


@pytest.mark.parametrize(("error", "status", "code", "retryable"), RAISED, ids=lambda v: type(v).__name__)
def test_an_error_becomes_its_problem(
    failing: Callable[[Exception], FlaskClient], error: Exception, status: int, code: str, retryable: bool
) -> None:
    reply = failing(error).get("/fail")
    problem = reply.json
    assert reply.status_code == problem["status"] == status
    assert reply.mimetype == "application/problem+json"
    assert problem.keys() == MEMBERS
    assert (problem["code"], problem["retryable"]) == (code, retryable)
    assert problem["type"] == f"https://voicereel.dev/problems/{code}"
    assert problem["instance"] == "/fail"
    assert problem["request_id"] == reply.headers["X-Request-Id"]
    assert SECRET not in reply.get_data(as_text=True)
    assert ("Retry-After" in reply.headers) == (status in (429, 503))
    assert ("WWW-Authenticate" in reply.headers) == (status == 401)


def test_every_domain_error_was_thought_of() -> None:
    def tree(kind: type[VoiceReelError]) -> set[type[VoiceReelError]]:
        return {kind}.union(*(tree(child) for child in kind.__subclasses__()))

    raised = {type(error) for error, *_ in RAISED if isinstance(error, VoiceReelError)}
    assert {kind for kind in tree(VoiceReelError) if kind.__module__ == errors.__name__} - raised == {
        VoiceReelError
    }


def test_an_unexpected_error_is_logged_without_its_text(
    failing: Callable[[Exception], FlaskClient], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(ValueError(SECRET)).get("/fail", headers={"X-Request-Id": "mine"})
    logged, _request = map(json.loads, capsys.readouterr().err.splitlines())
    assert (logged["event"], logged["request_id"], logged["error"]) == (
        "request_failed",
        "mine",
        "ValueError",
    )
    assert any(frame.startswith("test_problems.py") for frame in logged["trace"])
    assert SECRET not in json.dumps(logged)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/jobs/", 404, "not_found"),
        ("GET", "//v1/jobs", 404, "not_found"),
        ("GET", "/v1/jobs/%00", 404, "not_found"),
        ("GET", "/v1/jobs/../../etc/passwd", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
        ("GET", "/v1/jobs/job_1", 404, "not_found"),
        ("GET", "/v1/jobs/job_01JB8Z7W3V5K6Q2N4M8T0R1S2X%0A", 404, "not_found"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/jobs", 405, "method_not_allowed"),
        ("TRACE", "/v1/synthesize", 405, "method_not_allowed"),
        ("GET", "/v1/synthesize", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses_and_methods(
    client: FlaskClient, headers: Headers, method: str, path: str, status: int, code: str
) -> None:
    reply = client.open(path, method=method, headers=headers)
    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert ("Allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("own", ["a", "A-1._", "x" * 128])
def test_a_clients_own_request_id_is_kept(client: FlaskClient, own: str) -> None:
    for path in ("/livez", "/v1/jobs", "/nowhere"):
        assert client.get(path, headers={"X-Request-Id": own}).headers["X-Request-Id"] == own


@pytest.mark.parametrize("own", ["", "a b", "x" * 129, "a/b", "ä", "<script>"])
def test_another_request_id_is_replaced(client: FlaskClient, own: str) -> None:
    given = client.get("/livez", headers={"X-Request-Id": own}).headers["X-Request-Id"]
    assert re.fullmatch(r"req_[0-9A-HJKMNP-TV-Z]{26}", given)


def test_the_request_id_goes_with_the_job(client: FlaskClient, headers: Headers, services: Services) -> None:
    body = {"lines": [{"speaker": "stock:fake/ana", "text": "Hi."}]}
    client.post("/v1/synthesize", json=body, headers=headers | {"X-Request-Id": "mine"})
    claim = services.work.claim("cpu", worker_id="w1")
    assert claim is not None
    assert services.work.job(claim).request_id == "mine"


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/docs", "/openapi.yaml", "/static/docs.css", "/nowhere"]
)
def test_replies_carry_the_headers_browsers_obey(client: FlaskClient, path: str) -> None:
    with client.get(path) as reply:
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src" in reply.headers["Content-Security-Policy"]


def test_the_reference_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    with client.get("/docs") as reply:
        page = reply.get_data(as_text=True)
    assert "//" not in page
    for path in re.findall(r'(?:src|href|spec-url)="([^"]+)"', page):
        with client.get(path) as reply:
            assert reply.status_code == 200


def test_the_spec_is_served_as_it_is(client: FlaskClient) -> None:
    reply = client.get("/openapi.yaml")
    assert reply.mimetype == "application/yaml"
    assert reply.text == (Path(__file__).parents[2] / "openapi.yaml").read_text()


def test_not_ready_is_503(client: FlaskClient, settings: Settings) -> None:
    assert client.get("/readyz").json == {"status": "ok"}
    (settings.home / "artifacts" / ".incoming").rmdir()
    reply = client.get("/readyz")
    assert (reply.status_code, reply.json["code"]) == (503, "not_ready")


def test_no_engine_is_503(client: FlaskClient, headers: Headers, services: Services) -> None:
    services.work.withdraw("w1")
    body = {"lines": [{"speaker": "stock:fake/ana", "text": "Hi."}]}
    reply = client.post("/v1/synthesize", json=body, headers=headers)
    assert (reply.status_code, reply.json["code"], reply.json["retryable"]) == (503, "no_engine", True)
