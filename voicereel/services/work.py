"""Stage runs as a worker sees them: claim, heartbeat, complete, fail, release."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from voicereel.domain.errors import LeaseLost, Unavailable, VoiceReelError
from voicereel.domain.job import Artifact, Claim, Job, LineRecord, Result, Take
from voicereel.domain.sources import Source
from voicereel.domain.speakers import EngineInfo, Speaker
from voicereel.ports import ArtifactStore, CachedTake, Transaction, UnitOfWork
from voicereel.services.billing import bill
from voicereel.services.drafts import settle_draft
from voicereel.services.jobs import end_job
from voicereel.services.line_audio import audio_of
from voicereel.services.rescue import REVIEWED, have_spoken, rescue_run, waits_for_review
from voicereel.services.views import job_view, speaker_view, stage_view
from voicereel.telemetry import log

_LONGEST_BACKOFF_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkService:
    """What workers do to jobs. Every write is refused once its fence has moved on.

    Whatever touches more than one stage run of a job locks the job first: see `JobRepository.lock`.
    """

    work: UnitOfWork
    store: ArtifactStore
    lease_s: float
    keeps_takes: bool = True

    def claim(self, pool: str, *, worker_id: str) -> Claim | None:
        """The next due stage run of a pool, now owned by this worker; None when nothing is due."""
        with self.work.reading() as tx:
            if not tx.work.has_due(pool):
                return None
        with self.work.at_once() as tx:
            claim = tx.work.claim(pool, worker_id=worker_id, lease_s=self.lease_s)
        if claim is not None:
            # The claim stands by itself: what is only told of it may fail.
            with suppress(LeaseLost, Unavailable):
                self._announce_start(claim)
        return claim

    def _announce_start(self, claim: Claim) -> None:
        with self.work.writing() as tx:
            tx.jobs.lock(claim.job_id)
            if not tx.work.is_held(claim):
                raise LeaseLost("The run was canceled as it was claimed.")
            started = tx.jobs.start(claim.job_id)
            job = _job_of(tx, claim)
            events = [_stage_event(job, claim.stage)]
            if started:
                events.insert(0, ("job.updated", job_view(job)))
            tx.events.add(claim.job_id, tenant_id=claim.tenant_id, events=events)

    def heartbeat(self, claim: Claim, *, progress: float) -> bool:
        """Extend the lease; False means it is lost: stop the render and write nothing."""
        with self.work.at_once() as tx:
            held = tx.work.heartbeat(claim, lease_s=self.lease_s, progress=progress)
        if held and progress > 0:
            self._tell_progress(claim)
        return held

    def _tell_progress(self, claim: Claim) -> None:
        """A stage that takes long tells how far it is with each beat."""
        with suppress(LeaseLost, Unavailable), self.work.writing() as tx:
            # The beat does not wait for anybody: if others are at this job, they tell of it.
            if tx.jobs.try_lock(claim.job_id) and tx.work.is_held(claim):
                event = _stage_event(_job_of(tx, claim), claim.stage)
                tx.events.add(claim.job_id, tenant_id=claim.tenant_id, events=[event])

    def job(self, claim: Claim) -> Job:
        with self.work.reading() as tx:
            return _job_of(tx, claim)

    def lines(
        self, claim: Claim, *, first: int = 0, last: int | None = None, words: bool = True
    ) -> tuple[LineRecord, ...]:
        with self.work.reading() as tx:
            return tx.jobs.lines(claim.job_id, first=first, last=last, words=words)

    def artifacts(self, claim: Claim, *, kind: str) -> tuple[Artifact, ...]:
        """Files of this revision; of takes, those of all: a line that was kept has an earlier one."""
        with self.work.reading() as tx:
            found = tx.artifacts.of_job(claim.job_id, kind=kind)
        return tuple(each for each in found if kind == "takes" or each.revision == claim.revision)

    def previous(self, claim: Claim, *, kind: str) -> tuple[Artifact, ...]:
        """Files of the revision that is listened to until this one is there."""
        with self.work.reading() as tx:
            heard = _job_of(tx, claim).finished_revision
            found = tx.artifacts.of_job(claim.job_id, kind=kind)
        return tuple(each for each in found if each.revision == heard)

    def newest_billed(self, claim: Claim) -> int:
        with self.work.reading() as tx:
            return tx.ledger.newest_billed(claim.job_id)

    def cached(self, claim: Claim, fingerprints: Collection[str]) -> Mapping[str, CachedTake]:
        """Takes of the claim's tenant that may be used in place of new ones."""
        if not (self.keeps_takes and fingerprints):
            return {}
        with self.work.reading() as tx:
            return tx.takes.cached(claim.tenant_id, fingerprints)

    def speaker(self, claim: Claim) -> Speaker:
        """The speaker that an enrolment job is about."""
        with self.work.reading() as tx:
            speaker_id = _job_of(tx, claim).speaker_id
            speaker = tx.speakers.get(speaker_id or "", tenant_id=claim.tenant_id)
        if speaker is None:
            raise LeaseLost("The speaker was deleted.")
        return speaker

    def source(self, claim: Claim, source_id: str) -> Source | None:
        """A source of the job's tenant; None once it was deleted."""
        with self.work.reading() as tx:
            return tx.sources.get(source_id, tenant_id=claim.tenant_id)

    def complete(self, claim: Claim, result: Result) -> None:
        """Publish a run's result, move the job on, and bill it if that was the last: one commit.

        Lines that failed and may yet succeed keep the run alive, for them alone; lines that failed
        for good go to the fallback speaker where there is one.
        """
        with self.work.writing() as tx:
            tx.jobs.lock(claim.job_id)
            good, again = _sort_out(claim, result)
            if again:
                _try_again(tx, claim, again)
            elif not tx.work.finish(claim):
                raise LeaseLost("Another worker owns this stage run now.")
            good = have_spoken(tx, claim, good)
            tx.jobs.record(claim, good)
            tx.paces.note(good.heard)
            pools = tx.work.unblock_next(claim.job_id)
            if pools:
                tx.outbox.add("wake", {"pools": list(pools)})
            job = _job_of(tx, claim)
            events = [*_line_events(good.takes), _stage_event(job, claim.stage)]
            tx.events.add(claim.job_id, tenant_id=claim.tenant_id, events=events)
            _settle_enrolment(tx, job, result)
            if all(stage.status == "succeeded" for stage in job.stages):
                _succeed(tx, job, claim)

    def fail(self, claim: Claim, error: VoiceReelError) -> None:
        """Try a failed run again later, or end its job when that cannot help."""
        facts = {"code": error.code, "detail": error.detail, "measured": dict(error.measured)}
        with self.work.writing() as tx:
            again_in_s = backoff_s(claim.attempt) if error.retryable else None
            fail_run(tx, claim, facts, again_in_s=again_in_s)

    def release(self, claim: Claim) -> None:
        """Give a run back uncounted: this worker was asked to stop."""
        with self.work.writing() as tx:
            if tx.work.release(claim):
                tx.outbox.add("wake", {"pools": [claim.pool]})

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


def _job_of(tx: Transaction, claim: Claim) -> Job:
    job = tx.jobs.get(claim.job_id, tenant_id=claim.tenant_id)
    if job is None:
        raise LeaseLost("The job was deleted.")
    return job


def _stage_event(job: Job, name: str) -> tuple[str, Mapping[str, Any]]:
    return "stage.updated", next(stage_view(stage) for stage in job.stages if stage.name == name)


def _sort_out(claim: Claim, result: Result) -> tuple[Result, tuple[Take, ...]]:
    """What may be published, and the takes that are to be tried once more."""
    if claim.is_last_attempt:
        return result, ()
    again = tuple(take for take in result.takes if take.error and take.retryable)
    kept = tuple(take for take in result.takes if not (take.error and take.retryable))
    return replace(result, takes=kept), again


def _try_again(tx: Transaction, claim: Claim, takes: Sequence[Take]) -> None:
    """Put the run back in line for some of its lines only."""
    failed = {take.line_id for take in takes}
    payload = claim.payload
    lines = tx.jobs.lines(claim.job_id, first=payload["first"], last=payload["last"], words=False)
    only = [record.ordinal for record in lines if record.line.id in failed]
    error = {**(takes[0].error or {}), "measured": {}}
    held = tx.work.retry_later(
        claim, delay_s=backoff_s(claim.attempt), error=error, payload={**payload, "only": only}
    )
    if not held:
        raise LeaseLost("Another worker owns this stage run now.")


def backoff_s(attempt: int) -> float:
    """How long to wait after an attempt that failed: 2 s, 4 s, 8 s … five minutes at most."""
    return min(2.0**attempt, _LONGEST_BACKOFF_S)


def lost_backoff_s(attempt: int) -> float:
    """The same after a worker's death: once it may be anybody's fault, and nobody need wait for it."""
    return 0.0 if attempt == 1 else backoff_s(attempt - 1)


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
                "audio": audio_of(take),
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
    _tell_speaker(tx, job)


def _tell_speaker(tx: Transaction, job: Job) -> None:
    speaker = tx.speakers.get(job.speaker_id or "", tenant_id=job.tenant_id)
    if speaker is not None:
        tx.events.add(job.id, tenant_id=job.tenant_id, events=[("speaker.updated", speaker_view(speaker))])


def _succeed(tx: Transaction, job: Job, claim: Claim) -> None:
    """Close a job all of whose stages are done. Good lines only: it succeeds, and is billed."""
    if job.kind == "enroll":
        tx.jobs.end(job.id, status="succeeded")
        return
    settle_draft(tx, job)
    if any(warning.code in REVIEWED for warning in job.warnings) and waits_for_review(tx, job):
        end_job(tx, job, status="needs_review")
        return
    billable_ms = bill(tx, job, fence=claim.fence)
    end_job(tx, job, status="succeeded", billable_ms=billable_ms)


def fail_run(tx: Transaction, claim: Claim, error: Mapping[str, Any], *, again_in_s: float | None) -> None:
    """Put a run back in line, have another speaker help out, or end its job; in this order.

    ``again_in_s``: how long the run waits in line; None where to try again cannot help.
    """
    tx.jobs.lock(claim.job_id)
    if again_in_s is not None and tx.work.retry_later(claim, delay_s=again_in_s, error=error):
        event = _stage_event(_job_of(tx, claim), claim.stage)
        tx.events.add(claim.job_id, tenant_id=claim.tenant_id, events=[event])
        return
    job = _job_of(tx, claim)
    if rescue_run(tx, job, claim):
        log().info("stage_rescued", job_id=job.id, stage=claim.stage, code=error["code"])
        return
    if not tx.work.fail(claim, error=error):
        raise LeaseLost("Another worker owns this stage run now.")
    end_job(tx, job, status="failed", error=error)
    if job.speaker_id is not None:
        tx.speakers.settle(
            job.speaker_id,
            status="rejected",
            profile=None,
            reference=error["measured"] or None,
            error=error,
        )
        _tell_speaker(tx, job)
