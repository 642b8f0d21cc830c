"""Jobs as a customer sees them: submit, read, list, cancel, delete."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.errors import (
    Conflict,
    FieldError,
    InvalidRequest,
    NotFound,
    Unavailable,
    VoiceReelError,
)
from voicereel.domain.job import FINISHED, Fallback, Job, JobStatus, StageRun, StageView
from voicereel.domain.script import Script
from voicereel.domain.speakers import EngineInfo, Speaker
from voicereel.domain.speech_plan import speech_runs
from voicereel.ports import Clock, Page, Submission, Transaction, UnitOfWork
from voicereel.services.artifacts import ArtifactService
from voicereel.services.billing import bill
from voicereel.services.casting import Casting
from voicereel.services.estimating import cap_of
from voicereel.services.idempotency import Once, Reply, recall, remember, to_store
from voicereel.services.ids import new_id
from voicereel.services.limits import ScriptLimits, check_limits, check_spoken
from voicereel.services.pronouncing import Pronounced, Pronouncing
from voicereel.services.views import job_view


@dataclass(frozen=True, slots=True, kw_only=True)
class JobService:
    """Use cases on jobs; every one acts for the tenant of its principal."""

    work: UnitOfWork
    files: ArtifactService
    engines: Callable[[], Sequence[EngineInfo]]
    limits: ScriptLimits
    now: Clock
    pronouncing: Pronouncing

    def submit(
        self, principal: Principal, script: Script, *, once: Once | None, request_id: str, trace: str = ""
    ) -> Reply:
        """Accept a script: job, lines, stage runs, reply and wake-up in one commit, or nothing."""
        check_limits(script, self.limits)
        for attempt in range(3):  # a speaker may be deleted before the commit, default lexicons changed
            try:
                submission, reply = self._prepare(principal, script, once, request_id, trace)
            except VoiceReelError:
                # A first request may have been accepted when things stood better.
                replay = self._replay(principal, once)
                if replay is not None:
                    return replay
                if attempt == 0 and self.pronouncing.forget(principal.tenant_id):
                    continue
                raise
            with self.work.at_once() as tx:
                outcome = tx.jobs.accept(submission)
            if outcome == "accepted":
                return reply
            if outcome == "lexicons_changed":
                self.pronouncing.forget(principal.tenant_id)
            if outcome == "repeated" and (replay := self._replay(principal, once)):
                return replay
        raise Unavailable("The request could not be accepted just now; try again.")

    def _replay(self, principal: Principal, once: Once | None) -> Reply | None:
        if once is None:
            return None
        with self.work.reading() as tx:
            return recall(tx, principal.tenant_id, once)

    def _prepare(
        self, principal: Principal, script: Script, once: Once | None, request_id: str, trace: str
    ) -> tuple[Submission, Reply]:
        now = self.now()
        casting = self._casting(principal, now)
        said, fallback = self._said(principal, script, casting)
        records = said.records
        with self.work.reading() as tx:
            cap = cap_of(tx, principal, script, records, now=self.now)
        runs = tuple(speech_runs(script, records, casting.pools))
        job = Job(
            id=new_id("job"),
            tenant_id=principal.tenant_id,
            kind="speech",
            status="queued",
            created_at=now,
            title=script.title,
            language=script.language or records[0].controls.language or "en",
            output=script.output,
            captions=script.captions,
            bed=script.bed,
            qa=script.qa,
            retention_hours=script.retention_hours,
            key_id=principal.key_id,
            request_id=request_id,
            trace=trace,
            fallback=fallback,
            cast=script.cast,
            seed=script.seed,
            script_language=script.language,
            lexicons=said.lexicons,
            pronunciations=script.pronunciations,
            cap=cap,
            lines_total=len(records),
            warnings=(*said.warnings, *(warning for record in records for warning in record.warnings)),
            metadata=script.metadata,
        )
        view = job_view(replace(job, stages=_fresh_stages(runs)))
        reply = Reply(status=202, body=view, location=f"/v1/jobs/{job.id}")
        submission = Submission(
            job=job,
            lines=records,
            stage_runs=runs,
            event=("job.updated", view),
            once=to_store(once, reply),
            speaker_ids=frozenset(r.voice.speaker_id for r in records if r.voice.name is None),
            default_lexicons=said.defaults,
        )
        return submission, reply

    def cast(self, principal: Principal, script: Script) -> Pronounced:
        """Check a script as `submit` does; who says each of its lines, and how."""
        check_limits(script, self.limits)
        self.pronouncing.forget(principal.tenant_id)
        return self._said(principal, script, self._casting(principal, self.now()))[0]

    def _said(
        self, principal: Principal, script: Script, casting: Casting
    ) -> tuple[Pronounced, Fallback | None]:
        """Who says each line, and how; every bad field is named. And who helps out where that fails."""
        records, fallback = casting.cast(script)
        self._check_bed(principal, script)
        said = self.pronouncing.pronounce(principal.tenant_id, script, records, self.engines())
        check_spoken(said.records, self.limits)
        return said, fallback

    def _casting(self, principal: Principal, now: datetime) -> Casting:
        return Casting(
            partial(self._speaker, principal.tenant_id),
            self.engines(),
            now=now,
            tenant_fallback=principal.fallback,
        )

    def _check_bed(self, principal: Principal, script: Script) -> None:
        if script.bed is None:
            return
        with self.work.reading() as tx:
            source = tx.sources.get(script.bed.source_id, tenant_id=principal.tenant_id)
        if source is None:
            detail = "There is no such source; upload one with POST /v1/sources."
            raise InvalidRequest((FieldError("/bed/source", "unknown_source", detail),))

    def _speaker(self, tenant_id: str, speaker_id: str) -> Speaker | None:
        with self.work.reading() as tx:
            return tx.speakers.get(speaker_id, tenant_id=tenant_id)

    def get(self, principal: Principal, job_id: str) -> dict[str, Any]:
        """The job with fresh download URLs."""
        with self.work.reading() as tx:
            return self._view(speech_job(tx, principal, job_id))

    def _view(self, job: Job) -> dict[str, Any]:
        return job_view(job, self.files.outputs(job))

    def page(
        self,
        principal: Principal,
        *,
        limit: int,
        cursor: str | None,
        status: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Page[dict[str, Any]]:
        with self.work.reading() as tx:
            found = tx.jobs.page(
                principal.tenant_id,
                limit=limit,
                cursor=cursor,
                status=status,
                created_after=created_after,
                created_before=created_before,
            )
        return Page(data=tuple(self._view(job) for job in found.data), next_cursor=found.next_cursor)

    def cancel(self, principal: Principal, job_id: str, *, once: Once | None) -> Reply:
        """Stop a job at once: its runs' fences move on, so nothing more of it can be written."""
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            replay = recall(tx, principal.tenant_id, once)
            if replay:
                return replay
            job = speech_job(tx, principal, job_id)
            if job.status in FINISHED:
                raise Conflict("The job has already finished.", code="job_finished")
            end_job(tx, job, status="canceled")
            canceled = speech_job(tx, principal, job_id)
            return remember(tx, principal.tenant_id, once, Reply(status=200, body=self._view(canceled)))

    def approve(self, principal: Principal, job_id: str, *, once: Once | None) -> Reply:
        """Release a job that waits in `needs_review`: it succeeds as it is, and is billed."""
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            replay = recall(tx, principal.tenant_id, once)
            if replay:
                return replay
            job = speech_job(tx, principal, job_id)
            if job.status != "needs_review":
                raise Conflict("The job does not wait for review.", code="not_in_review")
            tx.jobs.approve(job_id, billable_ms=bill(tx, job, fence=tx.jobs.closing_fence(job_id)))
            approved = speech_job(tx, principal, job_id)
            tx.events.add(job_id, tenant_id=job.tenant_id, events=[("job.updated", job_view(approved))])
            return remember(tx, principal.tenant_id, once, Reply(status=200, body=self._view(approved)))

    def delete(self, principal: Principal, job_id: str) -> None:
        """Cancel a job if it runs, forget it, and remove its files."""
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            job = speech_job(tx, principal, job_id)
            forget_job(tx, job.tenant_id, job.id, reason="requested")


def speech_job(tx: Transaction, principal: Principal, job_id: str) -> Job:
    """A job of the caller's; `NotFound` also for what is no customer's, such as an enrolment."""
    job = tx.jobs.get(job_id, tenant_id=principal.tenant_id)
    if job is None or job.kind != "speech":
        raise NotFound("job")
    return job


def forget_job(tx: Transaction, tenant_id: str, job_id: str, *, reason: str) -> None:
    """Drop a job's rows; its files follow through the outbox, even if this process dies."""
    tx.jobs.delete(job_id)
    tx.events.forget_job(job_id)
    tx.events.add(job_id, tenant_id=tenant_id, events=[("job.deleted", {"id": job_id, "reason": reason})])
    tx.outbox.add("delete_files", {"prefix": f"{tenant_id}/{job_id}"})


def end_job(
    tx: Transaction,
    job: Job,
    *,
    status: JobStatus,
    error: Mapping[str, Any] | None = None,
    billable_ms: int | None = None,
) -> bool:
    """Close a job with its event; False when it was closed already."""
    tx.work.cancel(job.id)
    for key in tx.artifacts.drop(job.id, kind="mix"):
        # By far the largest file of a job, alone in its folder, and read by nothing that comes after.
        tx.outbox.add("delete_files", {"prefix": key.rpartition("/")[0]})
    if not tx.jobs.end(job.id, status=status, error=error, billable_ms=billable_ms):
        return False
    closed = tx.jobs.get(job.id, tenant_id=job.tenant_id)
    if closed is not None:
        tx.events.add(job.id, tenant_id=job.tenant_id, events=[("job.finished", job_view(closed))])
    return True


def _fresh_stages(runs: Sequence[StageRun]) -> tuple[StageView, ...]:
    names = dict.fromkeys(run.stage for run in runs)
    return tuple(StageView(name=name, status="queued", attempt=0, progress=0.0) for name in names)
