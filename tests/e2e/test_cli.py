"""The `voicereel` command against the running service, as a shell sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE_S, RunningService


@pytest.fixture
def voicereel(service: RunningService, tmp_path: Path) -> object:
    def run(*arguments: str, stdin: str = "", key: str = service.key) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "VOICEREEL_API_KEY": key,
            "VOICEREEL_BASE_URL": service.url,
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
        }
        return subprocess.run(
            [str(Path(sys.executable).with_name("voicereel")), *arguments],
            input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, env=environment, check=False,
        )  # fmt: skip

    return run


LINE = {"speaker": "stock:espeak/en-us", "text": "Hello from the shell."}
SCRIPT = {"lines": [LINE], "output": {"loudness_lufs": -23}}


def test_render_writes_files_and_names_them_on_stdout(voicereel, tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(SCRIPT))
    done = voicereel("render", str(path), "-o", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    written = {Path(line).name for line in done.stdout.split()}
    assert written == {"reel.mp3", "reel.json", "reel.vtt", "reel.srt", "certificate.json"}
    assert all((tmp_path / "out" / name).stat().st_size > 0 for name in written)


def test_a_script_comes_from_stdin_and_json_goes_to_stdout(voicereel) -> None:
    submitted = voicereel("--json", "synthesize", "-", stdin=json.dumps(SCRIPT))
    job = json.loads(submitted.stdout)
    waited = voicereel("jobs", "wait", job["id"], "--json")
    assert json.loads(waited.stdout)["status"] == "succeeded"
    assert json.loads(voicereel("job", job["id"], "--json").stdout)["id"] == job["id"]


def test_exit_codes_say_what_went_wrong(voicereel, tmp_path: Path) -> None:
    bad = {"lines": [{"speaker": "NOBODY", "text": " "}]}
    refused = voicereel("synthesize", "-", stdin=json.dumps(bad))
    assert refused.returncode == 1
    assert "/lines/0/text" in refused.stderr
    assert voicereel("synthesize", "-", stdin="{").returncode == 2
    assert voicereel("jobs", "list", key="vr_live_wrong").returncode == 3
    assert voicereel("jobs", "get", "job_01JB8Z7W3V5K6Q2N4M8T0R1S2X").returncode == 4
    overlapping = {
        "lines": [{**SCRIPT["lines"][0], "text": "No."}, {**SCRIPT["lines"][0], "overlap_ms": 5000}]
    }
    failed = voicereel("render", "-", "-o", str(tmp_path / "x"), stdin=json.dumps(overlapping))
    assert failed.returncode == 5
    assert "overlap_too_long" in failed.stderr


def test_voices_and_speakers_are_listed(voicereel) -> None:
    assert "stock:espeak/ko" in voicereel("voices", "list", "--language", "ko").stdout
    assert voicereel("list-speakers").returncode == 0
