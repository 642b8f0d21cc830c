"""Small jobs for tests of the database."""

from datetime import UTC, datetime
from typing import Any

from voicereel.adapters.database.database import Database
from voicereel.domain.job import Claim, Job, LineRecord, StageRun
from voicereel.domain.script import Controls, Line
from voicereel.domain.speakers import Voice
from voicereel.ports import Submission
from voicereel.services.ids import new_id


def a_line(ordinal: int = 0, **changes: Any) -> LineRecord:
    line = Line(id=f"l{ordinal + 1}", speaker="ANA", text="Hello.")
    voice = Voice(speaker_id="stock:fake/a", speaker_name="ANA", engine="fake", name="a")
    controls = Controls(speed=1.0, pitch_st=0.0, gain_db=0.0, language="en", seed=0)
    return LineRecord(**{"ordinal": ordinal, "line": line, "controls": controls, "voice": voice, **changes})


def a_job(tenant_id: str, **changes: Any) -> Job:
    facts = {"id": new_id("job"), "tenant_id": tenant_id, "kind": "speech", "status": "queued"}
    return Job(**{**facts, "created_at": datetime.now(UTC), "request_id": "req_test", **changes})


RUNS = (
    StageRun(stage="synthesize", shard=0, ordinal=0, pool="cpu", payload={"first": 0, "last": 1}),
    StageRun(stage="synthesize", shard=1, ordinal=0, pool="cpu", payload={"first": 1, "last": 2}),
    StageRun(stage="fit", shard=0, ordinal=1, pool="cpu"),
)


def submit(database: Database, **changes: Any) -> Job:
    """A job of two synthesize shards and one fit, in the tenant ``ten_1``."""
    with database.writing() as tx:
        tenant_id = tx.accounts.ensure_tenant("one", tenant_id="ten_1")
        job = a_job(tenant_id, lines_total=2, **changes)
        assert tx.jobs.accept(submission(job)) == "accepted"
    return job


def submission(job: Job, **changes: Any) -> Submission:
    facts = {"lines": (a_line(0), a_line(1)), "stage_runs": RUNS, "event": ("job.updated", {"id": job.id})}
    return Submission(**{**facts, "job": job, **changes})


def claim(database: Database, *, worker_id: str = "w1", lease_s: float = 60.0) -> Claim | None:
    with database.writing() as tx:
        return tx.work.claim("cpu", worker_id=worker_id, lease_s=lease_s)
