"""A sweep of every operation by the spec: with what it allows, and with what it forbids."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from tests.api.bodies import WAV, finish, form, script
from tests.conftest import Shared, fake_engine
from voicereel.api.binding import spec

CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 1,
        "checks": {
            # What no schema can say: a cursor that is ours, a slot that ends after its start, a rate
            # that suits Opus (422); a job that still runs (409).
            "positive_data_acceptance": {"expected-statuses": ["2xx", 409, 422]},
        },
    }
)

# Schemathesis takes the schema of an event stream for that of one event; ours is of its text.
EVENTS = "/v1/jobs/{job_id}/events"
SPEAKER = "stock:fake/ana"


class Target:
    """The application under test and things in it, which exist only once fixtures have run."""

    def __init__(self) -> None:
        self.shared: Shared | None = None
        self.ids: dict[str, str] = {}
        self.signed: dict[str, str] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert self.shared is not None
        return self.shared.client.application(environ, start_response)

    def prepare(self, shared: Shared) -> None:
        """A finished job with a file, and a speaker."""
        self.shared = shared
        self.renew()
        finish(shared.services)
        job = shared.client.get(f"/v1/jobs/{self.ids['job_id']}", headers=shared.headers).json
        url = urlsplit(job["outputs"]["audio"][0]["url"])
        self.ids["artifact_id"] = url.path.split("/")[3]
        self.signed = dict(parse_qsl(url.query))

    def renew(self) -> None:
        """A job and a speaker to be changed; the engine has to be heard from every 30 s."""
        assert self.shared is not None
        self.shared.services.work.advertise("w1", pool="cpu", infos=[fake_engine()])
        self.ids |= {
            "job_id": self._post("/v1/synthesize", json=script()),
            "speaker_id": self._post("/v1/speakers", data=form()),
        }

    def _post(self, path: str, **body: Any) -> str:
        assert self.shared is not None
        made: str = self.shared.client.post(path, headers=self.shared.headers, **body).json["id"]
        return made


target = Target()
schema = schemathesis.openapi.from_dict(deepcopy(spec()), config=CONFIG)
schema.app = target


@pytest.fixture(autouse=True)
def serve(shared: Shared) -> None:
    target.prepare(shared)


def meet(case: schemathesis.Case) -> None:
    """Let good requests meet things that exist: random ids, names and bytes would all be refused."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    # Schemathesis builds bad requests from the parts of good ones: change copies only.
    case.path_parameters = {name: target.ids[name] for name in case.path_parameters or {}}
    case.headers = {name: value for name, value in (case.headers or {}).items() if name != "Idempotency-Key"}
    if case.operation.label == "GET /v1/artifacts/{artifact_id}/content":
        case.query = dict(target.signed)
    elif case.operation.label == "POST /v1/synthesize":
        case.body = _castable(deepcopy(case.body))
    elif case.operation.label == "POST /v1/speakers":
        case.body = {**case.body, "language": "en", "samples": [WAV for _ in case.body["samples"]]}


def _castable(body: Any) -> Any:
    """The script with voices that exist, in languages they speak."""
    for part in (body, *body.get("cast", {}).values(), *body["lines"]):
        if isinstance(part, dict):
            part.pop("language", None)
    body["cast"] = {
        role: SPEAKER if isinstance(entry, str) else entry | {"speaker": SPEAKER}
        for role, entry in body.get("cast", {}).items()
    }
    for line in body["lines"]:
        line["speaker"] = SPEAKER
        line.pop("overlap_ms", None)
    return body


@schema.parametrize()
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_contract(case: schemathesis.Case, shared: Shared) -> None:
    if case.method in ("DELETE", "POST") and case.path_parameters:
        target.renew()
    meet(case)
    excluded = CHECKS.get_by_names(["response_schema_conformance"]) if case.operation.path == EVENTS else []
    case.call_and_validate(headers=shared.headers, excluded_checks=excluded)
