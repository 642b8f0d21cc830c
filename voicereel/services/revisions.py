"""Revisions: the edits of a job's script are rendered, and nothing else of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.drafts import cast_of, script_sha256
from voicereel.domain.errors import Conflict
from voicereel.domain.job import Job, LineRecord, StageRun, TakeSource
from voicereel.domain.plan import shard_lines
from voicereel.domain.prices import amount_text
from voicereel.domain.quotes import Cap
from voicereel.domain.revisions import Revision, need_of
from voicereel.domain.script import Script
from voicereel.domain.speech_plan import speech_runs
from voicereel.ports import Beginning, Clock, Transaction, UnitOfWork
from voicereel.services.artifacts import ArtifactService
from voicereel.services.draft_casting import DraftCasting
from voicereel.services.drafts import check_draft, open_draft
from voicereel.services.idempotency import Once, Reply, recall, remember
from voicereel.services.jobs import speech_job
from voicereel.services.limits import ScriptLimits, check_limits
from voicereel.services.line_views import revision_view
from voicereel.services.revision_prices import RevisionPrice, price_revision
from voicereel.services.views import job_view


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A line that is to be spoken, and what its take will be."""

    record: LineRecord
    source: TakeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionService:
    work: UnitOfWork
    files: ArtifactService
    casting: DraftCasting
    limits: ScriptLimits
    now: Clock

    def estimate(self, principal: Principal, job_id: str) -> dict[str, Any]:
        """What the next revision would speak and cost. Refuses what that would be refused for, but for
        there being nothing to do: that costs nothing.
        """
        with self.work.reading() as tx:
            job, records = open_draft(tx, principal, job_id)
            spoken = self._spoken(tx, job, records)
            return revision_price_view(job, records, spoken, self._price(tx, job, records, spoken))

    def revise(
        self,
        principal: Principal,
        job_id: str,
        *,
        once: Once | None,
        request_id: str,
        trace: str = "",
        max_cost_micros: int | None = None,
    ) -> Reply:
        """Begin the next revision: only lines that changed are spoken. `Conflict` where none has.

        With ``max_cost_micros`` no more is billed; `InvalidRequest` where more might be.
        """
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            replay = recall(tx, principal.tenant_id, once)
            if replay:
                return replay
            job, records = open_draft(tx, principal, job_id)
            if script_sha256(records) == job.rendered_sha256:
                detail = "The script is as it was last rendered; edit a line first."
                raise Conflict(detail, code="nothing_changed")
            spoken = self._spoken(tx, job, records)
            cap = None
            if max_cost_micros is not None:
                self._price(tx, job, records, spoken).check(max_cost_micros)
                cap = Cap(max_cost_micros=max_cost_micros)
            self._begin(tx, principal, job, records, spoken, cap=cap, request_id=request_id, trace=trace)
            begun = speech_job(tx, principal, job_id)
            tx.events.add(job_id, tenant_id=job.tenant_id, events=[("job.updated", job_view(begun))])
            view = job_view(begun, self.files.outputs(begun))
            reply = Reply(status=202, body=view, location=f"/v1/jobs/{job_id}")
            return remember(tx, principal.tenant_id, once, reply)

    def _spoken(self, tx: Transaction, job: Job, records: Sequence[LineRecord]) -> tuple[Spoken, ...]:
        """What a script as it stands needs to be spoken; `InvalidRequest` where it keeps not to the rules."""
        check_draft(job, records)
        check_limits(Script(lines=tuple(record.line for record in records)), self.limits)
        return self._cast(tx, job, records)

    def _price(
        self, tx: Transaction, job: Job, records: Sequence[LineRecord], spoken: Sequence[Spoken]
    ) -> RevisionPrice:
        due = {each.record.line.id: each.record for each in spoken if each.source == "rendered"}
        return price_revision(tx, job, records, due, tx.ledger.prices(self.now()))

    def _cast(self, tx: Transaction, job: Job, records: Sequence[LineRecord]) -> tuple[Spoken, ...]:
        """The lines to be spoken, each by whoever may speak it now.

        A take that has to be made again is spoken as it was, as long as its speaker may still be used.
        """
        needed = needs(tx, job, records)
        if not needed:
            return ()
        cast = self.casting.cast_all(tx, job, [each.record for each in needed], cast_of(job.cast, records))
        pools = self.casting.pools()
        return tuple(
            each
            if each.source == "again" and each.record.voice.engine in pools
            else replace(
                each,
                record=replace(each.record.spoken(now.spoken_as), warnings=now.warnings),
            )
            for each, now in zip(needed, cast, strict=True)
        )

    def _begin(
        self,
        tx: Transaction,
        principal: Principal,
        job: Job,
        records: Sequence[LineRecord],
        spoken: Sequence[Spoken],
        *,
        cap: Cap | None,
        request_id: str,
        trace: str,
    ) -> None:
        kept = kept_lines(records, spoken)
        for each in spoken:
            tx.drafts.write(job.id, replace(each.record, status="queued", error=None))
        tx.drafts.begin(
            job.id,
            Beginning(
                lines_done=len(kept),
                lines_total=len(records),
                warnings=(
                    *self.casting.unused(job, records),
                    *(warning for record in kept for warning in record.warnings),
                ),
                cap=cap,
                key_id=principal.key_id,
                request_id=request_id,
                trace=trace,
            ),
        )
        pools = tx.work.plan(job.id, tuple(revision_runs(job, records, spoken, self.casting.pools())))
        tx.outbox.add("wake", {"pools": list(pools)})

    def page(
        self, principal: Principal, job_id: str, *, limit: int, before: int | None
    ) -> tuple[list[dict[str, Any]], int | None]:
        """``limit`` revisions, newest first, from below ``before``; and where the next page begins."""
        with self.work.reading() as tx:
            job = speech_job(tx, principal, job_id)
            found = [_current(job), *tx.drafts.revisions(job_id)]
        left = [each for each in found if before is None or each.number < before]
        views = [self._view(job, each) for each in left[:limit]]
        return views, left[limit - 1].number if len(left) > limit else None

    def _view(self, job: Job, revision: Revision) -> dict[str, Any]:
        heard = revision.status in ("succeeded", "needs_review")
        outputs = self.files.outputs_of(job, revision.number) if heard else None
        return revision_view(revision, outputs=outputs)


def revision_price_view(
    job: Job, records: Sequence[LineRecord], spoken: Sequence[Spoken], price: RevisionPrice
) -> dict[str, Any]:
    """As the JSON of the public API."""
    ids = {
        source: [each.record.line.id for each in spoken if each.source == source]
        for source in ("rendered", "again")
    }
    return {
        "revision": job.revision + 1,
        "currency": price.prices.currency,
        "price_version": price.prices.version,
        "expected": {"duration": asdict(price.duration), "amount": amount_text(price.expected_micros)},
        "at_most": {"billable_ms": price.at_most_ms, "amount": amount_text(price.most_micros)},
        "spoken_lines": [line_id for line_id in ids["rendered"] if line_id not in price.cached],
        "cached_lines": [line_id for line_id in ids["rendered"] if line_id in price.cached],
        "again_lines": ids["again"],
        "kept_lines": len(records) - len(spoken),
    }


def _current(job: Job) -> Revision:
    return Revision(
        number=job.revision,
        status=job.status,
        created_at=job.revised_at or job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        billable_ms=job.billable_ms,
        error=job.error,
    )


def needs(tx: Transaction, job: Job, records: Sequence[LineRecord]) -> tuple[Spoken, ...]:
    """The lines whose takes will not do, and why."""
    billed = tx.ledger.newest_billed(job.id)
    files = {file.id for file in tx.artifacts.of_job(job.id, kind="takes")}
    found = ((record, need_of(record, billed=billed, files=files)) for record in records)
    return tuple(Spoken(record=record, source=source) for record, source in found if source)


def kept_lines(records: Sequence[LineRecord], spoken: Sequence[Spoken]) -> list[LineRecord]:
    ids = {each.record.line.id for each in spoken}
    return [record for record in records if record.line.id not in ids]


def revision_runs(
    job: Job, records: Sequence[LineRecord], spoken: Sequence[Spoken], pools: Mapping[str, str]
) -> Iterator[StageRun]:
    """Every stage run of a revision: as of a new script, but that it speaks these lines alone.

    Where none is spoken the next stage is the first: ordinals begin at 0, which is what a tenant's place in
    line counts.
    """
    script = Script(lines=tuple(record.line for record in records), output=job.output, bed=job.bed)
    rest = [run for run in speech_runs(script, records, pools) if run.stage != "synthesize"]
    yield from _synthesis(spoken, pools)
    first = 0 if spoken else min(run.ordinal for run in rest)
    yield from (replace(run, ordinal=run.ordinal - first) for run in rest)


def _synthesis(spoken: Sequence[Spoken], pools: Mapping[str, str]) -> Iterator[StageRun]:
    """Shards of the lines to be spoken, wherever in the script they are."""
    records = [each.record for each in spoken]
    lengths = [len(record.line.text) for record in records]
    for number, shard in enumerate(shard_lines(lengths, [record.voice.engine for record in records])):
        part = spoken[shard.first : shard.last]
        ordinals = [each.record.ordinal for each in part]
        payload = {
            "first": ordinals[0],
            "last": ordinals[-1] + 1,
            "engine": shard.engine,
            "only": ordinals,
            "again": [each.record.ordinal for each in part if each.source == "again"],
        }
        yield StageRun(
            stage="synthesize", shard=number, ordinal=0, pool=pools.get(shard.engine, "cpu"), payload=payload
        )
