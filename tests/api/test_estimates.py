"""Estimates over HTTP."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import line, pointers, script
from tests.conftest import Headers, Shared

ESTIMATES = "/v1/estimates"


@pytest.mark.parametrize(
    "body",
    [
        script(lines=[line(text=" ", speed=9), line(speaker="EVE"), line(id="x"), line(id="x")]),
        script(cast={"ANA": "stock:fake/nobody", "BEN": "spk_1"}),
        script(max_cost="-1", quote_id=""),
        script(unknown=1, bed={"source": "src_unknown"}),
    ],
)
def test_a_script_is_refused_as_a_job_would_be(shared: Shared, body: dict[str, Any]) -> None:
    replies = [
        shared.client.post(route, json=body, headers=shared.headers)
        for route in (ESTIMATES, "/v1/synthesize")
    ]
    assert [reply.status_code for reply in replies] == [422, 422]
    assert pointers(replies[0]) == pointers(replies[1]) != {}


def test_an_estimate_is_no_job_and_its_quote_is_good_for_one(client: FlaskClient, headers: Headers) -> None:
    found = client.post(ESTIMATES, json=script(), headers=headers)
    assert found.status_code == 200
    assert client.get("/v1/jobs", headers=headers).json["data"] == []
    quoted = script(quote_id=found.json["quote_id"], max_cost="0")
    assert client.post("/v1/synthesize", json=quoted, headers=headers).status_code == 202
    other = client.post("/v1/synthesize", json=quoted | {"seed": 3}, headers=headers)
    assert (other.status_code, other.json["code"]) == (422, "quote_mismatch")


def test_an_estimate_is_replayed_for_its_key(client: FlaskClient, headers: Headers) -> None:
    keyed = {**headers, "Idempotency-Key": "k"}
    first, again = (client.post(ESTIMATES, json=script(), headers=keyed) for _ in range(2))
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    changed = client.post(ESTIMATES, json=script(seed=1), headers=keyed)
    assert (changed.status_code, changed.json["code"]) == (422, "idempotency_key_reused")
