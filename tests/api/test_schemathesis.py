"""A sweep of every operation by the spec: with what it allows, and with what it forbids."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from tests.conftest import Shared
from voicereel.api.binding import spec

CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 1,
        "checks": {
            # The schemas cannot say who is in the cast, which speakers exist or what is audio: such
            # requests are refused with one of these, never with a server error.
            "positive_data_acceptance": {"expected-statuses": ["2xx", 304, 403, 404, 409, 413, 415, 422]},
        },
    }
)

serving: list[Any] = []


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The application under test, which exists only once fixtures have run."""
    return serving[0](environ, start_response)


@pytest.fixture(autouse=True)
def serve(shared: Shared) -> None:
    serving[:] = [shared.client.application]


schema = schemathesis.openapi.from_dict(deepcopy(spec()), config=CONFIG)
schema.app = application


@schema.parametrize()
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_contract(case: schemathesis.Case, shared: Shared) -> None:
    case.call_and_validate(headers=shared.headers)
