"""Crash reports: where and what kind; nothing that a customer wrote."""

import json
from collections.abc import Iterator

import pytest
import sentry_sdk
import structlog
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from voicereel.telemetry import crashes, log

SECRET = "the raven is in the orchard"
DSN = "https://key@sentry.invalid/1"


class Kept(Transport):
    """Keeps what would be sent."""

    sent: list[Envelope]

    def __init__(self, options: dict | None = None) -> None:
        super().__init__(options)
        type(self).sent = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope)


@pytest.fixture
def reports() -> Iterator[type[Kept]]:
    assert crashes.configure(DSN, process="test", transport=Kept)
    yield Kept
    crashes.configure("", process="test")
    sentry_sdk.init()


def crash(text: str) -> None:
    words = text.split()
    try:
        raise KeyError(text)
    except KeyError as error:
        raise ValueError(f"{words}") from error


def test_a_crash_is_told_with_its_frames_and_without_its_words(reports: type[Kept]) -> None:
    with structlog.contextvars.bound_contextvars(process="w1", request_id="req_1", title=SECRET):
        try:
            crash(SECRET)
        except ValueError as error:
            log().error("stage_crashed", exc_info=error, text=SECRET)
    (envelope,) = reports.sent
    event = envelope.get_event()
    cause, raised = event["exception"]["values"]
    assert (cause["type"], raised["type"]) == ("KeyError", "ValueError")
    assert raised["stacktrace"]["frames"][-1]["function"] == "crash"
    assert raised["stacktrace"]["frames"][-1].keys() == {"filename", "function", "module", "lineno", "in_app"}
    assert event["tags"] == {"process": "w1", "request_id": "req_1"}
    assert event["release"].startswith("voicereel@")
    sent = envelope.serialize().decode()
    assert not [word for word in (SECRET, "raven", "orchard", 'value"') if word in sent]
    assert not event.keys() & {
        "request",
        "user",
        "breadcrumbs",
        "server_name",
        "modules",
        "extra",
        "contexts",
    }


def test_other_lines_are_no_crashes(reports: type[Kept]) -> None:
    log().error("stage_stuck", stage="mix")
    log().warning("library_log", exc_info=ValueError(SECRET))
    assert reports.sent == []


def test_without_a_dsn_nothing_is_told(reports: type[Kept], capsys: pytest.CaptureFixture[str]) -> None:
    assert not crashes.configure("", process="test")
    log().error("stage_crashed", exc_info=ValueError(SECRET))
    assert reports.sent == []
    assert json.loads(capsys.readouterr().err)["error"] == "ValueError"
