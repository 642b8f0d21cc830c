"""Figures of many processes in one folder, told by any of them."""

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voicereel.telemetry import metrics
from voicereel.telemetry.figures import FIGURES

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "observability.md"
Told = dict[tuple[str, ...], float]

# Counts once, says so, and lives until its input ends.
PROCESS = """
import sys
from pathlib import Path
from voicereel.telemetry import metrics
metrics.configure(Path(sys.argv[1]))
metrics.stage_finished("mix", "cpu", "succeeded", 0.3, 2)
metrics.gpu_memory("0", 1, 2)
print("counted", flush=True)
sys.stdin.read()
"""

FORKING = """
import os, sys
from pathlib import Path
from voicereel.telemetry import metrics
metrics.configure(Path(sys.argv[1]))
metrics.published("wake", 1)
if os.fork() == 0:
    metrics.published("wake", 10)
    os._exit(0)
os.wait()
metrics.published("wake", 100)
"""


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    yield
    metrics.stop()


def told() -> Told:
    """Every sample by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def start(home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def poll(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


MIXED = ("voicereel_stage_runs_total", "succeeded", "cpu", "mix")  # labels: outcome, pool, stage
ATTEMPTS = ("voicereel_stage_attempts_bucket", "2.0", "mix")
MEMORY = ("voicereel_gpu_memory_bytes", "0", "used")


def test_counters_outlive_killed_processes_and_gauges_do_not(tmp_path: Path) -> None:
    metrics.configure(tmp_path)
    metrics.stage_finished("mix", "cpu", "succeeded", 0.3, 1)
    for round_ in range(1, 4):
        process = start(tmp_path)
        found = told()
        assert (found[MIXED], found[ATTEMPTS], found[MEMORY]) == (1 + round_, 1 + round_, 1)
        kill(process)
        found = told()
        assert (found[MIXED], found[ATTEMPTS]) == (1 + round_, 1 + round_)
        assert MEMORY not in found


def test_the_files_are_those_of_the_living_and_one_of_each_kind(tmp_path: Path) -> None:
    metrics.configure(tmp_path)
    metrics.exposition()
    own = {path.name for path in (tmp_path / "metrics").iterdir()}
    for _ in range(3):
        kill(start(tmp_path))
        metrics.exposition()
    left = {path.name for path in (tmp_path / "metrics").iterdir()} - own
    assert left == {"counter_former.db", "histogram_former.db"}


def test_a_forked_child_counts_for_itself(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FORKING, str(tmp_path)], check=True, timeout=60)
    metrics.configure(tmp_path)
    assert told()["voicereel_outbox_published_total", "wake"] == 111


def test_former_figures_go_only_when_nobody_lives(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert not metrics.forget_former(tmp_path)
    metrics.configure(tmp_path)
    assert told()[MIXED] == 1
    metrics.stop()
    kill(process)
    assert metrics.forget_former(tmp_path)
    metrics.configure(tmp_path)
    assert MIXED not in told()


def test_files_have_no_holes(tmp_path: Path) -> None:
    """A write to a hole on a full disk would end the process."""
    metrics.configure(tmp_path)
    kill(start(tmp_path))
    metrics.exposition()
    for file in (tmp_path / "metrics").glob("*.db"):
        assert file.stat().st_blocks * 512 >= file.stat().st_size >= 256 * 1024


def test_a_folder_that_cannot_be_written_costs_the_figures_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metrics").touch()
    assert not metrics.configure(tmp_path)
    assert "metrics_off" in capfd.readouterr().err
    metrics.stage_error("mix", "internal")
    assert metrics.exposition() == b""


def test_counting_raises_nothing(tmp_path: Path) -> None:
    metrics.configure(tmp_path)
    metrics.rendered("espeak", -1)
    metrics.rendered("espeak", 1.5)
    assert told()["voicereel_audio_rendered_seconds_total", "espeak"] == 1.5


def test_every_figure_can_be_counted_and_has_its_labels(tmp_path: Path) -> None:
    metrics.configure(tmp_path)
    metrics.request_served("getJob", "GET", 200, 0.1)
    metrics.stage_finished("mix", "cpu", "succeeded", 1, 1)
    metrics.stage_waited("mix", 0.1)
    metrics.stage_error("mix", "internal")
    metrics.rendered("espeak", 1)
    metrics.lines_checked("espeak", by={"readings": 1}, retries=1, suspect=1)
    metrics.billed("EUR", 0.5, 30)
    metrics.published("wake", 1)
    metrics.take_cache(1, 2)
    metrics.take_cache_bytes(3)
    metrics.takes_evicted(1)
    metrics.gpu_memory("0", 1, 2)
    families = text_string_to_metric_families(metrics.exposition().decode())
    labels = {
        family.name: {name for s in family.samples for name in s.labels} - {"le"} for family in families
    }
    assert labels == {
        figure.name.removesuffix("_total"): set(figure.labels)
        for figure in FIGURES.values()
        if figure.kind != "scraped"
    }


def test_words_of_strangers_make_no_series(tmp_path: Path) -> None:
    metrics.configure(tmp_path)
    metrics.request_served("", "BREW", 404, 0.1)
    assert ("voicereel_http_requests_total", "other", "none", "4xx") in told()


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_a_port_tells_them_without_a_key_and_waits_for_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_TAKEOVER_S", 0.01)
    metrics.configure(tmp_path)
    metrics.published("wake", 3)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        metrics.serve(port, "127.0.0.1")
    url = f"http://127.0.0.1:{port}"
    poll(lambda: is_served(url))
    assert 'voicereel_outbox_published_total{topic="wake"} 3.0' in fetch(f"{url}/metrics")[1]
    assert fetch(f"{url}/elsewhere")[0] == 404


def is_served(url: str) -> bool:
    try:
        return fetch(f"{url}/")[0] == 200
    except OSError:
        return False


def test_the_page_names_every_figure_and_no_other() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(voicereel_\w+)` \| ([^|]*)\|", page, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == {
        figure.name: set(figure.labels) for figure in FIGURES.values()
    }


def test_the_alerts_ask_for_figures_that_exist() -> None:
    asked = set(re.findall(r"voicereel_\w+", PAGE.read_text(encoding="utf-8")))
    histograms = {figure.name for figure in FIGURES.values() if figure.kind == "histogram"}
    parts = {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    assert asked <= FIGURES.keys() | parts
