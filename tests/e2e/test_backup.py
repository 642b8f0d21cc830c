"""The drill: a copy is made under load, everything is lost, and the copy is put in its place.

`make drill` runs it with more jobs and tells how long each step took.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from click.testing import Result as CommandResult

from tests.databases import postgresql
from tests.e2e.conftest import PATIENCE_S, RunningService, eventually, running, start
from tests.e2e.test_process import family
from tests.faults.invariants import violations
from voicereel.adapters.database.database import make_engine
from voicereel.bootstrap import build, make_store, prepare
from voicereel.domain.errors import LeaseLost
from voicereel.domain.job import Claim, Result
from voicereel.manage import main
from voicereel.settings import Settings
from voicereel_client import NotFoundError, VoiceReel

JOBS = int(os.environ.get("DRILL_JOBS", "6"))
SCRIPTS = Path(__file__).parents[2] / "deploy" / "backup"
_PACE_S = 0.1
LEDGER = "SELECT job_id, revision, kind, billable_ms, amount_micros FROM ledger"


def script(name: str) -> dict[str, object]:
    line = {"speaker": "stock:fake/a", "text": f"SLOW {name}"}
    return {"lines": [line], "output": {"formats": ["wav"]}}


@dataclass(frozen=True)
class Site:
    """Where a service lives: its home folder, and its database where that is another place."""

    home: Path
    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "VOICEREEL_HOME": str(self.home),
            "VOICEREEL_DATABASE_URL": self.database_url,
            "VOICEREEL_ENGINES": "fake",
            "VOICEREEL_DEFAULT_ENGINE": "fake",
            "VOICEREEL_WORKERS": "2",
            "VOICEREEL_API_WORKERS": "1",
        }

    @property
    def settings(self) -> Settings:
        # Whoever claims by these is not taken for lost while the drill goes on.
        return Settings(home=self.home, database_url=self.database_url, lease_s=3600, engines="fake")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        engine = make_engine(self.settings.database)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sa.text(sql))]
        finally:
            engine.dispose()

    def run(self, name: str, argument: Path) -> subprocess.CompletedProcess[str]:
        """One of the shipped scripts."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [SCRIPTS / name, argument], env={**os.environ, **self.environment, "PATH": path},
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip


@dataclass
class Load:
    """Jobs by their Idempotency-Key."""

    client: VoiceReel
    jobs: dict[str, str] = field(default_factory=dict)

    def submit(self, key: str) -> None:
        self.jobs[key] = self.client.synthesize(script(key), idempotency_key=key).id

    def named(self, name: str) -> list[tuple[str, str]]:
        return [(key, job_id) for key, job_id in self.jobs.items() if key.startswith(name)]

    def submit_many(self, name: str, count: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.submit, (f"{name}-{number}" for number in range(count))))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Submit one after another for as long as the block takes."""
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(_PACE_S):
                self.submit(f"meanwhile-{len(self.jobs)}")

        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(go_on)
            try:
                yield
            finally:
                over.set()
            going.result(PATIENCE_S)


def succeeded(site: Site) -> set[object]:
    return {row[0] for row in site.rows("SELECT id FROM jobs WHERE status = 'succeeded'")}


def claim_one(site: Site) -> Claim:
    """As a worker that will outlive the disaster."""
    services, found = build(site.settings), []

    def claimed() -> bool:
        claim = services.work.claim("cpu", worker_id="from-before.1")
        found.extend([claim] if claim else [])
        return bool(claim)

    try:
        eventually(claimed)
    finally:
        services.close()
    return found[0]


def assert_refused(site: Site, claim: Claim) -> None:
    services = build(site.settings)
    try:
        assert not services.work.heartbeat(claim, progress=0.5)
        with pytest.raises(LeaseLost):
            services.work.complete(claim, Result())
        services.work.release(claim)
    finally:
        services.close()
    found = site.rows(f"SELECT status, attempt FROM stage_runs WHERE id = {claim.stage_run_id}")
    assert found == [("queued", claim.attempt - 1)]


@contextmanager
def until_lost(site: Site) -> Iterator[RunningService]:
    """A service that ends as in a power cut."""
    service = start(site.home, **site.environment)
    try:
        yield service
    finally:
        for pid in family(service):
            os.kill(pid, signal.SIGKILL)
        service.process.wait()


def lose(site: Site, copies: Path) -> tuple[Load, Claim, set[object], Path, str]:
    """Work, a back-up under load, more work, and then nothing."""
    with until_lost(site) as service, service.client() as client:
        load = Load(client)
        load.submit_many("before", JOBS)
        eventually(lambda: len(succeeded(site)) >= 2)
        done, claim = succeeded(site), claim_one(site)
        with load.going_on(), timed("back-up"):
            made = site.run("backup.sh", copies)
        assert made.returncode == 0, made.stderr
        load.submit_many("after", max(2, JOBS // 4))
        eventually(lambda: load.jobs["after-0"] in succeeded(site))
    return load, claim, done, Path(made.stdout.strip()), service.key


@contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"  {what}: {time.monotonic() - began:.1f} s")  # noqa: T201 - the drill's figures


def test_nothing_accepted_before_the_backup_is_lost_and_nothing_is_billed_twice(
    any_database: str, tmp_path: Path
) -> None:
    with postgresql() if any_database else nullcontext("") as other_database:
        lost, fresh = Site(tmp_path / "lost", any_database), Site(tmp_path / "fresh", other_database)
        load, claim, done, copy, key = lose(lost, tmp_path / "copies")

        with timed("restore"):
            restored = fresh.run("restore.sh", copy)
        assert restored.returncode == 0, restored.stderr
        assert "every worker of before is refused" in restored.stdout
        # A job that ended while its files were copied has lost its mix: it begins again.
        assert "cannot get them back" not in restored.stdout
        ledger = set(fresh.rows(LEDGER))
        assert ledger <= set(lost.rows(LEDGER))
        assert done <= {row[0] for row in ledger}
        assert load.jobs["after-0"] not in {row[0] for row in ledger}
        assert_refused(fresh, claim)

        with running(fresh.home, **fresh.environment) as service, VoiceReel(key, service.url) as client:
            with timed("all jobs done"):
                go_on(fresh, client, load)
            download(client, str(done.pop()), tmp_path / "out")
        again = fresh.run("restore.sh", copy)
        assert (again.returncode, "is not empty" in again.stderr) == (1, True)


def go_on(site: Site, client: VoiceReel, load: Load) -> None:
    """What was accepted before the back-up ends, once; what came after it can be sent again."""
    for key, job_id in load.named("before"):
        assert client.synthesize(script(key), idempotency_key=key).id == job_id
        assert client.jobs.wait(job_id, timeout=PATIENCE_S).status == "succeeded"
    for key, job_id in load.named("after"):
        with pytest.raises(NotFoundError):
            client.jobs.get(job_id)
        anew = client.synthesize(script(key), idempotency_key=key)
        assert anew.id not in load.jobs.values()
        assert anew.wait(timeout=PATIENCE_S).status == "succeeded"
    eventually(lambda: not site.rows("SELECT 1 FROM jobs WHERE status IN ('queued', 'running')"))
    store = make_store(site.settings)
    eventually(lambda: not site.rows("SELECT 1 FROM outbox"))
    assert violations(site.settings.database, store) == []


def download(client: VoiceReel, job_id: str, folder: Path) -> None:
    names = {path.name for path in client.jobs.get(job_id).download(folder)}
    assert names == {"reel.wav", "reel.vtt", "reel.srt", "reel.json", "certificate.json"}


def test_a_second_copy_links_to_the_files_of_the_first_and_none_is_overwritten(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    prepare(settings)
    (tmp_path / "new").write_bytes(b"sound")
    make_store(settings).put_file("ten_1/job_1/1/1/reel.wav", tmp_path / "new")

    def copy(name: str, *options: str) -> CommandResult:
        command = ["backup", "--home", str(settings.home), "--to", str(tmp_path / name), *options]
        return CliRunner().invoke(main, command)

    assert copy("first").exit_code == 0
    assert "0 copied, 1 linked" in copy("second", "--former", str(tmp_path / "first")).output
    kept = [tmp_path / name / "artifacts/ten_1/job_1/1/1/reel.wav" for name in ("first", "second")]
    assert kept[0].samefile(kept[1])
    assert kept[1].read_bytes() == b"sound"
    assert (tmp_path / "second" / "url_secret").read_bytes() == (settings.home / "url_secret").read_bytes()
    refused = copy("second")
    assert (refused.exit_code, "is there already" in refused.output) == (1, True)
