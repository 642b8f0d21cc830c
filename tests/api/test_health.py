"""What operators are told: how the service does, and figures."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from tests.api.bodies import script
from tests.conftest import Headers
from voicereel.bootstrap import Services
from voicereel.domain.errors import Unavailable
from voicereel.settings import Settings
from voicereel.telemetry import metrics


@pytest.fixture
def counting(settings: Settings, services: Services) -> Iterator[None]:
    metrics.configure(settings.home)
    yield
    metrics.stop()


def test_a_healthy_service_says_so(client: FlaskClient, headers: Headers) -> None:
    client.post("/v1/synthesize", json=script(), headers=headers)
    found = client.get("/healthz", headers=headers).json
    assert (found["status"], found["engines"]) == ("ok", ["fake"])
    assert found["database"] | {"revision": ""} == {"ok": True, "revision": "", "kind": "sqlite"}
    assert found["store"]["ok"]
    assert found["store"]["free_bytes"] > 0
    assert found["broker"] == {"configured": False, "ok": None}
    assert found["process"]["pid"] == os.getpid()
    assert found["process"]["rss_bytes"] > 1_000_000
    assert found["host"]["memory_total_bytes"] > found["host"]["memory_available_bytes"] > 0
    assert (found["pools"][0]["pool"], found["pools"][0]["waiting"]) == ("cpu", 1)
    assert (found["outbox"]["rows"], found["expired_leases"]) == (1, 0)


def test_a_store_that_cannot_be_written_is_degraded(
    client: FlaskClient, headers: Headers, settings: Settings
) -> None:
    shutil.rmtree(settings.home / "artifacts")
    reply = client.get("/healthz", headers=headers)
    assert (reply.status_code, reply.json["status"], reply.json["store"]["ok"]) == (200, "degraded", False)


def test_a_broker_that_does_not_answer_is_degraded(services: Services) -> None:
    found = replace(services.health, broker=lambda: False).report()
    assert (found["status"], found["broker"]) == ("degraded", {"configured": True, "ok": False})
    found = replace(services.health, broker=lambda: True).report()
    assert (found["status"], found["broker"]) == ("ok", {"configured": True, "ok": True})


def test_no_engine_is_degraded(client: FlaskClient, headers: Headers, services: Services) -> None:
    services.work.withdraw("w1")
    found = client.get("/healthz", headers=headers).json
    assert (found["status"], found["engines"]) == ("degraded", [])


class OutOfReach:
    """A database that nobody answers for."""

    def reading(self) -> NoReturn:
        raise Unavailable("The database is busy; try again.")


def test_a_database_out_of_reach_is_told_and_not_raised(services: Services) -> None:
    gone: Any = OutOfReach()
    health = replace(
        services.health, work=gone, schema=gone.reading, catalogue=replace(services.catalogue, work=gone)
    )
    found = health.report()
    assert found["status"] == "degraded"
    assert found["database"] == {"ok": False, "revision": None, "kind": "sqlite"}
    assert (found["pools"], found["outbox"], found["expired_leases"], found["engines"]) == (
        [],
        None,
        None,
        [],
    )
    assert found["process"]["pid"] == os.getpid()


@pytest.mark.usefixtures("counting")
def test_the_figures_are_of_requests_and_of_the_queue(client: FlaskClient, headers: Headers) -> None:
    client.post("/v1/synthesize", json=script(), headers=headers)
    reply = client.get("/metrics", headers=headers)
    assert reply.content_type == metrics.CONTENT_TYPE
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    assert told["voicereel_http_requests_total", "POST", "synthesize", "2xx"] == 1
    assert told["voicereel_http_request_seconds_count", "synthesize"] == 1
    assert told["voicereel_queue_waiting", "cpu"] == 1
    assert told["voicereel_workers_live", "cpu"] == 1
    assert told["voicereel_outbox_rows",] == 1
    assert told["voicereel_expired_leases",] == 0
