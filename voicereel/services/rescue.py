"""The fallback speaker: who speaks the lines that their own engine fails at for good."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from voicereel.domain.checks import LINE_SUSPECT
from voicereel.domain.errors import LeaseLost
from voicereel.domain.job import Claim, Fallback, Job, LineRecord, Result, StageRun
from voicereel.domain.script import Warn
from voicereel.ports import Transaction
from voicereel.services.casting import FALLBACK_WARNING, spoken_by

# A person is to hear a job with one of these before it counts as done.
LINE_FAILED = "line_failed"
REVIEWED = frozenset({FALLBACK_WARNING, LINE_FAILED, LINE_SUSPECT})


def have_spoken(tx: Transaction, claim: Claim, result: Result) -> Result:
    """Hand the lines that failed to the fallback speaker; what is left of the result, each failure named."""
    errors = {take.line_id: take.error for take in result.takes if take.error}
    job = tx.jobs.get(claim.job_id, tenant_id=claim.tenant_id) if errors else None
    if job is None:
        return result
    failed = [record for record in _lines_of(tx, claim) if record.line.id in errors]
    rescued = [record for record in failed if job.fallback and job.fallback.can_speak(record)]
    if rescued and job.fallback:
        _recast(tx, job, job.fallback, rescued, again=claim.payload.get("again", ()))
    ids = {record.line.id for record in rescued}
    lost = [record for record in failed if record.line.id not in ids]
    return replace(
        result,
        takes=tuple(take for take in result.takes if take.line_id not in ids),
        warnings=(*result.warnings, *(_named(record, errors[record.line.id]) for record in lost)),
    )


def _named(record: LineRecord, error: Mapping[str, Any]) -> Warn:
    return Warn(code=LINE_FAILED, pointer=f"/lines/{record.ordinal}", detail=error["detail"])


def rescue_run(tx: Transaction, job: Job, claim: Claim) -> bool:
    """Close a run that failed as a whole, if the fallback speaker can speak all that it was to speak."""
    if not _all_can_be_spoken(tx, job, claim):
        return False
    if not tx.work.finish(claim):
        raise LeaseLost("Another worker owns this stage run now.")
    _hand_over(tx, job, claim)
    return True


def rescue_stranded(tx: Transaction, claim: Claim) -> bool:
    """The same for a run that waits where no worker is."""
    tx.jobs.lock(claim.job_id)
    job = tx.jobs.get(claim.job_id, tenant_id=claim.tenant_id)
    if job is None or not _all_can_be_spoken(tx, job, claim) or not tx.work.give_up(claim):
        return False
    _hand_over(tx, job, claim)
    return True


def _all_can_be_spoken(tx: Transaction, job: Job, claim: Claim) -> bool:
    if job.fallback is None or claim.stage != "synthesize":
        return False
    return all(job.fallback.can_speak(record) for record in _lines_of(tx, claim))


def _hand_over(tx: Transaction, job: Job, claim: Claim) -> None:
    if job.fallback is not None:
        _recast(tx, job, job.fallback, _lines_of(tx, claim), again=claim.payload.get("again", ()))


def _lines_of(tx: Transaction, claim: Claim) -> Sequence[LineRecord]:
    """The lines a synthesize run is to speak."""
    payload = claim.payload
    if claim.stage != "synthesize":
        return ()
    found = tx.jobs.lines(claim.job_id, first=payload["first"], last=payload["last"], words=False)
    only = payload.get("only")
    return [record for record in found if only is None or record.ordinal in only]


def _recast(
    tx: Transaction, job: Job, fallback: Fallback, records: Sequence[LineRecord], *, again: Sequence[int]
) -> None:
    """``again`` are ordinals of lines whose takes are not billed a second time, whoever speaks them."""
    recast = [spoken_by(fallback, record) for record in records]
    tx.jobs.recast(job.id, recast)
    tx.jobs.warn(job.id, [record.warnings[-1] for record in recast])
    ordinals = [record.ordinal for record in recast]
    payload = {
        "first": min(ordinals),
        "last": max(ordinals) + 1,
        "only": ordinals,
        "engine": fallback.voice.engine,
        **({"again": [at for at in ordinals if at in again]} if again else {}),
    }
    run = StageRun(stage="synthesize", shard=-1, ordinal=0, pool=fallback.pool, payload=payload)
    tx.work.add_run(job.id, run)
    tx.outbox.add("wake", {"pools": [fallback.pool]})


def waits_for_review(tx: Transaction, job: Job) -> bool:
    """Whether a person is still to hear something of a job that was not approved before."""
    found = [warning for warning in job.warnings if warning.code in REVIEWED]
    if not found or not job.revision:
        return bool(found)
    # Whoever approved a revision has heard every take of it.
    heard = tx.ledger.newest_billed(job.id)
    takes = {record.ordinal: record.take for record in tx.jobs.lines(job.id, words=False)}
    return any(take is None or take.revision > heard for take in (takes.get(_line_of(w)) for w in found))


def _line_of(warning: Warn) -> int:
    return int(warning.pointer.split("/")[2])
