"""After a restore: jobs that the database knows and whose files the store has not."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from voicereel.domain.job import FINISHED, Job, StageRun
from voicereel.domain.plan import shard_lines
from voicereel.ports import ArtifactStore, Transaction, UnitOfWork
from voicereel.services.revisions import kept_lines, needs, revision_runs
from voicereel.services.views import job_view

# Nobody asks for these once their job has ended: they may have been removed while the copy was made.
_WORKING_KINDS = {"takes", "mix"}
_LAST_HEARD_S = 365 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """Ids of jobs that lack files: those that begin again, and those that cannot."""

    begun_again: tuple[str, ...]
    incomplete: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryService:
    """To be used while nothing else runs."""

    work: UnitOfWork
    store: ArtifactStore

    def begin_again_without_files(self) -> Recovered:
        """Have every unfinished speech job that lacks a file rendered anew.

        Left as it is, it would fail at the first stage that asks for the file; its script is all there, and
        nothing of it has been billed. What was finished, or was made from recordings that are gone, cannot
        be made again. `Unavailable` without a store: run it again.
        """
        begun_again: list[str] = []
        incomplete: list[str] = []
        for (tenant_id, job_id), lost in self._lost().items():
            with self.work.writing() as tx:
                # What is gone is nobody's cache, and no revision may count on it.
                tx.artifacts.forget(lost["takes"])
                if _begin_again(tx, tenant_id, job_id):
                    begun_again.append(job_id)
                elif lost.keys() - _WORKING_KINDS:
                    incomplete.append(job_id)
        return Recovered(begun_again=tuple(begun_again), incomplete=tuple(incomplete))

    def _lost(self) -> dict[tuple[str, str], dict[str, list[str]]]:
        """The keys of each job's files that are not there, by kind."""
        lost: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for tenant_id, job_id, kind, key in self._lost_files():
            lost[tenant_id, job_id][kind].append(key)
        return lost

    def _lost_files(self) -> Iterator[tuple[str, str, str, str]]:
        """Tenant, job, kind and key of each file that is not there; the store is listed once a tenant."""
        with self.work.reading() as tx:
            named = tx.artifacts.all_keys()
        for tenant_id, files in groupby(named, key=itemgetter(0)):
            there = {stored.key for stored in self.store.keys(tenant_id)}
            yield from ((tenant_id, job_id, kind, key) for _, job_id, kind, key in files if key not in there)


def _begin_again(tx: Transaction, tenant_id: str, job_id: str) -> bool:
    """As if no stage of it had run: its lines are cut into shards as they are cast by now."""
    tx.jobs.lock(job_id)
    job = tx.jobs.get(job_id, tenant_id=tenant_id)
    if job is None or job.kind != "speech" or job.status in FINISHED:
        return False
    if job.revision:
        _revise_again(tx, job)
        return True
    pools = tx.work.begin_again(job_id)
    tx.jobs.forget_made(job_id)
    records = tx.jobs.lines(job_id, words=False)
    engines = [record.voice.engine for record in records]
    for shard in shard_lines([len(record.line.text) for record in records], engines):
        payload = {"first": shard.first, "last": shard.last, "engine": shard.engine}
        pool = pools[shard.engine]
        tx.work.add_run(job_id, StageRun(stage="synthesize", shard=-1, ordinal=0, pool=pool, payload=payload))
    _tell(tx, job)
    return True


def _revise_again(tx: Transaction, job: Job) -> None:
    """As if no stage of this revision had run: those before it, and takes that are there, are kept."""
    made = (file for file in job.artifacts if file.revision == job.revision and file.kind != "takes")
    tx.artifacts.forget([file.key for file in made])
    records = tx.jobs.lines(job.id, words=False)
    spoken = needs(tx, job, records)
    for each in spoken:
        tx.drafts.write(job.id, replace(each.record, status="queued", error=None))
    kept = kept_lines(records, spoken)
    warnings = [warning for record in kept for warning in record.warnings]
    tx.drafts.recount(job.id, lines_done=len(kept), warnings=warnings)
    # Nothing runs: engines are where they were last heard of.
    pools = {engine.name: engine.pool for engine in tx.engines.up(within_s=_LAST_HEARD_S)}
    tx.work.plan(job.id, tuple(revision_runs(job, records, spoken, pools)))
    _tell(tx, job)


def _tell(tx: Transaction, job: Job) -> None:
    begun = tx.jobs.get(job.id, tenant_id=job.tenant_id)
    if begun is not None:
        tx.events.add(job.id, tenant_id=job.tenant_id, events=[("job.updated", job_view(begun))])
