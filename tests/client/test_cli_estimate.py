"""`estimate`, and what `render` and `synthesize` take of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.service import JOB_ID, Run, Service, job, ok

QUOTE = "quo_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
SPAN = {"ms": 61_240, "low_ms": 60_000, "high_ms": 62_500}
ESTIMATE: dict[str, Any] = {
    "quote_id": QUOTE,
    "expires_at": "2026-11-21T09:30:00.000Z",
    "currency": "EUR",
    "price_version": 2,
    "expected": {"duration": SPAN, "amount": "0.006125"},
    "at_most": {"billable_ms": 61_900, "amount": "0.006190"},
    "lines": 9,
    "cached_lines": ["l2"],
    "speech": [
        {
            "speaker_id": "spk_1", "engine": "espeak", "language": "en", "lines": 9, "duration": SPAN,
            "known_lines": 0,
        }
    ],
    "warnings": [{"code": "slot_overrun", "pointer": "/lines/0/slot", "detail": "By 3 ms."}],
}  # fmt: skip


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "s.json").write_text(json.dumps({"lines": [{"speaker": "spk_1", "text": "Hi."}]}))
    return str(tmp_path / "s.json")


@pytest.mark.parametrize("words", [("estimate",), ("render", "--dry-run"), ("synthesize", "--dry-run")])
def test_an_estimate_is_shown_and_nothing_is_submitted(
    words: tuple[str, ...], run: Run, service: Service, script: str
):
    service.answers(ok(ESTIMATE))
    result = run(*words, script)
    assert (result.exit_code, service.paths) == (0, ["POST /v1/estimates"])
    for shown in (
        "61.2 s (60.0 s to 62.5 s)",
        "0.006190 EUR for 61.9 s",
        "1 of 9 lines",
        QUOTE,
        "no line is known",
    ):
        assert shown in result.stdout
    assert "warning: slot_overrun at /lines/0/slot" in result.stderr
    assert json.loads(run(*words, script, "--json").stdout) == ESTIMATE


def test_a_quote_and_a_limit_are_sent_with_the_script(run: Run, service: Service, script: str):
    service.answers(ok(job("queued"), status=202))
    result = run("synthesize", script, "--quote", QUOTE, "--max-cost", "1.50")
    assert (result.exit_code, result.stdout) == (0, f"{JOB_ID}\n")
    sent = json.loads(service.bodies[0])
    assert (sent["quote_id"], sent["max_cost"]) == (QUOTE, "1.50")


def test_what_resumes_a_command_names_its_limits(run: Run, service: Service, script: str):
    service.answers(KeyboardInterrupt())
    result = run("render", script, "--max-cost", "2", "--quote", QUOTE)
    assert result.exit_code == 130
    assert f"--quote {QUOTE} --max-cost 2 " in result.stderr
