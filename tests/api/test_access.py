"""Who may do what: keys, scopes, and other tenants' things, for every route of the spec."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.bodies import JSON, form, lexicon, script, source_form
from tests.conftest import Headers
from voicereel.api.binding import MULTIPART, Operation, operations
from voicereel.bootstrap import Services
from voicereel.domain.account import SCOPES, new_key

ULID = "01JB8Z7W3V5K6Q2N4M8T0R1S2X"
UNKNOWN = {
    "speaker_id": f"spk_{ULID}",
    "job_id": f"job_{ULID}",
    "artifact_id": f"art_{ULID}",
    "lexicon_id": f"lex_{ULID}",
    "source_id": f"src_{ULID}",
    "line_id": "l1",  # a customer's own name: there may be one in any job
}
A_MONTH = {"month": "2025-01"}
PRIVATE = [operation for operation in operations() if operation.scopes is not None]
OF_ONE_THING = [operation for operation in PRIVATE if "_id}" in operation.path]


def call(client: FlaskClient, operation: Operation, headers: Headers, ids: dict[str, str]) -> TestResponse:
    body: dict[str, Any] = {}
    if operation.media_type == JSON:
        scripts = dict.fromkeys(("synthesize", "estimate"), script())
        bodies = {
            **scripts,
            **dict.fromkeys(("createLexicon", "replaceLexicon"), lexicon()),
            "insertLine": script()["lines"][0] | {"id": "l9"},
            "updateLine": {"text": "Hello again."},
            "createRevision": {"max_cost": "1.50"},
        }
        body = {"json": bodies.get(operation.id, {"name": "Eva"})}
    elif operation.media_type == MULTIPART:
        body = {"data": source_form() if operation.id == "createSource" else form()}
    return client.open(
        operation.path.format(**ids, **A_MONTH), method=operation.method, headers=headers, **body
    )


def by_id(operation: Operation) -> str:
    return operation.id


@pytest.mark.parametrize("operation", PRIVATE, ids=by_id)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Basic dTpw", f"Bearer {new_key()}", "Bearer \xff"],
    ids=["none", "empty", "no key", "no form", "basic", "unknown key", "not ASCII"],
)
def test_without_a_good_key_it_is_401(
    client: FlaskClient, operation: Operation, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = call(client, operation, headers, UNKNOWN)
    assert (reply.status_code, reply.json["code"]) == (401, "unauthenticated")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("operation", PRIVATE, ids=by_id)
def test_without_the_scope_it_is_403(
    client: FlaskClient, make_headers: Callable[..., Headers], operation: Operation
) -> None:
    others = set(SCOPES) - {"admin"} - set(operation.scopes or ())
    reply = call(client, operation, make_headers(*others), UNKNOWN)
    assert (reply.status_code, reply.json["code"]) == (403, "missing_scope")


@pytest.mark.parametrize("operation", PRIVATE, ids=by_id)
def test_with_the_scope_alone_it_is_served(
    client: FlaskClient, make_headers: Callable[..., Headers], operation: Operation
) -> None:
    reply = call(client, operation, make_headers(*operation.scopes or ()), UNKNOWN)
    assert reply.status_code in ((404,) if operation in OF_ONE_THING else (200, 201, 202))


@pytest.mark.parametrize("operation", OF_ONE_THING, ids=by_id)
def test_another_tenants_thing_looks_like_none(
    client: FlaskClient, make_headers: Callable[..., Headers], operation: Operation
) -> None:
    """The same bytes as for an id that nobody has: but for the id itself, which the caller knows."""
    owner, stranger = make_headers(tenant="owner"), make_headers(tenant="stranger")
    ids = {
        "job_id": client.post("/v1/synthesize", json=script(), headers=owner).json["id"],
        "speaker_id": client.post("/v1/speakers", data=form(), headers=owner).json["id"],
        "lexicon_id": client.post("/v1/lexicons", json=lexicon(), headers=owner).json["id"],
        "source_id": client.post("/v1/sources", data=source_form(), headers=owner).json["id"],
        "line_id": UNKNOWN["line_id"],
    }
    stranger |= {"X-Request-Id": "r"}
    foreign, unknown = (call(client, operation, stranger, each) for each in (ids, UNKNOWN))
    assert foreign.status_code == unknown.status_code == 404
    assert _with_unknown_ids(foreign.text, ids) == unknown.text
    read = {
        "job_id": "/v1/jobs/",
        "speaker_id": "/v1/speakers/",
        "lexicon_id": "/v1/lexicons/",
        "source_id": "/v1/sources/",
    }
    assert all(client.get(path + ids[name], headers=owner).status_code == 200 for name, path in read.items())


def _with_unknown_ids(text: str, ids: dict[str, str]) -> str:
    for name, own in ids.items():
        text = text.replace(own, UNKNOWN[name])
    return text


def test_the_enrolment_behind_a_speaker_is_no_job(
    client: FlaskClient, headers: Headers, services: Services
) -> None:
    client.post("/v1/speakers", data=form(), headers=headers)
    claim = services.work.claim("cpu", worker_id="w1")
    assert claim is not None
    assert client.get(f"/v1/jobs/{claim.job_id}", headers=headers).status_code == 404
    assert client.get("/v1/jobs", headers=headers).json["data"] == []


def test_lists_show_ones_own_things_only(client: FlaskClient, make_headers: Callable[..., Headers]) -> None:
    owner, stranger = make_headers(tenant="owner"), make_headers(tenant="stranger")
    client.post("/v1/synthesize", json=script(), headers=owner)
    client.post("/v1/speakers", data=form(), headers=owner)
    client.post("/v1/lexicons", json=lexicon(), headers=owner)
    client.post("/v1/sources", data=source_form(), headers=owner)
    for path in ("/v1/jobs", "/v1/speakers", "/v1/lexicons", "/v1/sources"):
        assert len(client.get(path, headers=owner).json["data"]) == 1
        assert client.get(path, headers=stranger).json["data"] == []


def test_pages_follow_one_another(client: FlaskClient, headers: Headers) -> None:
    made = [client.post("/v1/synthesize", json=script(), headers=headers).json["id"] for _ in range(5)]
    seen, cursor = [], ""
    while True:
        page = client.get(f"/v1/jobs?limit=2{cursor}", headers=headers).json
        seen += [job["id"] for job in page["data"]]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(made, reverse=True)


def test_jobs_are_found_by_moment_and_state(client: FlaskClient, headers: Headers) -> None:
    client.post("/v1/synthesize", json=script(), headers=headers)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    counts = {
        query: len(client.get(f"/v1/jobs?{query}", headers=headers).json["data"])
        for query in (
            f"created_before={later}",
            f"created_after={later}",
            "status=queued",
            "status=failed",
            "kind=speech",
        )
    }
    assert list(counts.values()) == [1, 0, 1, 0, 1]


def test_voices_by_language_and_page(client: FlaskClient, headers: Headers) -> None:
    first = client.get("/v1/voices?limit=1", headers=headers).json
    rest = client.get(f"/v1/voices?cursor={first['next_cursor']}", headers=headers).json
    assert [voice["id"] for voice in first["data"] + rest["data"]] == ["stock:fake/ana", "stock:fake/ben"]
    spanish = client.get("/v1/voices?language=es-MX", headers=headers).json
    assert [voice["id"] for voice in spanish["data"]] == ["stock:fake/ben"]
