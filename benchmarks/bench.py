"""`make bench`: how near the service is to what the machine can do. Ratios are within one run.

Renders scripts of 30 s, 10 min and 60 min through the public API and compares each with the floor
(espeak in process and one encoder, on one core) and with a shell script (espeak-ng a line). Then
accepts and polls beside a constant reply. Writes benchmarks/results/bench.{json,md}.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts import script_of

from voicereel_client import VoiceReel

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
# label, seconds of audio, how often
SIZES = (("30 s", 30, 5), ("10 min", 600, 3), ("60 min", 3600, 1))


def main() -> None:
    figures: dict[str, Any] = {"machine": machine(), "render": [], "http": []}
    with tempfile.TemporaryDirectory() as home:
        with service(Path(home)) as (url, key, pid):
            figures["render"] = [measure(url, key, pid, *size) for size in SIZES]
        figures["http"] = list(http_rates(Path(home)))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    text = table(figures)
    (RESULTS / "bench.md").write_text(text)
    print(text)


def machine() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


@contextmanager
def service(home: Path) -> Iterator[tuple[str, str, int]]:
    """The embedded service; its URL, a key and the supervisor's process id."""
    key = make_key(home)
    process = subprocess.Popen([*server("up"), "--home", str(home), "--port", "0"], stdout=subprocess.DEVNULL)
    try:
        address = home / "server.json"
        deadline = time.monotonic() + 60
        while not address.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        yield json.loads(address.read_text())["url"], key, process.pid
    finally:
        process.terminate()
        process.wait(15)


def server(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("voicereel-server")), *arguments]


def make_key(home: Path) -> str:
    command = [*server("keys", "create"), "--home", str(home), "--name", "bench", "--json"]
    made = subprocess.run(command, check=True, capture_output=True, timeout=60)
    key: str = json.loads(made.stdout)["key"]
    return key


def measure(url: str, key: str, pid: int, label: str, seconds: int, repeats: int) -> dict[str, Any]:
    """One size: the service, the floor and the shell script in turn, so that noise hits all alike."""
    script = script_of(seconds)
    runs = []
    with PeakMemory(pid) as memory:
        for _ in range(repeats):
            run = {"service_s": render(url, key, script), "floor": floor(seconds), "shell_s": shell(script)}
            runs.append(run)
            print(f"{label}: {run}", file=sys.stderr)
    ratios = [run["service_s"] / (run["floor"]["synthesis_s"] + run["floor"]["encode_s"]) for run in runs]
    shells = [run["service_s"] / run["shell_s"] for run in runs if run["shell_s"]]
    return {
        "size": label,
        "runs": runs,
        "to_floor": statistics.median(ratios),
        "to_shell": statistics.median(shells) if shells else None,
        "peak_pss_mb": memory.peak_mb,
    }


def render(url: str, key: str, script: dict[str, Any]) -> float:
    """Wall seconds from the request to the downloaded MP3."""
    with VoiceReel(api_key=key, base_url=url) as client, tempfile.TemporaryDirectory() as folder:
        list(client.voices.list(page_size=1))[:1]
        started = time.perf_counter()
        job = client.synthesize(script)
        job.wait(timeout=900).download(folder)
        return time.perf_counter() - started


def floor(seconds: int) -> dict[str, float]:
    command = [sys.executable, str(HERE / "floor.py"), str(seconds)]
    result = subprocess.run(command, check=True, capture_output=True, timeout=900)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def shell(script: dict[str, Any]) -> float | None:
    """The shell script's wall seconds; None where its commands are missing."""
    if not shutil.which("espeak-ng") or not (shutil.which("ffmpeg") or shutil.which("sox")):
        return None
    rows = [
        f"{script['cast'][line['speaker']].removeprefix('stock:espeak/')}\t{line['text']}"
        for line in script["lines"]
    ]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(
            [str(HERE / "shell.sh"), f"{folder}/out.mp3"],
            input="\n".join(rows).encode() + b"\n",
            check=True,
            timeout=900,
            capture_output=True,
        )
        return time.perf_counter() - started


class PeakMemory:
    """The highest proportional set size of all worker processes together, sampled 5 times a second."""

    def __init__(self, supervisor: int) -> None:
        self.peak_mb = 0.0
        self._supervisor = supervisor
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            total = sum(pss_kb(pid) for pid in workers_of(self._supervisor))
            self.peak_mb = max(self.peak_mb, round(total / 1024, 1))


def workers_of(supervisor: int) -> Iterator[int]:
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        try:
            if b"workers.main" in Path(f"/proc/{child}/cmdline").read_bytes():
                yield int(child)
        except FileNotFoundError:
            continue


def pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def http_rates(home: Path) -> Iterator[dict[str, Any]]:
    """A constant reply, then accepting six lines, then reading a job: same server, same load."""
    with gunicorn("constant:app", home) as url:
        yield {"what": "constant reply", **load("POST", f"{url}/")}
    script = home / "script.json"
    script.write_text(json.dumps(script_of(20)))
    key = make_key(home)
    # No worker runs: accepting is measured, not rendering. An engine only has to be advertised.
    advertise(home)
    with gunicorn("voicereel.wsgi:app", home) as url:
        yield {"what": "accept a job (6 lines)", **load("POST", f"{url}/v1/synthesize", key, str(script))}
        with VoiceReel(api_key=key, base_url=url) as client:
            job = next(iter(client.jobs.list(page_size=1)))
        yield {"what": "poll a job", **load("GET", f"{url}/v1/jobs/{job.id}", key)}


def advertise(home: Path) -> None:
    code = (
        "from voicereel.bootstrap import build; from voicereel.settings import Settings;"
        "from workers.engines.pool import EnginePool;"
        "build(Settings()).work.advertise('bench', pool='cpu', infos=EnginePool(('espeak',)).infos())"
    )
    environment = {**os.environ, "VOICEREEL_HOME": str(home)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)


@contextmanager
def gunicorn(app: str, home: Path) -> Iterator[str]:
    port = "8793"
    command = [sys.executable, "-m", "gunicorn", app, "-b", f"127.0.0.1:{port}", "-k", "gthread", "-w", "2"]
    flags = ["--threads", "64", "--no-control-socket", "--log-level", "error", "--chdir", str(HERE)]
    process = subprocess.Popen([*command, *flags], env={**os.environ, "VOICEREEL_HOME": str(home)})
    try:
        time.sleep(4)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(40)


def load(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "load.py"), *arguments]
    result = subprocess.run(command, check=True, capture_output=True, timeout=120)
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def table(figures: dict[str, Any]) -> str:
    facts = figures["machine"]
    lines = [
        f"# Benchmark of {facts['date']}",
        "",
        f"{facts['cores']} cores, Python {facts['python']}, {facts['system']}. Ratios are within one run.",
        "",
        "| script | service, s | floor, s (espeak + MP3, one core) | service / floor | service / shell script"
        " | peak PSS of the workers, MB |",
        "|---|---|---|---|---|---|",
    ]
    for row in figures["render"]:
        service_s = statistics.median(run["service_s"] for run in row["runs"])
        floors = [run["floor"]["synthesis_s"] + run["floor"]["encode_s"] for run in row["runs"]]
        to_shell = (
            f"{row['to_shell']:.2f}" if row["to_shell"] else "skipped: espeak-ng, or ffmpeg and sox, missing"
        )
        lines.append(
            f"| {row['size']} | {service_s:.2f} | {statistics.median(floors):.2f} | {row['to_floor']:.2f}"
            f" | {to_shell} | {row['peak_pss_mb']} |"
        )
    lines += [
        "",
        "| request | a second | p50, ms | p99, ms | errors | share of the constant reply |",
        "|---|---|---|---|---|---|",
    ]
    constant = figures["http"][0]["per_s"]
    for row in figures["http"]:
        lines.append(
            f"| {row['what']} | {row['per_s']} | {row['p50_ms']} | {row['p99_ms']} | {row['errors']}"
            f" | {row['per_s'] / constant:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
