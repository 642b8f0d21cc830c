"""Stage runs as a worker sees them: claim, heartbeat, complete, fail, release; and the sweeper."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from voicereel.domain.errors import LeaseLost, VoiceReelError
from voicereel.domain.job import Artifact, Claim, Job, LineRecord, Result, Take
from voicereel.domain.speakers import EngineInfo, Speaker
from voicereel.ports import ArtifactStore, LedgerEntry, OutboxRow, StageQueue, Transaction, UnitOfWork
from voicereel.services.artifacts import ArtifactService
from voicereel.services.jobs import end_job, forget_job
from voicereel.services.views import job_view, stage_view

_PAGE = 200
_LONGEST_BACKOFF_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkService:
    """What workers and the sweeper do to jobs. Every write is refused once its fence moved on."""

    work: UnitOfWork
    store: ArtifactStore
    files: ArtifactService
    queue: StageQueue
    lease_s: float

    def claim(self, pool: str, *, worker_id: str) -> Claim | None:
        """The next due stage run of a pool, now owned by this worker; None when nothing is due."""
        with self.work.reading() as tx:
            if not tx.work.has_due(pool):
                return None
        with self.work.writing() as tx:
            claim = tx.work.claim(pool, worker_id=worker_id, lease_s=self.lease_s)
            if claim is not None:
                _announce_start(tx, claim)
        return claim

    def heartbeat(self, claim: Claim, *, progress: float) -> bool:
        """Extend the lease; False means it is lost: stop the render and write nothing."""
        with self.work.writing() as tx:
            held = tx.work.heartbeat(claim, lease_s=self.lease_s, progress=progress)
            if held and progress > 0:
                # A stage that takes long tells how far it is with each beat.
                tx.events.add(claim.job_id, events=[_stage_event(_job_of(tx, claim), claim.stage)])
            return held

    def job(self, claim: Claim) -> Job:
        with self.work.reading() as tx:
            return _job_of(tx, claim)

    def lines(
        self, claim: Claim, *, first: int = 0, last: int | None = None, words: bool = True
    ) -> tuple[LineRecord, ...]:
        with self.work.reading() as tx:
            return tx.jobs.lines(claim.job_id, first=first, last=last, words=words)

    def artifacts(self, claim: Claim, *, kind: str) -> tuple[Artifact, ...]:
        with self.work.reading() as tx:
            return tx.jobs.artifacts(claim.job_id, kind=kind)

    def speaker(self, claim: Claim) -> Speaker:
        """The speaker that an enrolment job is about."""
        with self.work.reading() as tx:
            speaker_id = _job_of(tx, claim).speaker_id
            speaker = tx.speakers.get(speaker_id or "", tenant_id=claim.tenant_id)
        if speaker is None:
            raise LeaseLost("The speaker was deleted.")
        return speaker

    def complete(self, claim: Claim, result: Result) -> None:
        """Publish a run's result, move the job on, and bill it if that was the last: one commit."""
        with self.work.writing() as tx:
            if not tx.work.finish(claim):
                raise LeaseLost("Another worker owns this stage run now.")
            tx.jobs.record(claim, result)
            pools = tx.work.unblock_next(claim.job_id)
            if pools:
                tx.outbox.add("wake", {"pools": list(pools)})
            job = _job_of(tx, claim)
            tx.events.add(claim.job_id, events=[*_line_events(result.takes), _stage_event(job, claim.stage)])
            _settle_enrolment(tx, job, result)
            if tx.jobs.is_done(claim.job_id):
                _succeed(tx, job, claim)

    def fail(self, claim: Claim, error: VoiceReelError) -> None:
        """Try a failed run again later, or end its job when that cannot help."""
        facts = {"code": error.code, "detail": error.detail, "measured": dict(error.measured)}
        with self.work.writing() as tx:
            _fail(tx, claim, facts, retryable=error.retryable)

    def release(self, claim: Claim) -> None:
        """Give a run back uncounted: this worker was asked to stop."""
        with self.work.writing() as tx:
            tx.work.release(claim)

    def release_workers(self, worker_prefix: str) -> int:
        """Make due what dead workers of this machine held, and stop offering their engines."""
        with self.work.writing() as tx:
            tx.engines.withdraw_all(worker_prefix)
            return tx.work.release_workers(worker_prefix)

    def advertise(self, worker_id: str, *, pool: str, infos: Sequence[EngineInfo]) -> None:
        with self.work.writing() as tx:
            tx.engines.advertise(worker_id, pool=pool, infos=infos)

    def withdraw(self, worker_id: str) -> None:
        with self.work.writing() as tx:
            tx.engines.withdraw(worker_id)

    def sweep(self) -> None:
        """Mend and tidy: lost leases, wake-ups, files and jobs to delete. Idempotent."""
        self._requeue_lost()
        self._dispatch()
        self.files.collect()
        self._expire()

    def _requeue_lost(self) -> None:
        """A transaction each: one run that cannot be mended must not keep the others."""
        error = {"code": "worker_lost", "detail": "The worker stopped answering.", "measured": {}}
        with self.work.reading() as tx:
            lost = tx.work.lost(_PAGE)
        for claim in lost:
            with suppress(LeaseLost), self.work.writing() as tx:
                if tx.work.is_lost(claim):  # it may have beaten once more since
                    _fail(tx, claim, error, retryable=True)

    def _dispatch(self) -> None:
        """Hand wake-ups to the queue, then forget them: a crash in between wakes twice."""
        while rows := self._pending_wakes():
            self.queue.wake(sorted({pool for row in rows for pool in row.payload["pools"]}))
            with self.work.writing() as tx:
                tx.outbox.done([row.id for row in rows])

    def _pending_wakes(self) -> Sequence[OutboxRow]:
        with self.work.reading() as tx:
            return tx.outbox.pending("wake", limit=_PAGE)

    def _expire(self) -> None:
        with self.work.writing() as tx:
            tx.accounts.forget_replies()
            tx.engines.forget_silent()
            for tenant_id, job_id in tx.jobs.expired(_PAGE):
                forget_job(tx, tenant_id, job_id)


def _job_of(tx: Transaction, claim: Claim) -> Job:
    job = tx.jobs.get(claim.job_id, tenant_id=claim.tenant_id)
    if job is None:
        raise LeaseLost("The job was deleted.")
    return job


def _announce_start(tx: Transaction, claim: Claim) -> None:
    started = tx.jobs.start(claim.job_id)
    job = _job_of(tx, claim)
    events = [_stage_event(job, claim.stage)]
    if started:
        events.insert(0, ("job.updated", job_view(job)))
    tx.events.add(claim.job_id, events=events)


def _stage_event(job: Job, name: str) -> tuple[str, Mapping[str, Any]]:
    return "stage.updated", next(stage_view(stage) for stage in job.stages if stage.name == name)


def _line_events(takes: Sequence[Take]) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (
            "line.finished",
            {
                "id": take.line_id,
                "status": "failed" if take.error else "succeeded",
                "duration_ms": take.duration_ms,
                "warnings": [
                    {"code": w.code, "pointer": w.pointer, "detail": w.detail} for w in take.warnings
                ],
                "error": take.error,
            },
        )
        for take in takes
    ]


def _settle_enrolment(tx: Transaction, job: Job, result: Result) -> None:
    if job.speaker_id is None or (result.profile is None and result.reference is None):
        return
    tx.speakers.settle(
        job.speaker_id,
        status="ready" if result.profile is not None else "processing",
        profile=result.profile,
        reference=result.reference,
        error=None,
    )


def _succeed(tx: Transaction, job: Job, claim: Claim) -> None:
    """Close a job all of whose stages are done. Good lines only: it succeeds, and is billed."""
    if job.kind == "enroll":
        tx.jobs.end(job.id, status="succeeded")
        return
    if any(record.error for record in tx.jobs.lines(job.id, words=False)):
        end_job(tx, job, status="needs_review")
        return
    billable_ms = max(a.facts["duration_ms"] for a in job.artifacts if a.kind == "audio")
    entry = LedgerEntry(
        tenant_id=job.tenant_id,
        job_id=job.id,
        revision=job.revision,
        kind="render",
        billable_ms=billable_ms,
        fence=claim.fence,
    )
    tx.jobs.bill(entry)
    end_job(tx, job, status="succeeded", billable_ms=billable_ms)


def _fail(tx: Transaction, claim: Claim, error: Mapping[str, Any], *, retryable: bool) -> None:
    delay_s = min(2.0**claim.attempt, _LONGEST_BACKOFF_S)
    if retryable and tx.work.retry_later(claim, delay_s=delay_s, error=error):
        tx.events.add(claim.job_id, events=[_stage_event(_job_of(tx, claim), claim.stage)])
        return
    if not tx.work.fail(claim, error=error):
        raise LeaseLost("Another worker owns this stage run now.")
    job = _job_of(tx, claim)
    end_job(tx, job, status="failed", error=error)
    if job.speaker_id is not None:
        tx.speakers.settle(
            job.speaker_id,
            status="rejected",
            profile=None,
            reference=error["measured"] or None,
            error=error,
        )
