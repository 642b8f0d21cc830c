"""A production deployment on one machine: what runs on several shares database, broker and store alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.faults.figures import FORM, TIMEOUT_S
from tests.faults.invariants import violations
from tests.faults.points import Points
from tests.faults.processes import MARK, Running, below, marked
from voicereel.adapters.database.database import make_engine
from voicereel.bootstrap import make_store
from voicereel.settings import Settings
from voicereel_client import Timing, VoiceReel

HOOKS = Path(__file__).parent / "hooks"
LEASE_S, HEARTBEAT_S, SWEEP_S = 2.0, 0.5, 0.5
# Against what hangs, on a machine that may be very busy; a mutant may well hang.
PATIENCE_S = 120.0 if FORM == "mutant" else 300.0
_SERVER = str(Path(sys.executable).with_name("voicereel-server"))


def eventually(found: Callable[[], object], *, patience_s: float = PATIENCE_S, what: str = "it") -> None:
    """Wait for something that other processes bring about; fails when patience ends."""
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline, f"{what} did not happen in {patience_s:.0f} s"
        time.sleep(0.1)


@dataclass
class Unit:
    """One process as an operator's init would keep it: started anew when it dies, until stopped."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = True
    starts: int = 0

    def keep(self) -> None:
        if self.wanted and (self.process is None or self.process.poll() is not None):
            self.starts += 1
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [_SERVER, *self.arguments],
                    env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def send(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def family(self, containing: str = "") -> list[Running]:
        return [each for each in below(self.pid) if containing in each.command]

    def workers(self) -> list[Running]:
        """The processes in which a master's actors run."""
        return self.family("multiprocessing.spawn import spawn_main")

    def engines(self) -> list[Running]:
        return self.family("workers.engines.host")

    def stop(self, *, within_s: float = 40.0) -> None:
        """As an operator does: SIGTERM, and after a while SIGKILL."""
        self.wanted = False
        self.send(signal.SIGTERM)
        if self.process:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(within_s)
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.wanted = True
        self.keep()


@dataclass
class Cluster:
    """See `cluster`. ``units`` are kept alive by a thread of ours."""

    folder: Path
    database_url: str
    broker_url: str
    store: str
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    port: int = field(default_factory=lambda: _free_port())
    units: dict[str, Unit] = field(default_factory=dict)
    key: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def points(self) -> Points:
        return Points(self.folder / "points")

    def environment(self, name: str) -> dict[str, str]:
        """Each unit is a machine: a home of its own, and nothing of the surrounding environment's."""
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        clean = {key: value for key, value in os.environ.items() if not key.startswith("VOICEREEL_")}
        return {
            **clean,
            "PYTHONPATH": os.pathsep.join([str(HOOKS), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONFAULTHANDLER": "1",
            MARK: self.mark,
            "VOICEREEL_HOME": str(home),
            "VOICEREEL_DATABASE_URL": self.database_url,
            "VOICEREEL_BROKER_URL": self.broker_url,
            "VOICEREEL_QUEUE_PREFIX": f"faults-{self.mark}",
            "VOICEREEL_STORE": self.store,
            "VOICEREEL_URL_SECRET": "faults" * 8,
            "VOICEREEL_ENGINES": "fake",
            "VOICEREEL_DEFAULT_ENGINE": "fake",
            "VOICEREEL_WORKER_ID": f"{name}",
            "VOICEREEL_LEASE_S": str(LEASE_S),
            "VOICEREEL_HEARTBEAT_S": str(HEARTBEAT_S),
            "VOICEREEL_SWEEP_S": str(SWEEP_S),
            "VOICEREEL_FAKE_STATE": str(self.folder),
            "VOICEREEL_FAULT_PLAN": str(self.points.folder),
            "VOICEREEL_API_WORKERS": "2",
            "VOICEREEL_API_THREADS": "64",
            **{f"VOICEREEL_{setting.upper()}": value for setting, value in self.settings.items()},
        }

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_SERVER, *arguments],
            env=self.environment("operator"), capture_output=True, text=True, timeout=TIMEOUT_S, check=check,
        )  # fmt: skip

    def make_key(self, tenant: str) -> str:
        made = self.command("keys", "create", "--name", "faults", "--tenant", tenant, "--json")
        return str(json.loads(made.stdout)["key"])

    def add(self, name: str, *arguments: str, **settings: str) -> Unit:
        """Start a unit and keep it running."""
        chosen = {f"VOICEREEL_{setting.upper()}": value for setting, value in settings.items()}
        environment = {**self.environment(name), **chosen}
        unit = Unit(name, arguments, environment, self.folder / f"{name}.log")
        unit.keep()
        self.units[name] = unit
        return unit

    def add_worker(self, name: str, *, processes: int = 1) -> Unit:
        """A machine of workers; it has work as soon as it is up."""
        return self.add(name, "worker", "--processes", str(processes))

    def workers(self) -> list[Unit]:
        return [unit for unit in self.units.values() if unit.arguments[0] == "worker" and unit.wanted]

    def remove(self, name: str) -> None:
        self.units.pop(name).stop()

    def destroy(self, name: str) -> None:
        """The machine is gone, all at once."""
        unit = self.units.pop(name)
        unit.wanted = False
        for each in unit.family():
            each.kill()
        unit.stop(within_s=0)

    def keep_alive(self) -> None:
        while not self._closing.wait(0.1):
            for unit in list(self.units.values()):
                unit.keep()

    def start(self, machines: int) -> None:
        """All of it. A key that is given is one of a database that was there before: that stays as it is."""
        self.points.prepare()
        is_new = not self.key
        if is_new:
            self.command("migrate")
            self.key = self.make_key("acme")
        self.add("api", "api", "--port", str(self.port))
        self.add("dispatcher", "dispatcher")
        for number in range(machines):
            self.add_worker(f"machine-{number}")
        threading.Thread(target=self.keep_alive, daemon=True).start()
        if is_new:
            eventually(self.is_up, what="the cluster's start")

    def is_up(self) -> bool:
        try:
            ready = urllib.request.urlopen(f"{self.url}/readyz", timeout=2).status == 200
            return ready and all(self.advertised(unit.name) for unit in self.workers())
        except (OSError, urllib.error.HTTPError, sa.exc.OperationalError):
            return False

    def advertised(self, name: str) -> bool:
        sql = "SELECT count(*) FROM engine_adverts WHERE worker_id LIKE :name"
        return bool(self.scalar(sql, name=f"{name}.%"))

    def client(self, *, key: str = "", port: int = 0, retries: int = 60) -> VoiceReel:
        """One that outlasts what is done to the service, and does not wait for long in between."""
        hurried = Timing(sleep=lambda seconds: time.sleep(min(seconds, 0.5)))
        url = f"http://127.0.0.1:{port or self.port}"
        return VoiceReel(key or self.key, url, max_retries=retries, timing=hurried, timeout=20)

    @cached_property
    def database(self) -> sa.Engine:
        return make_engine(self.database_url)

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql), parameters)]

    def execute(self, sql: str, **parameters: Any) -> None:
        with self.database.begin() as connection:
            connection.execute(sa.text(sql), parameters)

    def scalar(self, sql: str, **parameters: Any) -> Any:
        return self.rows(sql, **parameters)[0][0]

    def statuses(self) -> Counter[str]:
        return Counter(dict(self.rows("SELECT status, count(*) FROM jobs GROUP BY 1")))  # type: ignore[arg-type]

    def unfinished(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT job_id, stage, shard, status, attempt, worker_id, lease_until, next_run_at, error"
            " FROM stage_runs WHERE status IN ('queued', 'running') ORDER BY id LIMIT 5"
        )

    def settle(self) -> None:
        """Until nobody holds or tells anything any more."""
        eventually(lambda: not self.scalar("SELECT count(*) FROM outbox"), what="an empty outbox")

    def check(self, *, ended: bool = True, before_prices: Sequence[str] = ()) -> None:
        """Every promise that can be read from the database and the store; see `violations`."""
        if ended:
            self.settle()
        store = make_store(Settings(home=self.folder / "operator", store=self.store))
        every = violations(self.database_url, store, ended=ended, before_prices=before_prices)
        found = [each for each in every if each not in self.told]
        self.told |= set(found)  # what one fault has broken does not fail the tests of all others
        assert found == [], "\n".join(found[:20])

    def logged(self, event: str) -> int:
        """How often any process has logged this."""
        needle = f'"event": "{event}"'
        logs = [path.read_text(errors="replace") for path in self.folder.glob("*.log")]
        return sum(text.count(needle) for text in logs)

    def stop(self) -> list[Running]:
        """Stop everything; what has outlived it is killed, and is the reply."""
        self._closing.set()
        for unit in self.units.values():
            unit.wanted = False
            unit.send(signal.SIGCONT)
            unit.send(signal.SIGTERM)
        for unit in reversed(self.units.values()):
            unit.stop()
        deadline = time.monotonic() + 10
        while (orphans := marked(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        for orphan in orphans:
            orphan.kill()
        self.database.dispose()
        return orphans


@contextmanager
def cluster(
    folder: Path,
    *,
    database_url: str,
    broker_url: str,
    store: str = "",
    machines: int = 2,
    key: str = "",
    **settings: str,
) -> Iterator[Cluster]:
    """An API, a dispatcher and worker machines; no process is left when it ends.

    With a ``key`` the database is one that has been in use, and nobody waits until all are up.
    """
    store = store or f"file:{folder / 'artifacts'}"
    made = Cluster(folder, database_url, broker_url, store, key=key, settings=settings)
    try:
        made.start(machines)
        yield made
    except BaseException:
        made.stop()
        raise
    orphans = made.stop()
    assert orphans == [], f"processes without a parent: {[each.command for each in orphans]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
