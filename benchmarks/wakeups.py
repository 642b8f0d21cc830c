"""`make bench-queue`: from the commit that accepts a job to the moment a worker has claimed it.

Three ways in one run, taking turns: the service as it is (a commit, NOTIFY, the dispatcher, RabbitMQ, the
worker's claim), its workers without a broker (they look every 30 ms), and plain Dramatiq over RabbitMQ with
an actor that notes the time. Two workers each; one job at a time, and a thousand at once. Stages are stubs:
it is the way that is measured, not what is done at its end. Then a long script on four workers: are all of
them busy? Writes benchmarks/results/queue.{json,md}.

BENCH_ROUNDS (3), BENCH_IDLE jobs one at a time in each (100), BENCH_LOADED at once (1000).
"""

import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

import dramatiq
import pika
import psycopg
from bench import RESULTS, server
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from testbed import (
    command,
    conninfo,
    end_tidily,
    facts,
    fresh_database,
    heading,
    python,
    running,
    settings_for,
)

from voicereel.api.bodies import read_script
from voicereel.bootstrap import Services, build
from voicereel.domain.account import Principal
from voicereel.domain.job import Artifact, Result
from voicereel.domain.plan import PLANS
from voicereel.services.ids import new_id
from voicereel.settings import Settings
from voicereel.telemetry import start
from workers import main as worker_process
from workers.stages import STAGES
from workers.stages.base import StageContext

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
IDLE = int(os.environ.get("BENCH_IDLE", "100"))
LOADED = int(os.environ.get("BENCH_LOADED", "1000"))
BROKER = os.environ.get("VOICEREEL_TEST_BROKER_URL") or "amqp://guest:guest@127.0.0.1:5672/"
WORKERS, FAN_WORKERS, FAN_LINES = 2, 4, 500
PATIENCE_S = 180.0

SERVICE = "VoiceReel over RabbitMQ"
POLLING = "VoiceReel, polling every 30 ms"
PLAIN = "plain Dramatiq over RabbitMQ"

_QUEUE, _NOTES = "BENCH_PLAIN_QUEUE", "BENCH_PLAIN_NOTES"
_ONE_STAGE = {"speech": PLANS["speech"][:1]}
Row = dict[str, Any]


# What runs in the worker processes.


def boot() -> None:
    """`dramatiq wakeups:boot`: a worker of ours whose one stage does nothing."""
    STAGES["synthesize"] = _do_nothing
    worker_process.boot()


def _do_nothing(ctx: StageContext) -> Result:
    """As little as a job can end with: a row that says how long its audio is."""
    artifact = Artifact(
        id=new_id("art"),
        tenant_id=ctx.claim.tenant_id,
        job_id=ctx.claim.job_id,
        kind="audio",
        name="reel.wav",
        key=f"{ctx.claim.key_prefix}/reel.wav",
        media_type="audio/wav",
        size_bytes=44,
        sha256="0" * 64,
        facts={"duration_ms": 1000},
    )
    return Result(artifacts=(artifact,))


def plain() -> Callable[[float], object]:
    """`dramatiq wakeups:plain`: the actor that notes when it was sent and when it began."""
    broker = RabbitmqBroker(url=BROKER, confirm_delivery=True)
    dramatiq.set_broker(broker)
    notes = os.open(os.environ[_NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @dramatiq.actor(queue_name=os.environ[_QUEUE], broker=broker, max_retries=0)
    def note(sent: float) -> None:
        os.write(notes, f"{sent} {time.time()}\n".encode())

    return note.send


# What the benchmark asks of each way.


class Way(Protocol):
    """One way to have work done, whose workers are up."""

    def send(self) -> None: ...
    def done(self) -> int: ...
    def waits_ms(self) -> list[float]: ...
    def span_s(self, last: int) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Ours:
    """The service; all of its times are the database's."""

    services: Services
    principal: Principal
    database: psycopg.Connection[Any]
    script: bytes

    def send(self) -> None:
        script = read_script(self.script)
        self.services.jobs.submit(self.principal, script, once=None, request_id=new_id("req"))

    def done(self) -> int:
        return int(self._rows("SELECT count(*) FROM jobs WHERE status = 'succeeded'")[0][0])

    def waits_ms(self) -> list[float]:
        """Of every job, in the order of acceptance. A run is due from the moment it is accepted."""
        waited = "extract(epoch FROM started_at - next_run_at) * 1000"
        rows = self._rows(f"SELECT {waited} FROM stage_runs WHERE stage = 'synthesize' ORDER BY id")
        return [float(row[0]) for row in rows]

    def span_s(self, last: int) -> float:
        """From the first acceptance to the last end of the latest jobs."""
        latest = f"SELECT next_run_at, finished_at FROM stage_runs ORDER BY id DESC LIMIT {last}"
        span = "extract(epoch FROM max(finished_at) - min(next_run_at))"
        return float(self._rows(f"SELECT {span} FROM ({latest}) AS latest")[0][0])

    def _rows(self, query: str) -> list[Any]:
        return self.database.execute(query).fetchall()


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Dramatiq alone. Its times are those of this machine's clock, in two processes."""

    tell: Callable[[float], object]
    notes: Path

    def send(self) -> None:
        self.tell(time.time())

    def done(self) -> int:
        return len(self._noted())

    def waits_ms(self) -> list[float]:
        return [1000 * (began - sent) for sent, began in sorted(self._noted())]

    def span_s(self, last: int) -> float:
        latest = sorted(self._noted())[-last:]
        return max(began for _, began in latest) - min(sent for sent, _ in latest)

    def _noted(self) -> list[tuple[float, float]]:
        pairs = (line.split() for line in self.notes.read_text().splitlines())
        return [(float(sent), float(began)) for sent, began in pairs]


@contextmanager
def ours(folder: Path, *, broker: str, stub: bool, workers: int, lines: Sequence[str]) -> Iterator[Ours]:
    prefix = f"bench-{os.getpid()}-{folder.name}"
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(f"bench_{folder.name}"))
        environment = settings_for(
            folder, database_url=url, broker_url=broker, queue_prefix=prefix, engines="fake"
        )
        command(environment, "migrate")
        stack.callback(_delete_queues, f"{prefix}.cpu")
        services = build(Settings(home=folder, database_url=url))
        stack.callback(services.close)
        made = services.accounts.create_key("bench", tenant="bench", scopes=("jobs:write",))
        if broker:
            stack.enter_context(running(server("dispatcher"), environment, folder / "dispatcher.log"))
        for number, line in enumerate(_worker_lines(broker, stub=stub, workers=workers)):
            stack.enter_context(running(line, environment, folder / f"worker-{number}.log"))
        script = {
            "cast": {"ANA": "stock:fake/a"},
            "lines": [{"speaker": "ANA", "text": text} for text in lines],
        }
        way = Ours(
            services=services,
            principal=Principal(tenant_id=made.tenant_id, key_id=made.id, scopes=frozenset({"jobs:write"})),
            database=stack.enter_context(psycopg.connect(conninfo(url), autocommit=True)),
            script=json.dumps(script).encode(),
        )
        up = "SELECT count(DISTINCT worker_id) FROM engine_adverts"
        eventually(lambda: way._rows(up)[0][0] == workers)
        yield way


def _worker_lines(broker: str, *, stub: bool, workers: int) -> list[list[str]]:
    if not broker:
        return [python(str(Path(__file__)), "poll")] * workers
    if not stub:
        return [server("worker", "--processes", str(workers))]
    return [dramatiq_line("boot", workers)]


def dramatiq_line(entry: str, processes: int) -> list[str]:
    flags = ["--use-spawn", "--processes", str(processes), "--threads", "1", "--skip-logging"]
    return python("-m", "dramatiq", f"wakeups:{entry}", *flags)


@contextmanager
def plainly(folder: Path) -> Iterator[Plain]:
    queue = f"bench-{os.getpid()}-plain"
    notes = folder / "notes"
    os.environ |= {_QUEUE: queue, _NOTES: str(notes)}
    tell = plain()
    try:
        with running(dramatiq_line("plain", WORKERS), os.environ, folder / "plain.log"):
            way = Plain(tell=tell, notes=notes)
            way.send()
            eventually(lambda: way.done() == 1)
            yield way
    finally:
        _delete_queues(queue)


def _delete_queues(name: str) -> None:
    with suppress(pika.exceptions.AMQPError):
        connection = pika.BlockingConnection(pika.URLParameters(BROKER))
        channel = connection.channel()
        for kind in ("", ".DQ", ".XQ"):
            channel.queue_delete(name + kind)
        connection.close()


def eventually(found: Callable[[], bool], *, every_s: float = 0.005) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        if time.monotonic() > deadline:
            raise TimeoutError("the workers did not do what they were sent")
        time.sleep(every_s)


# The measurements.


def main() -> None:
    if sys.argv[1:] == ["poll"]:
        STAGES["synthesize"] = _do_nothing
        worker_process.main()
        return
    end_tidily()
    start(Settings(), process="bench")
    found: Row = {"machine": facts(), "rounds": ROUNDS, "idle": IDLE, "loaded": LOADED, "workers": WORKERS}
    with tempfile.TemporaryDirectory() as folder:
        found["fan_out"] = fan_out(Path(folder) / "fan")
        found["runs"] = [*race(Path(folder))]
    found["rows"] = [*medians(found["runs"])]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "queue.json").write_text(json.dumps(found, indent=1) + "\n")
    text = table(found)
    (RESULTS / "queue.md").write_text(text)
    print(text)


def race(folder: Path) -> Iterator[Row]:
    lines = ["Hello there."]
    with (
        patch.dict(PLANS, _ONE_STAGE),
        ours(folder / "broker", broker=BROKER, stub=True, workers=WORKERS, lines=lines) as service,
        ours(folder / "poll", broker="", stub=True, workers=WORKERS, lines=lines) as polling,
        plainly(folder) as simple,
    ):
        ways: dict[str, Way] = {SERVICE: service, POLLING: polling, PLAIN: simple}
        for _ in range(ROUNDS):
            for measure in (idle, loaded):
                for name, way in ways.items():
                    row = {"way": name, "load_average": round(os.getloadavg()[0], 2), **measure(way)}
                    print(json.dumps(row), file=sys.stderr)
                    yield row


def idle(way: Way) -> Row:
    """One at a time: the next is sent a while after the one before is done."""
    before = way.done()
    for number in range(1, IDLE + 1):
        way.send()
        eventually(partial(_has_done, way, before + number))
        time.sleep(random.uniform(0.01, 0.05))
    return {"how": "one at a time", **percentiles(way.waits_ms()[-IDLE:])}


def _has_done(way: Way, many: int) -> bool:
    return way.done() >= many


def loaded(way: Way) -> Row:
    before = way.done()
    for _ in range(LOADED):
        way.send()
    eventually(lambda: way.done() >= before + LOADED, every_s=0.05)
    rate = LOADED / way.span_s(LOADED)
    return {"how": "all at once", "per_s": round(rate, 1), **percentiles(way.waits_ms()[-LOADED:])}


def percentiles(waits_ms: Sequence[float]) -> Row:
    ordered = sorted(waits_ms)
    last = ordered[min(math.ceil(len(ordered) * 0.99), len(ordered)) - 1]
    return {"p50_ms": round(statistics.median(ordered), 2), "p99_ms": round(last, 2)}


def fan_out(folder: Path) -> Row:
    """A long script: every second line takes 0.2 s of somebody else's time, as on a GPU."""
    lines = [
        f"This is line {number} of a long script{' SLOW' * (number % 2)}." for number in range(FAN_LINES)
    ]
    lines = [line.replace(" SLOW.", " SLOW .") for line in lines]
    with ours(folder, broker=BROKER, stub=False, workers=FAN_WORKERS, lines=lines) as way:
        way.send()
        eventually(lambda: way.done() == 1, every_s=0.2)
        rows = way._rows(_BUSY)
    spans = [row[0] for row in rows]
    return {
        "lines": FAN_LINES,
        "workers": len(rows),
        "shards": sum(row[1] for row in rows),
        "busy": [round(float(span), 3) for span in spans],
        "mean_busy": round(float(sum(spans)) / FAN_WORKERS, 3),
        "synthesis_s": round(float(rows[0][2]), 2),
    }


# Of the time from the first claim of a shard to the end of the last, what each worker was at one.
_BUSY = """
SELECT sum(extract(epoch FROM finished_at - started_at)) / whole, count(*), whole
  FROM stage_runs, (SELECT extract(epoch FROM max(finished_at) - min(started_at)) AS whole
                      FROM stage_runs WHERE stage = 'synthesize') AS all_of_it
 WHERE stage = 'synthesize' GROUP BY worker_id, whole ORDER BY 1 DESC"""


def medians(runs: Sequence[Row]) -> Iterator[Row]:
    for way, how in dict.fromkeys((run["way"], run["how"]) for run in runs):
        alike = [run for run in runs if (run["way"], run["how"]) == (way, how)]
        names = [name for name in ("per_s", "p50_ms", "p99_ms", "load_average") if name in alike[0]]
        yield {
            "way": way,
            "how": how,
            **{name: round(statistics.median(run[name] for run in alike), 2) for name in names},
        }


def table(found: Row) -> str:
    fan = found["fan_out"]
    lines = [
        *heading("From accepted to begun", found["machine"]),
        "",
        f"{found['workers']} workers; medians of {found['rounds']} rounds, each of {found['idle']} jobs one"
        f" at a time and {found['loaded']} at once. VoiceReel's jobs are whole ones with one empty stage:"
        " accepted, claimed, announced, finished, billed. Dramatiq's are messages.",
        "",
        "| way | jobs | start p50, ms | start p99, ms | jobs a second | beside plain Dramatiq"
        " | load average before |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        lines.append(
            f"| {row['way']} | {row['how']} | {row['p50_ms']} | {row['p99_ms']} | {row.get('per_s', '')}"
            f" | {beside_plain(row, found['rows'])} | {row['load_average']:.1f} |"
        )
    busy = ", ".join(f"{share:.0%}" for share in fan["busy"])
    lines += [
        "",
        f"A script of {fan['lines']} lines on {FAN_WORKERS} workers over RabbitMQ: {fan['shards']} shards in"
        f" {fan['synthesis_s']} s; busy of that time: {busy} (mean {fan['mean_busy']:.0%}).",
    ]
    return "\n".join(lines) + "\n"


def beside_plain(row: Row, rows: Sequence[Row]) -> str:
    """How much later the slowest begin; or, with all at once, at which share of its rate."""
    other = next(each for each in rows if (each["way"], each["how"]) == (PLAIN, row["how"]))
    if "per_s" in row:
        return f"{row['per_s'] / other['per_s']:.2f} of its rate"
    return f"{row['p99_ms'] / other['p99_ms']:.1f} times its p99"


if __name__ == "__main__":
    main()
