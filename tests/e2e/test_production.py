"""Production as an operator runs it: a process of each kind on PostgreSQL, RabbitMQ and S3."""

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pika
import pytest
import soundfile
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from tests.brokers import URL as BROKER
from tests.brokers import need_broker
from tests.contract.s3_server import S3Server
from tests.databases import postgresql
from tests.e2e.conftest import PATIENCE_S, eventually, server_command
from tests.e2e.test_process import LONG
from tests.reels import check_captions, check_reel, reel_of, samples_of
from voicereel.adapters.database.database import make_engine
from voicereel_client import VoiceReel
from workers.engines.base import TakeRequest
from workers.engines.tts.espeak import Espeak

EARNEST = Path(__file__).parents[2] / "examples" / "earnest.json"
SHORT = {"lines": [{"speaker": "stock:espeak/en-us", "text": "Short."}], "output": {"formats": ["wav"]}}
# What deploy.md promises, in the order in which they are stopped.
STOPS_WITHIN_S = {"api": 30, "machine-1": 20, "machine-2": 20, "dispatcher": 20}
# Starting and ending Python itself is not counted in what is promised; the machine may be busy.
_SLACK_S = 20


@contextmanager
def broker_queues() -> Iterator[str]:
    """A prefix for queues of our own; they are gone at the end."""
    need_broker()
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    yield prefix
    with pika.BlockingConnection(pika.URLParameters(BROKER)) as connection:
        channel = connection.channel()
        for name in (f"{prefix}.{pool}{kind}" for pool in ("cpu", "gpu") for kind in ("", ".DQ", ".XQ")):
            channel.queue_delete(name)


@contextmanager
def bucket() -> Iterator[tuple[str, Any]]:
    """Where an empty bucket is, as a store; and a client that looks into it."""
    name = f"test-{uuid.uuid4().hex}"
    with S3Server() as server, pytest.MonkeyPatch.context() as environment:
        for variable, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "not-to-be-seen",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }.items():
            environment.setenv(variable, value)
        client = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1")
        client.create_bucket(Bucket=name)
        yield f"s3://{name}/artifacts?endpoint={server.url}&region=us-east-1", client
        client.close()


@dataclass
class Production:
    """Each process on a machine of its own: they share database, broker and bucket alone."""

    folder: Path
    settings: dict[str, str]
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, machine: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VOICEREEL_")}
        ours = {**self.settings, "home": str(self.folder / machine), "worker_id": machine}
        return clean | {f"VOICEREEL_{name.upper()}": value for name, value in ours.items()}

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            server_command(*arguments), env=self.environment("operator"),
            check=True, capture_output=True, text=True, timeout=PATIENCE_S,
        ).stdout  # fmt: skip

    def make_key(self, tenant: str, *options: str) -> str:
        made = self.run("keys", "create", "--name", "test", "--tenant", tenant, "--json", *options)
        return str(json.loads(made)["key"])

    def start(self, machine: str, *arguments: str) -> None:
        with (self.folder / f"{machine}.log").open("wb") as log:
            self.processes[machine] = subprocess.Popen(
                server_command(*arguments), env=self.environment(machine), stdout=log, stderr=log
            )

    def stop(self, machine: str) -> int:
        """As an init does it; the exit code."""
        process = self.processes[machine]
        process.send_signal(signal.SIGTERM)
        return process.wait(STOPS_WITHIN_S[machine] + _SLACK_S)

    def left(self, machine: str) -> list[int]:
        """Processes that were started for a machine and still run."""
        home = f"VOICEREEL_HOME={self.folder / machine}".encode()
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if home in read(path)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        engine = make_engine(self.settings["database_url"])
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sa.text(sql))]
        finally:
            engine.dispose()

    def get(self, path: str, key: str = "") -> str:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return str(reply.read().decode())

    def is_up(self) -> bool:
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        assert dead == [], "".join((self.folder / f"{name}.log").read_text() for name in dead)
        try:
            self.get("/readyz")
        except (OSError, urllib.error.HTTPError):
            return False
        return len(self.rows("SELECT DISTINCT worker_id FROM engine_adverts")) == 3


def read(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def production(folder: Path, *, database_url: str, prefix: str, store: str) -> Iterator[Production]:
    settings = {
        "database_url": database_url,
        "broker_url": BROKER,
        "queue_prefix": prefix,
        "store": store,
        "url_secret": "a secret of the tests" * 2,
        "api_workers": "2",
    }
    made = Production(folder, settings, free_port())
    try:
        made.run("migrate")
        made.start("api", "api", "--port", str(made.port))
        made.start("dispatcher", "dispatcher")
        made.start("machine-1", "worker", "--processes", "2")
        made.start("machine-2", "worker")
        eventually(made.is_up)
        yield made
    finally:
        for machine in made.processes:
            for pid in made.left(machine):
                os.kill(pid, signal.SIGKILL)


def speech(path: Path) -> Path:
    """Forty seconds of one voice, as a customer would record them."""
    engine = Espeak()
    engine.load()
    asked = TakeRequest(text="The quick brown fox jumps over the lazy dog.", language="en", voice="en-us+m3")
    (take,) = engine.synthesize([asked])
    sound = np.tile(take.clip.samples, 1 + 40 * take.clip.rate // len(take.clip.samples))
    soundfile.write(path, sound * (0.5 / np.abs(sound).max()), take.clip.rate)
    return path


def test_from_the_first_migration_to_the_last_signal(tmp_path: Path) -> None:
    with ExitStack() as stack:
        prefix = stack.enter_context(broker_queues())
        url = stack.enter_context(postgresql())
        store, s3 = stack.enter_context(bucket())
        made = stack.enter_context(production(tmp_path, database_url=url, prefix=prefix, store=store))
        with VoiceReel(made.make_key("acme"), made.url) as client:
            render_an_example(client, tmp_path / "out")
            enroll_a_speaker(client, s3, store, tmp_path)
            eventually(lambda: client.synthesize(SHORT).wait(timeout=PATIENCE_S) and machines(made) == 2)
            tell_an_operator(made)
            stop_everything(made, client)


def render_an_example(client: VoiceReel, folder: Path) -> None:
    script = json.loads(EARNEST.read_text(encoding="utf-8"))
    job = client.synthesize({**script, "output": {"formats": ["wav"]}}).wait(timeout=PATIENCE_S)
    assert job.status == "succeeded"
    job.download(folder)
    reel = reel_of(folder)
    assert job.billable_ms == reel["duration_ms"]
    check_reel(reel, script)
    check_captions(folder, reel)
    samples, rate = samples_of(folder / "reel.wav")
    assert len(samples) == round(reel["duration_ms"] * rate / 1000)


def enroll_a_speaker(client: VoiceReel, s3: Any, store: str, folder: Path) -> None:
    consent = {"subject": "Ana", "attested_by": "Ben", "attested_at": datetime.now(UTC)}
    speaker = client.speakers.create(
        name="Ana", language="en", samples=speech(folder / "ana.wav"), consent=consent, wait=True
    )
    assert (speaker.status, speaker.error) == ("ready", None)
    job = client.synthesize(lines=[{"speaker": speaker.id, "text": "That is me."}]).wait(timeout=PATIENCE_S)
    assert job.status == "succeeded"
    name = store.split("/")[2]
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=name)["Contents"]]
    assert any(key.endswith("/reel.mp3") for key in keys)
    assert all(key.startswith("artifacts/ten_") for key in keys)


def machines(made: Production) -> int:
    """How many machines have done something."""
    return len({worker.partition(".")[0] for (worker,) in made.rows("SELECT worker_id FROM stage_runs")})


def tell_an_operator(made: Production) -> None:
    key = made.make_key("operations", "--scope", "admin")
    health = json.loads(made.get("/healthz", key))
    (pool,) = health["pools"]
    assert (health["status"], health["database"]["kind"]) == ("ok", "postgresql")
    assert health["broker"] == {"configured": True, "ok": True}
    assert (pool["pool"], pool["workers"]) == ("cpu", 3)
    samples = [
        sample
        for family in text_string_to_metric_families(made.get("/metrics", key))
        for sample in family.samples
    ]
    requests = {
        sample.labels["status_class"]: sample.value
        for sample in samples
        if sample.name == "voicereel_http_requests_total" and sample.labels["operation"] == "synthesize"
    }
    (accepted,) = made.rows("SELECT count(*) FROM jobs WHERE kind = 'speech'")
    assert requests == {"2xx": accepted[0]}
    assert {s.labels["pool"]: s.value for s in samples if s.name == "voicereel_workers_live"} == {"cpu": 3}


def stop_everything(made: Production, client: VoiceReel) -> None:
    """In the middle of a job, which costs it no attempt."""
    job = client.synthesize(LONG)
    at_work = f"SELECT 1 FROM stage_runs WHERE job_id = '{job.id}' AND status = 'running'"
    eventually(lambda: made.rows(at_work))
    codes = {machine: made.stop(machine) for machine in STOPS_WITHIN_S}
    assert codes == dict.fromkeys(STOPS_WITHIN_S, 0)
    assert [pid for machine in codes for pid in made.left(machine)] == []
    assert made.rows(at_work) == []
    assert made.rows("SELECT 1 FROM engine_adverts") == []
    attempts = made.rows(
        f"SELECT max(attempt) FROM stage_runs WHERE job_id = '{job.id}' AND status = 'queued'"
    )
    assert attempts == [(0,)]
