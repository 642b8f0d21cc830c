"""Everything that may happen to jobs, in any order, against a model that fits on a page."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.databases import KINDS, need_server, postgresql
from tests.faults.figures import FORM, FULL, TIMEOUT_S, Figures, times
from tests.faults.invariants import broken
from tests.faults.model import MOST, JobModel, Run, result_of, takes_of
from tests.rendering import studio
from voicereel.adapters.database.database import Database
from voicereel.api.bodies import read_script
from voicereel.domain.drafts import Place
from voicereel.domain.errors import Conflict, LeaseLost, NotFound, StageFailed
from voicereel.domain.job import Claim, Take
from voicereel.domain.script import Line
from voicereel.services.idempotency import Once

LONG_AGO = "'2000-01-01T00:00:00.000Z'"
LINE = '{"speaker": "stock:fake/a", "text": "One two."}'
ANY = st.integers(0, 1000)


class Life(RuleBasedStateMachine):
    """`open` gives the services of one example."""

    kind = "sqlite"
    home: Path
    template = ""

    @initialize()
    def open(self) -> None:
        self.closing = ExitStack()
        folder = Path(self.closing.enter_context(tempfile.TemporaryDirectory()))
        shutil.copytree(self.home, folder / "home")
        url = self.closing.enter_context(postgresql(template=self.template)) if self.template else ""
        self.studio = self.closing.enter_context(
            studio(
                folder / "home", engines="fake", default_engine="fake",
                lease_s=600, max_attempts=MOST, database_url=url,
            )
        )  # fmt: skip
        self.work, self.principal = self.studio.services.work, self.studio.principal
        database = self.studio.services.jobs.work
        assert isinstance(database, Database)
        self.engine = database.engine
        self.jobs: dict[str, JobModel] = {}
        self.claims: list[Claim] = []
        self.replies: dict[int, str] = {}
        self.billed = 0

    def teardown(self) -> None:
        if hasattr(self, "closing"):
            self.closing.close()

    # --- what customers do -----------------------------------------------------------------------

    @rule(lines=st.integers(1, 3), helped=st.booleans(), key=st.none() | st.integers(0, 3))
    def submit(self, lines: int, helped: bool, key: int | None) -> None:
        fallback = ', "fallback": "stock:fake/b"' if helped else ""
        body = f'{{"lines": [{", ".join([LINE] * lines)}], "output": {{"formats": ["wav"]}}{fallback}}}'
        once = None if key is None else Once(route="/v1/synthesize", key=str(key), request_sha256="same")
        reply = self.studio.services.jobs.submit(
            self.principal, read_script(body.encode()), once=once, request_id="req_model"
        )
        job_id = str(reply.body["id"])
        if key in self.replies:
            assert job_id == self.replies[key]
            return
        if key is not None:
            self.replies[key] = job_id
        assert job_id not in self.jobs
        self.jobs[job_id] = JobModel(helped)
        self.adopt(job_id)

    @precondition(lambda self: self.jobs)
    @rule(at=ANY)
    def cancel(self, at: int) -> None:
        job_id, job = self.pick(at)
        with self.expecting(Conflict, when=job.status not in ("queued", "running")):
            self.studio.services.jobs.cancel(self.principal, job_id, once=None)
            job.end("canceled")

    @precondition(lambda self: self.jobs)
    @rule(at=ANY)
    def approve(self, at: int) -> None:
        job_id, job = self.pick(at)
        with self.expecting(Conflict, when=job.status != "needs_review"):
            self.studio.services.jobs.approve(self.principal, job_id, once=None)
            job.status = "succeeded"
            self.billed += 1

    @precondition(lambda self: self.jobs)
    @rule(at=ANY)
    def revise(self, at: int) -> None:
        """A line is added, and rendered."""
        job_id, job = self.pick(at)
        services, line = self.studio.services, Line(id="", speaker="stock:fake/a", text="Three.")
        with self.expecting(Conflict, when=job.status in ("queued", "running") or not job.heard):
            services.drafts.insert(self.principal, job_id, line, Place(), once=None)
            services.revisions.revise(self.principal, job_id, once=None, request_id="req_model")
            job.revise()
            self.adopt(job_id)

    @precondition(lambda self: len(self.jobs) > 2)
    @rule(at=ANY)
    def delete(self, at: int) -> None:
        job_id, _ = self.pick(at)
        self.studio.services.jobs.delete(self.principal, job_id)
        del self.jobs[job_id]
        with pytest.raises(NotFound):
            self.studio.services.jobs.get(self.principal, job_id)

    # --- what workers do -------------------------------------------------------------------------

    @rule()
    def claim(self) -> None:
        due = {run_id for job in self.jobs.values() for run_id, run in job.runs.items() if run.is_due}
        claim = self.work.claim("cpu", worker_id="model:1")
        assert (claim is None) == (not due)
        if claim is None:
            return
        assert claim.stage_run_id in due
        job = self.jobs[claim.job_id]
        run = job.runs[claim.stage_run_id]
        run.status, run.expired = "running", False
        run.attempt, run.fence = run.attempt + 1, run.fence + 1
        job.status = "running"
        assert (claim.attempt, claim.fence) == (run.attempt, run.fence)
        self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(at=ANY)
    def beat(self, at: int) -> None:
        claim, run = self.held(at)
        assert self.work.heartbeat(claim, progress=0.5) == (run is not None)
        if run:
            run.expired = False

    @precondition(lambda self: self.claims)
    @rule(at=ANY)
    def expire(self, at: int) -> None:
        claim, run = self.held(at)
        self.execute(f"UPDATE stage_runs SET lease_until = {LONG_AGO} WHERE id = {claim.stage_run_id}"
                     f" AND status = 'running' AND fence = {claim.fence}")  # fmt: skip
        if run:
            run.expired = True

    @precondition(lambda self: self.claims)
    @rule(at=ANY, bad=st.sampled_from(("none", "none", "none", "passing", "final")))
    def finish(self, at: int, bad: str) -> None:
        claim, run = self.held(at)
        takes = takes_of(claim, bad)
        with self.expecting(LeaseLost, when=run is None):
            self.work.complete(claim, result_of(claim, takes))
            assert run is not None
            self.finished(claim, run, [take for take in takes if take.error])
        self.look_again(claim.job_id)

    def finished(self, claim: Claim, run: Run, failed: list[Take]) -> None:
        job = self.jobs[claim.job_id]
        if failed and failed[0].retryable and run.attempt < MOST:
            run.status = "queued"
            return
        run.status = "succeeded"
        if failed:
            job.to_review = True
            self.adopt(claim.job_id)  # a run for the fallback speaker, perhaps
        before = job.status
        job.go_on()
        self.billed += before != "succeeded" and job.status == "succeeded"

    @precondition(lambda self: self.claims)
    @rule(at=ANY, retryable=st.booleans())
    def fail(self, at: int, retryable: bool) -> None:
        claim, run = self.held(at)
        with self.expecting(LeaseLost, when=run is None):
            self.work.fail(claim, StageFailed("Never.", code="model", retryable=retryable))
            assert run is not None
            self.failed(claim.job_id, claim.stage_run_id, retryable=retryable)
        self.look_again(claim.job_id)

    def failed(self, job_id: str, run_id: int, *, retryable: bool) -> None:
        job = self.jobs[job_id]
        run = job.runs[run_id]
        if retryable and run.attempt < MOST:
            run.status = "queued"
            return
        known = set(job.runs)
        run.status = "succeeded"
        self.adopt(job_id)
        if set(job.runs) > known:  # the fallback speaker is to speak what this run was to
            assert job.helped
            assert run.stage == "synthesize"
            job.to_review = True
        else:
            run.status = "failed"
            job.end("failed")

    @precondition(lambda self: self.claims)
    @rule(at=ANY)
    def release(self, at: int) -> None:
        claim, run = self.held(at)
        self.work.release(claim)
        if run:
            run.status, run.attempt, run.expired = "queued", run.attempt - 1, False

    # --- what keeps order ------------------------------------------------------------------------

    @rule()
    def sweep(self) -> None:
        self.studio.services.upkeep.sweep()
        for job_id, job in self.jobs.items():
            for run_id, run in list(job.runs.items()):
                if run.status == "running" and run.expired:
                    self.failed(job_id, run_id, retryable=True)
                    run.expired = False
            self.look_again(job_id)

    @rule()
    def dispatch(self) -> None:
        self.studio.services.upkeep.dispatch()
        assert self.rows("SELECT count(*) FROM outbox WHERE topic = 'wake'") == [(0,)]

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        if hasattr(self, "engine"):
            with self.engine.connect() as connection:
                assert list(broken(connection, None, ended=False)) == []

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        if not hasattr(self, "engine"):
            return
        found = {(job_id, status) for job_id, status in self.rows("SELECT id, status FROM jobs")}
        assert found == {(job_id, job.status) for job_id, job in self.jobs.items()}
        runs = set(self.rows("SELECT id, status, attempt, fence FROM stage_runs"))
        assert runs == {
            (run_id, run.status, run.attempt, run.fence)
            for job in self.jobs.values()
            for run_id, run in job.runs.items()
        }
        assert self.rows("SELECT count(*) FROM ledger") == [(self.billed,)]

    # --- how it is done --------------------------------------------------------------------------

    def pick(self, at: int) -> tuple[str, JobModel]:
        job_id = sorted(self.jobs)[at % len(self.jobs)]
        return job_id, self.jobs[job_id]

    def held(self, at: int) -> tuple[Claim, Run | None]:
        """One of all claims there ever were, and its run if it still owns it."""
        claim = self.claims[-1 - at % len(self.claims)]
        job = self.jobs.get(claim.job_id)
        run = job.runs.get(claim.stage_run_id) if job else None
        owns = run is not None and run.status == "running" and run.fence == claim.fence
        return claim, run if owns else None

    def adopt(self, job_id: str) -> None:
        """Note runs that are new."""
        sql = f"SELECT id, ordinal, stage, status FROM stage_runs WHERE job_id = '{job_id}'"
        for run_id, ordinal, stage, status in self.rows(sql):
            self.jobs[job_id].runs.setdefault(run_id, Run(ordinal, stage, status))

    def look_again(self, job_id: str) -> None:
        """Nobody waits for a backoff here."""
        self.execute(f"UPDATE stage_runs SET next_run_at = {LONG_AGO} WHERE status = 'queued'"
                     f" AND job_id = '{job_id}'")  # fmt: skip

    def expecting(self, error: type[Exception], *, when: bool) -> Any:
        return pytest.raises(error) if when else ExitStack()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    def execute(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(sql))


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_in_any_order(
    kind: str, prepared_home: Path, request: pytest.FixtureRequest
) -> None:
    template = ""
    if kind == "postgresql":
        need_server()
        template = request.getfixturevalue("postgresql_template")
    examples, steps = times(8, 500), times(30, 50)
    figures = Figures(f"state machine on {kind}", injected=examples * steps)
    machine = type("AnyLife", (Life,), {"kind": kind, "home": prepared_home, "template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not FULL,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # A mutant need not be explained.
            phases=[Phase.generate] if FORM == "mutant" else tuple(Phase),
        ),
    )
    figures.note = f"{examples} x {steps} steps"
    figures.write()
