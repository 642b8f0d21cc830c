"""The stages in this process: submit a script, run every due stage, read what came out."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.adverts import advertise_for_good
from voicereel.api.bodies import read_script
from voicereel.bootstrap import Services, build, prepare
from voicereel.domain.account import SCOPES, Principal
from voicereel.settings import Settings
from workers.engines.pool import EnginePool
from workers.runner import Runner


@dataclass(frozen=True)
class Studio:
    """Services and one worker that runs when told to."""

    services: Services
    runner: Runner
    principal: Principal

    def submit(self, script: dict[str, Any]) -> str:
        parsed = read_script(json.dumps(script).encode())
        reply = self.services.jobs.submit(self.principal, parsed, once=None, request_id="req_test")
        return str(reply.body["id"])

    def work(self) -> int:
        """Run stage runs until none is due; how many were run."""
        done = 0
        while self.runner.run_one():
            done += 1
        return done

    def job(self, job_id: str) -> dict[str, Any]:
        return self.services.jobs.get(self.principal, job_id)

    def render(self, script: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Submit and run a script; its files in ``folder`` as a download would write them."""
        job_id = self.submit(script)
        self.work()
        self.fetch(job_id, folder)
        return self.job(job_id)

    def fetch(self, job_id: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with self.services.jobs.work.reading() as tx:
            for artifact in tx.artifacts.of_job(job_id):
                path = self.services.work.store.fetch(artifact.key, folder)
                if artifact.kind == "stem":
                    (folder / "stems").mkdir(exist_ok=True)
                    shutil.copyfile(path, folder / "stems" / artifact.name)
                elif artifact.kind in (
                    "audio",
                    "caption",
                    "reel",
                    "cue_sheet",
                    "clips",
                    "clips_manifest",
                    "preview",
                ):
                    shutil.copyfile(path, folder / artifact.name)


@contextmanager
def studio(home: Path, *, engines: str = "espeak,fake", **settings: Any) -> Iterator[Studio]:
    chosen = Settings(home=home, engines=engines, **settings)
    prepare(chosen)
    services = build(chosen)
    key = services.accounts.create_key("test", tenant="acme", scopes=SCOPES)
    pool = EnginePool(chosen.engine_names, hosted=False)
    runner = Runner(settings=chosen, work=services.work, engines=pool, worker_id="test:0", pool="cpu")
    advertise_for_good(services, "test:0", pool.infos())
    try:
        yield Studio(services, runner, services.accounts.authenticate(f"Bearer {key.key}"))
    finally:
        services.close()
