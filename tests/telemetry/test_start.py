"""One call for entry points: everything on, or off, and no process that ends late for it."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, sys
from pathlib import Path
from voicereel import telemetry
from voicereel.settings import Settings
from voicereel.telemetry import log, metrics, traces
settings = Settings(home=Path(sys.argv[1]), traces_endpoint=sys.argv[2], sentry_dsn=sys.argv[3])
telemetry.start(settings, process="test")
with traces.span("stage"):
    metrics.stage_error("mix", "internal")
    log().info("stage_lost", count=len(traces.current()))
logging.getLogger("library").error("failed on %s", "SECRET")
try:
    raise ValueError("SECRET")
except ValueError as error:
    log().error("stage_crashed", exc_info=error)
print(metrics.exposition().decode())
"""

# A port that nothing listens on.
NOBODY = "127.0.0.1:9"


def run(home: Path, *, endpoint: str = "", dsn: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(home), endpoint, dsn]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)


def test_logs_and_figures_are_always_there(tmp_path: Path) -> None:
    ran = run(tmp_path / "home")
    first, second, third = map(json.loads, ran.stderr.splitlines())
    assert (first["event"], first["process"], first["count"]) == ("stage_lost", "test", 0)
    assert (second["event"], second["message"]) == ("library_log", "failed on %s")
    assert third["event"] == "stage_crashed"
    assert 'voicereel_stage_errors_total{code="internal",stage="mix"} 1.0' in ran.stdout
    assert "SECRET" not in ran.stdout + ran.stderr
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_collectors_that_are_down_cost_nothing_but_what_they_miss(tmp_path: Path) -> None:
    ran = run(tmp_path, endpoint=f"http://{NOBODY}/v1/traces", dsn=f"http://key@{NOBODY}/1")
    events = [json.loads(line)["event"] for line in ran.stderr.splitlines()]
    assert events[:3] == ["stage_lost", "library_log", "stage_crashed"]
    assert set(events[3:]) <= {"library_log"}
    assert "SECRET" not in ran.stdout + ran.stderr
