"""A sweep of every operation by the spec: with what it allows, and with what it forbids."""

from collections.abc import Iterable
from contextlib import closing
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, settings, strategies
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.transport.serialization import Binary

from tests.api.bodies import WAV, finish, form, lexicon, script, source_form
from tests.conftest import Shared
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

FILE = "GET /v1/artifacts/{artifact_id}/content"
CLIP = "GET /v1/artifacts/{artifact_id}/clips/{name}"
TAKE = "GET /v1/artifacts/{artifact_id}/takes/{span}/{name}"
EVENTS = "/v1/jobs/{job_id}/events"
SPEAKER = "stock:fake/ana"


class Target:
    """The application under test and things in it, which exist only once fixtures have run."""

    def __init__(self) -> None:
        self.shared: Shared | None = None
        self.ids: dict[str, str] = {}
        self.files: dict[str, dict[str, str]] = {}
        self.signed: dict[str, dict[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert self.shared is not None
        with closing(self.shared.client.application(environ, start_response)) as body:
            return list(body)

    def prepare(self, shared: Shared) -> None:
        """A finished job with a file, a speaker and a source."""
        self.shared = shared
        self.ids = {
            "job_id": self.fresh("job_id"),
            "speaker_id": self.fresh("speaker_id"),
            "lexicon_id": self.fresh("lexicon_id"),
            "source_id": self.fresh("source_id"),
            "line_id": self.fresh("line_id"),
            "month": "2025-01",
        }
        finish(shared.services)
        job = shared.client.get(f"/v1/jobs/{self.ids['job_id']}", headers=shared.headers).json
        page = shared.client.get(f"/v1/jobs/{self.ids['job_id']}/clips", headers=shared.headers).json
        line = shared.client.get(f"/v1/jobs/{self.ids['job_id']}/lines/l1", headers=shared.headers).json
        files = {FILE: job["outputs"]["audio"][0], CLIP: page["data"][0], TAKE: line["audio"]}
        for operation, file in files.items():
            url = urlsplit(file["url"])
            _, _, _, artifact_id, _, *rest = url.path.split("/")
            self.files[operation] = {
                "artifact_id": artifact_id,
                **dict(zip(("name", "span"), reversed(rest), strict=False)),
            }
            self.signed[operation] = dict(parse_qsl(url.query))

    def fresh(self, name: str) -> str:
        """The id of a thing just made, for a request that changes it; of a line, one that every job has."""
        assert self.shared is not None
        if name == "line_id":
            return "l1"
        path, body = ("/v1/synthesize", {"json": script(output={"formats": ["mp3"], "clips": True})})
        if name == "speaker_id":
            path, body = ("/v1/speakers", {"data": form()})
        elif name == "lexicon_id":
            path, body = ("/v1/lexicons", {"json": lexicon()})
        elif name == "source_id":
            path, body = ("/v1/sources", {"data": source_form()})
        made: str = self.shared.client.post(path, headers=self.shared.headers, **body).json["id"]
        return made


# Every file that is sent begins like audio.
schemathesis.openapi.format("binary", strategies.just(Binary(WAV)))

target = Target()
schema = schemathesis.openapi.from_dict(deepcopy(spec()), config=CONFIG)
schema.app = target


@pytest.fixture(scope="module", autouse=True)
def serve(shared: Shared) -> None:
    target.prepare(shared)


def is_good(case: schemathesis.Case) -> bool:
    """Whether the case was made to be accepted."""
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def meet(case: schemathesis.Case) -> None:
    """Let good requests meet things that exist: random ids, names and bytes would all be refused."""
    label = case.operation.label
    known = target.ids | target.files.get(label, {})
    find = known.__getitem__ if case.method in ("GET", "PATCH") else target.fresh
    case.path_parameters = {name: find(name) for name in case.path_parameters or {}}
    case.headers = {name: value for name, value in (case.headers or {}).items() if name != "Idempotency-Key"}
    if label in target.signed:
        case.query = dict(target.signed[label])
    elif label == "POST /v1/synthesize":
        case.body = _castable(deepcopy(case.body))
    elif label == "GET /v1/lexicons/{lexicon_id}":
        case.query = {}  # of a lexicon just made there is no older version
    elif label == "POST /v1/sources":
        case.body = {**case.body, "file": Binary(WAV)}
    elif label == "POST /v1/speakers":
        case.body = {**case.body, "language": "en"}


def _castable(body: Any) -> Any:
    """The script with voices that exist, in languages they speak."""
    for part in (body, *body.get("cast", {}).values(), *body["lines"]):
        if isinstance(part, dict):
            part.pop("language", None)
    body["cast"] = {
        role: SPEAKER if isinstance(entry, str) else entry | {"speaker": SPEAKER}
        for role, entry in body.get("cast", {}).items()
    }
    body.pop("lexicons", None)
    for line in body["lines"]:
        line["speaker"] = SPEAKER
        line.pop("overlap_ms", None)
    if "bed" in body:
        body["bed"]["source"] = target.ids["source_id"]
    return body


@schema.parametrize()
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_contract(case: schemathesis.Case, shared: Shared) -> None:
    excluded = []
    if is_good(case):
        meet(case)
        # It judges a changed request anew, and takes the bytes of a file for a broken string.
        excluded.append("negative_data_rejection")
    if case.operation.path == EVENTS:
        # It takes the schema of an event stream for that of one event; ours is of its text.
        excluded.append("response_schema_conformance")
    case.call_and_validate(headers=shared.headers, excluded_checks=CHECKS.get_by_names(excluded))
