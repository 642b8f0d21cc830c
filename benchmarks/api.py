"""`make bench-api`: how many jobs a second the whole service accepts, durably, on PostgreSQL.

The service as `voicereel-server api` starts it, a sketch of what one would write instead (sketch.py), and a
constant reply under the service's own server take turns, so that noise hits all alike; medians over the
rounds. Then the same with event streams open, then with many tenants and a large table. No worker and no
dispatcher runs: accepting is measured. Writes benchmarks/results/api.{json,md}.

BENCH_ROUNDS (3), BENCH_SECONDS of each measurement (6), BENCH_OPEN_S of the open loop (15; 60 in full),
BENCH_JOBS that have ended (1000000).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import filling
from bench import RESULTS, server
from scripts import script_of
from testbed import (
    HERE,
    command,
    cpu_ms,
    database_cpu_ms,
    database_name,
    end_tidily,
    facts,
    free_port,
    fresh_database,
    grown,
    heading,
    python,
    running,
    settings_for,
    wait_until_up,
)

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
OPEN_S = float(os.environ.get("BENCH_OPEN_S", "15"))
JOBS = int(os.environ.get("BENCH_JOBS", "1000000"))
CONNECTIONS, STREAMS, TENANTS, RATE, LINES = 48, 200, 1_000, 500, 6
POLLED = 500

ACCEPT_ONCE = "accept a job, with an idempotency key"
ACCEPT = "accept a job, without"
POLL = "poll a job"
CONSTANT = "constant reply"
OPEN = f"accept {RATE} a second, open loop"

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class App:
    """One of those that are compared. ``database`` is empty where there is none."""

    name: str
    url: str
    session: int
    database: str = ""


@dataclass(frozen=True, kw_only=True)
class Stand:
    """All of them, with what to ask them."""

    service: App
    sketch: App
    constant: App
    folder: Path
    fill_s: float

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def script(self) -> Path:
        return self.folder / "script.json"


def main() -> None:
    end_tidily()
    found: dict[str, Any] = {
        "machine": facts(), "rounds": ROUNDS, "seconds": SECONDS, "connections": CONNECTIONS,
        "streams": STREAMS, "large": {"tenants": TENANTS, "jobs": JOBS, "rows": JOBS * filling.ROWS_A_JOB},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder), tenants=1, jobs=0) as small:
        warm_up(small)
        rows = [row for number in range(ROUNDS) for row in one_round(small, number)]
        with streams(small.service, small), streams(small.sketch, small):
            rows += [{**row, "streams": STREAMS} for n in range(ROUNDS) for row in one_round(small, n)]
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder), tenants=TENANTS, jobs=JOBS) as large:
        found["large"]["fill_s"] = round(large.fill_s)
        warm_up(large)
        rows += [{**row, "large": True} for number in range(ROUNDS) for row in large_round(large, number)]
    found["runs"] = rows
    found["rows"] = [*medians(rows)]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "api.json").write_text(json.dumps(found, indent=1) + "\n")
    text = table(found)
    (RESULTS / "api.md").write_text(text)
    print(text)


@contextmanager
def stand(folder: Path, *, tenants: int, jobs: int) -> Iterator[Stand]:
    """Two databases that begin alike, and the three servers."""
    (folder / "script.json").write_text(json.dumps(script_of(LINES * 4.1)))
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database("bench_api"))
        environment = settings_for(folder / "home", database_url=database)
        command(environment, "migrate")
        filling.advertise_for_good(database, folder / "home")
        ids, keys = filling.add_tenants(database, tenants)
        (folder / "keys").write_text("\n".join(keys))
        fill_s = filling.add_old_jobs(database, ids, jobs) if jobs else 0.0
        copy = stack.enter_context(fresh_database("bench_sketch", template=database_name(database)))
        start = partial(_start, stack, folder)
        port = str(free_port())
        service = start("service", port, server("api", "--port", port), environment, "/livez", database)
        port = str(free_port())
        flags = [
            "--workers",
            "3",
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--no-access-log",
            "--port",
            port,
        ]
        other = settings_for(folder / "home", database_url=copy)
        sketch = start("sketch", port, python("-m", "uvicorn", "sketch:app", *flags), other, "/docs", copy)
        port = str(free_port())
        flags = [
            "-k",
            "gthread",
            "-w",
            "3",
            "--threads",
            "128",
            "-b",
            f"127.0.0.1:{port}",
            "--no-control-socket",
        ]
        line = python(
            "-m", "gunicorn", "constant:app", "--keep-alive", "75", "--log-level", "warning", *flags
        )
        constant = start("constant", port, line, environment, "/", "")
        yield Stand(service=service, sketch=sketch, constant=constant, folder=folder, fill_s=fill_s)


def _start(
    stack: ExitStack, folder: Path, name: str, port: str, line: Sequence[str], environment: dict[str, str],
    up: str, database: str,
) -> App:  # fmt: skip
    process = stack.enter_context(running(line, environment, folder / f"{name}.log"))
    url = f"http://127.0.0.1:{port}"
    wait_until_up(f"{url}{up}")
    return App(name=name, url=url, session=process.pid, database=database)


def warm_up(on: Stand) -> None:
    """Imports, connections, plans; and jobs to poll."""
    for app in (on.service, on.sketch):
        accept(on, app, once=True, seconds=3)
        ids = filling.job_ids(app.database, many=POLLED)
        (on.folder / f"{app.name}.ids").write_text("\n".join(ids))
    measure(on.constant, "GET", "/", seconds=2)


def in_turn(on: Stand, number: int) -> tuple[App, App]:
    """Who begins changes from round to round."""
    return (on.service, on.sketch) if number % 2 == 0 else (on.sketch, on.service)


def one_round(on: Stand, number: int) -> Iterator[Row]:
    yield {"what": CONSTANT, **measure(on.constant, "POST", "/")}
    for app in in_turn(on, number):
        yield {"what": ACCEPT_ONCE, **accept(on, app, once=True)}
        yield {"what": ACCEPT, **accept(on, app, once=False)}
        # One tenant's: in this half of the benchmark there is but one.
        ids = str(on.folder / f"{app.name}.ids")
        yield {"what": POLL, **measure(app, "GET", "/v1/jobs/{}", f"@{on.keys}", "--ids", ids)}


def large_round(on: Stand, number: int) -> Iterator[Row]:
    for app in in_turn(on, number):
        yield {"what": ACCEPT_ONCE, **accept(on, app, once=True)}
        if number == 0:
            yield {"what": OPEN, **accept(on, app, "--rate", str(RATE), once=True, seconds=OPEN_S)}


def accept(on: Stand, app: App, *flags: str, once: bool, seconds: float = SECONDS) -> Row:
    given = (f"@{on.keys}", str(on.script), *flags, *(["--once"] if once else []))
    return measure(app, "POST", "/v1/synthesize", *given, seconds=seconds)


def measure(app: App, method: str, path: str, *flags: str, seconds: float = SECONDS) -> Row:
    """One run of load, with the CPU time that it cost on each side, in milliseconds a request."""
    line = python(str(HERE / "load.py"), method, f"{app.url}{path}", *flags)
    line += ["--connections", str(CONNECTIONS), "--seconds", str(seconds)]
    app_before = cpu_ms(app.session)
    database_before = database_cpu_ms(app.database) if app.database else {}
    load_average = os.getloadavg()[0]
    ran = subprocess.run(line, check=True, capture_output=True, timeout=seconds + 120)
    found: Row = json.loads(ran.stdout)
    many = max(found["requests"], 1)
    found["app_ms"] = round((cpu_ms(app.session) - app_before) / many, 3)
    if app.database:
        found["database_ms"] = round(grown(database_before, database_cpu_ms(app.database)) / many, 3)
    found |= {"app": app.name, "load_average": round(load_average, 2)}
    print(json.dumps(found), file=sys.stderr)
    return found


@contextmanager
def streams(app: App, on: Stand) -> Iterator[None]:
    """Event streams on jobs that have not ended; they must all be open at the end too."""
    key = on.keys.read_text().split()[0]
    ids = str(on.folder / f"{app.name}.ids")
    process = subprocess.Popen(
        python(str(HERE / "streams.py"), app.url, key, ids, str(STREAMS)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "open\n":
            raise RuntimeError("the streams did not open")
        yield
        ended = json.loads(process.communicate("")[0])
        print(f"{app.name}: {ended}", file=sys.stderr)
        if ended["open"] != STREAMS:
            raise RuntimeError(f"streams were lost: {ended}")
    finally:
        process.kill()
        process.wait()


_MEDIANS = ("per_s", "p50_ms", "p99_ms", "app_ms", "database_ms", "load_cpu", "load_average")


def medians(runs: Sequence[Row]) -> Iterator[Row]:
    """One row for the runs of one thing, by one app, under the same circumstances."""
    kinds = dict.fromkeys(
        (run["what"], run["app"], run.get("streams", 0), run.get("large", False)) for run in runs
    )
    for what, app, streams_open, large in kinds:
        alike = [
            run
            for run in runs
            if (run["what"], run["app"], run.get("streams", 0), run.get("large", False))
            == (what, app, streams_open, large)
        ]
        middle = {
            name: round(statistics.median(run[name] for run in alike), 3)
            for name in _MEDIANS
            if name in alike[0]
        }
        errors = sum(run["errors"] for run in alike)
        yield {"what": what, "app": app, "streams": streams_open, "large": large, **middle, "errors": errors}


def table(found: dict[str, Any]) -> str:
    large = found["large"]
    lines = [
        *heading("Accepting and polling on PostgreSQL", found["machine"]),
        "",
        f"`voicereel-server api` with its defaults, {CONNECTIONS} connections in a closed loop, scripts of"
        f" {LINES} lines, medians of {ROUNDS} rounds of {SECONDS:g} s, taken in turns. `sketch` is"
        " benchmarks/sketch.py: FastAPI and asyncpg under uvicorn with uvloop and httptools, in as many"
        " processes, writing the same rows into the same tables. The large table: "
        f"{large['tenants']:,} tenants, {large['jobs']:,} jobs that have ended, {large['rows']:,} rows.",
        "",
        "| what | who | a second | p50, ms | p99, ms | errors | CPU ms a request: app | database"
        " | cores the load took | load average before | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        around = (
            f", {row['streams']} streams open" if row["streams"] else ", large table" if row["large"] else ""
        )
        lines.append(
            f"| {row['what']}{around} | {row['app']} | {row['per_s']} | {row['p50_ms']} | {row['p99_ms']}"
            f" | {row['errors']} | {row['app_ms']:.2f} | {row.get('database_ms', 0):.2f}"
            f" | {row['load_cpu']:.2f} | {row['load_average']:.1f} | {ratio(row, found['rows'])} |"
        )
    return "\n".join(lines) + "\n"


def ratio(row: Row, rows: Sequence[Row]) -> str:
    """The service beside the sketch, and a poll beside a constant reply."""
    if row["app"] != "service" or row["what"] == OPEN:
        return ""

    def other(what: str, app: str) -> float:
        where = (what, app, row["streams"], row["large"])
        return next(
            (
                each["per_s"]
                for each in rows
                if (each["what"], each["app"], each["streams"], each["large"]) == where
            ),
            0.0,
        )

    told = f"{row['per_s'] / other(row['what'], 'sketch'):.2f} of the sketch"
    if row["what"] == POLL:
        told += f", {row['per_s'] / other(CONSTANT, 'constant'):.2f} of the constant reply"
    return told


if __name__ == "__main__":
    main()
