"""Speakers: enroll from recordings, read, list, rename, delete."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from voicereel.domain.account import Principal
from voicereel.domain.errors import FieldError, InvalidRequest, NotFound, Unavailable
from voicereel.domain.job import Artifact, Job, StageRun
from voicereel.domain.plan import PLANS
from voicereel.domain.speakers import ENGINE_UP_S, Consent, EngineInfo, Speaker
from voicereel.ports import ArtifactStore, Clock, Page, StoredFile, Submission, Transaction, UnitOfWork
from voicereel.services.artifacts import ArtifactService
from voicereel.services.idempotency import Once, Reply, recall, to_store
from voicereel.services.ids import new_id
from voicereel.services.jobs import forget_job
from voicereel.services.views import capabilities_of, speaker_view
from voicereel.telemetry import traces

_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What a customer sends to enroll a speaker, but for the recordings themselves."""

    name: str
    language: str
    consent: Consent
    transcript: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One recording. ``kind`` is what its first bytes promise it to be."""

    kind: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerService:
    """Use cases on speakers; every one acts for the tenant of its principal."""

    work: UnitOfWork
    store: ArtifactStore
    files: ArtifactService
    now: Clock
    engine: str
    max_sample_bytes: int

    def enroll(
        self,
        principal: Principal,
        enrolment: Enrolment,
        samples: Sequence[Sample],
        *,
        once: Once | None,
        request_id: str,
    ) -> Reply:
        """Accept recordings: stored first, then speaker, job and reply in one commit."""
        with self.work.reading() as tx:
            replay = recall(tx, principal.tenant_id, once)
        if replay:
            return replay
        self._check_consent(enrolment.consent)
        job_id = new_id("job")
        with ExitStack() as undo:
            undo.callback(self._forget_files, f"{principal.tenant_id}/{job_id}")
            files = [*self._store(principal.tenant_id, job_id, samples)]
            _refuse_repeats(files)
            try:
                reply = self._accept(
                    principal, enrolment, files, job_id=job_id, once=once, request_id=request_id
                )
            except Unavailable:
                # Perhaps it was committed and only the answer is lost; if not, these are orphans.
                undo.pop_all()
                raise
            if not reply.replayed:
                undo.pop_all()
        return reply

    def _forget_files(self, prefix: str) -> None:
        """Remove what no row will name; what cannot be removed now is collected as orphans."""
        with suppress(Unavailable):
            self.store.delete_under(prefix)

    def _check_consent(self, consent: Consent) -> None:
        """Recordings of a person are not even stored without a consent that holds now."""
        now, errors = self.now(), []
        if consent.expires_at is not None and consent.expires_at <= now:
            detail = "The consent has expired."
            errors.append(FieldError("/consent/expires_at", "consent_expired", detail))
        if consent.attested_at > now + _CLOCKS_DIFFER:
            detail = "This lies in the future."
            errors.append(FieldError("/consent/attested_at", "attested_in_future", detail))
        if errors:
            raise InvalidRequest(tuple(errors))

    def _store(self, tenant_id: str, job_id: str, samples: Sequence[Sample]) -> Iterator[Artifact]:
        for index, sample in enumerate(samples):
            key = f"{tenant_id}/{job_id}/samples/{index}.{sample.kind}"
            stored = self.store.put_stream(key, sample.stream, max_bytes=self.max_sample_bytes)
            yield _sample_artifact(tenant_id, job_id, key, stored)

    def _accept(
        self,
        principal: Principal,
        enrolment: Enrolment,
        files: Sequence[Artifact],
        *,
        job_id: str,
        once: Once | None,
        request_id: str,
    ) -> Reply:
        with self.work.writing() as tx:
            engine = self._engine(tx, enrolment.language)
            speaker = self._speaker(principal, enrolment, engine)
            job = _enrolment_job(speaker, job_id=job_id, key_id=principal.key_id, request_id=request_id)
            view = speaker_view(speaker)
            reply = Reply(status=202, body=view, location=f"/v1/speakers/{speaker.id}")
            submission = Submission(
                job=job,
                lines=(),
                stage_runs=_enrolment_runs(engine),
                event=("speaker.updated", view),
                once=to_store(once, reply),
            )
            if tx.jobs.accept(submission) == "repeated":
                return recall(tx, principal.tenant_id, once) or reply
            for artifact in files:
                tx.artifacts.add(artifact, stage_run_id=None, fence=0)
            tx.speakers.add(speaker, job_id=job_id)
            return reply

    def _engine(self, tx: Transaction, language: str) -> EngineInfo:
        up = {engine.name: engine for engine in tx.engines.up(within_s=ENGINE_UP_S)}
        if self.engine not in up:
            raise Unavailable(
                "The engine that enrolls speakers is not up; try again shortly.", code="no_engine"
            )
        engine = up[self.engine]
        if not engine.speaks(language):
            detail = f"The engine '{engine.name}' does not speak '{language}'."
            raise InvalidRequest((FieldError("/language", "language_not_supported", detail),))
        return engine

    def _speaker(self, principal: Principal, enrolment: Enrolment, engine: EngineInfo) -> Speaker:
        return Speaker(
            id=new_id("spk"),
            tenant_id=principal.tenant_id,
            name=enrolment.name,
            language=enrolment.language,
            status="processing",
            engine=engine.name,
            consent=enrolment.consent,
            created_at=self.now(),
            transcript=enrolment.transcript,
            capabilities=capabilities_of(engine),
        )

    def get(self, principal: Principal, speaker_id: str) -> Speaker:
        with self.work.reading() as tx:
            speaker = tx.speakers.get(speaker_id, tenant_id=principal.tenant_id)
        if speaker is None:
            raise NotFound("speaker")
        return speaker

    def page(
        self, principal: Principal, *, limit: int, cursor: str | None, status: str | None = None
    ) -> Page[Speaker]:
        with self.work.reading() as tx:
            return tx.speakers.page(principal.tenant_id, limit=limit, cursor=cursor, status=status)

    def rename(self, principal: Principal, speaker_id: str, name: str) -> Speaker:
        with self.work.writing() as tx:
            if not tx.speakers.rename(speaker_id, tenant_id=principal.tenant_id, name=name):
                raise NotFound("speaker")
        return self.get(principal, speaker_id)

    def delete(self, principal: Principal, speaker_id: str) -> None:
        """Forget a speaker and everything derived from its recordings."""
        with self.work.writing() as tx:
            job_id = tx.speakers.enrolment(speaker_id, tenant_id=principal.tenant_id)
            if job_id is None:
                raise NotFound("speaker")
            # The job before the speaker, as whoever ends the enrolment does.
            tx.jobs.lock(job_id)
            tx.speakers.delete(speaker_id, tenant_id=principal.tenant_id)
            forget_job(tx, principal.tenant_id, job_id, reason="requested")


def _refuse_repeats(files: Sequence[Artifact]) -> None:
    """The same recording twice is not twice as much to learn from."""
    seen = [file.sha256 for file in files]
    errors = tuple(
        FieldError(f"/samples/{index}", "repeated", "This recording is given twice.")
        for index, sha256 in enumerate(seen)
        if sha256 in seen[:index]
    )
    if errors:
        raise InvalidRequest(errors)


def _sample_artifact(tenant_id: str, job_id: str, key: str, stored: StoredFile) -> Artifact:
    return Artifact(
        id=new_id("art"),
        tenant_id=tenant_id,
        job_id=job_id,
        kind="sample",
        name=key.rpartition("/")[2],
        key=key,
        media_type="application/octet-stream",
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
    )


def _enrolment_job(speaker: Speaker, *, job_id: str, key_id: str, request_id: str) -> Job:
    return Job(
        id=job_id,
        tenant_id=speaker.tenant_id,
        kind="enroll",
        status="queued",
        created_at=speaker.created_at,
        language=speaker.language,
        speaker_id=speaker.id,
        key_id=key_id,
        request_id=request_id,
        trace=traces.current(),
    )


def _enrolment_runs(engine: EngineInfo) -> tuple[StageRun, ...]:
    """Only what the engine itself does needs its pool."""
    return tuple(
        StageRun(
            stage=stage.name,
            shard=0,
            ordinal=ordinal,
            pool=engine.pool if stage.name == "enroll" else stage.pool,
        )
        for ordinal, stage in enumerate(PLANS["enroll"])
    )
