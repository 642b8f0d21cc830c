"""What keeps the service in order: lost work, wake-ups, and all that is to be removed in time."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from voicereel.domain.errors import LeaseLost, Unavailable, VoiceReelError
from voicereel.domain.pace import Pace, PaceKey
from voicereel.ports import ArtifactStore, Clock, StageQueue, StoredKey, UnitOfWork
from voicereel.services.artifacts import ArtifactService
from voicereel.services.jobs import forget_job
from voicereel.services.rescue import rescue_stranded
from voicereel.services.takes import TakeCache
from voicereel.services.work import fail_run, lost_backoff_s
from voicereel.telemetry import log, metrics

_PAGE = 200
_UNTAKEN_S = 30.0
_STRANDED_S = 60.0
_DELETIONS_TOLD_S = 30 * 24 * 3600.0
# Longer than any job is kept that may yet ask for it.
_LEXICONS_KEPT_S = 400 * 24 * 3600.0
_LOST = {"code": "worker_lost", "detail": "The worker stopped answering.", "measured": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long files are kept that nobody asks for again. ``originals_days`` 0: with their speaker."""

    intermediates_hours: float = 24.0
    originals_days: float = 0.0
    orphans_hours: float = 24.0


@dataclass(kw_only=True)
class UpkeepService:
    """Run by anybody, any number of times, by several at once: every step is idempotent."""

    work: UnitOfWork
    store: ArtifactStore
    files: ArtifactService
    queue: StageQueue
    retention: Retention
    cache: TakeCache
    now: Clock
    _walk: Iterator[StoredKey] | None = field(default=None)
    _most: int = field(default=_PAGE)

    def dispatch(self) -> int:
        """Hand wake-ups to the queue, then forget them; how many. A crash in between wakes twice."""
        count = 0
        while published := self._dispatch_page():
            count += published
        return count

    def _dispatch_page(self) -> int:
        # A page that a slow broker does not take before the database gives up on us would be told of again
        # and again: the next one is smaller until one gets through.
        most, self._most = self._most, max(1, self._most // 4)
        with self.work.writing() as tx:
            rows = tx.outbox.take("wake", limit=most)
            pools = [pool for row in rows for pool in row.payload["pools"]]
            if pools:
                self.queue.wake(pools)
            tx.outbox.done([row.id for row in rows])
        self._most = min(_PAGE, most * 2)
        metrics.published("wake", len(pools))
        return len(rows)

    def outdate_all(self) -> int:
        """After a restore: whoever still works on what was before it must find that it has lost."""
        with self.work.writing() as tx:
            return tx.work.outdate_all()

    def sweep(self) -> None:
        """Mend and tidy, a page of each kind of thing; one that fails does not keep the others."""
        for step in (
            self._requeue_lost,
            self._rescue_stranded,
            self._redispatch,
            self.files.collect,
            self._expire,
            self._drop_intermediates,
            self.cache.evict,
            self._drop_originals,
            self._collect_orphans,
            self._learn_paces,
        ):
            name = step.__name__.strip("_")
            try:
                step()
            except VoiceReelError as error:
                log().warning("sweep_failed", step=name, code=error.code)
            except Exception as error:  # noqa: BLE001 - a bug in one step must not keep the others
                log().error("sweep_crashed", step=name, exc_info=error)

    def _requeue_lost(self) -> None:
        """A transaction each: one run that cannot be mended must not keep the others."""
        with self.work.reading() as tx:
            lost = tx.work.lost(_PAGE)
        for claim in lost:
            with suppress(LeaseLost, Unavailable), self.work.writing() as tx:
                # Nobody is waited for: who holds the job may be what stopped. It is looked at again.
                if tx.jobs.try_lock(claim.job_id) and tx.work.is_lost(claim):
                    fail_run(tx, claim, _LOST, again_in_s=lost_backoff_s(claim.attempt))
                    metrics.stage_finished(claim.stage, claim.pool, "lost", 0.0, claim.attempt)

    def _rescue_stranded(self) -> None:
        with self.work.reading() as tx:
            stranded = tx.work.stranded(after_s=_STRANDED_S, limit=_PAGE)
        for claim in stranded:
            with suppress(Unavailable), self.work.writing() as tx:
                rescue_stranded(tx, claim)

    def _redispatch(self) -> None:
        """Wake-ups may be lost, and a retry's time may have come: tell of them (again)."""
        with self.work.writing() as tx:
            pools = tx.work.redispatch(after_s=_UNTAKEN_S, limit=_PAGE)
            if pools:
                # One a pool: whoever is woken goes on until nothing is due, and a queue that nobody reads
                # must not grow.
                tx.outbox.add("wake", {"pools": sorted(set(pools))})

    def _expire(self) -> None:
        with self.work.writing() as tx:
            tx.accounts.forget_replies()
            tx.engines.forget_silent()
            tx.quotes.forget_old()
        with self.work.writing() as tx:
            tx.events.forget_old(older_than_s=_DELETIONS_TOLD_S)
            tx.lexicons.forget_deleted(older_than_s=_LEXICONS_KEPT_S)
        with self.work.reading() as tx:
            expired = tx.jobs.expired(_PAGE)
        for tenant_id, job_id in expired:
            with suppress(Unavailable), self.work.writing() as tx:
                # Asked again under the lock: it may have been approved since, and be kept anew.
                if tx.jobs.lock(job_id) and tx.jobs.is_expired(job_id):
                    forget_job(tx, tenant_id, job_id, reason="retention")

    def _drop_intermediates(self) -> None:
        hours = self.retention.intermediates_hours
        with self.work.reading() as tx:
            found = tx.artifacts.jobs_with_intermediates(older_than_s=hours * 3600, limit=_PAGE)
        for tenant_id, job_id in found:
            self._drop(tenant_id, job_id, ("takes", "mix"))

    def _drop_originals(self) -> None:
        if not self.retention.originals_days:
            return
        older_than_s = self.retention.originals_days * 24 * 3600
        with self.work.reading() as tx:
            found = tx.artifacts.jobs_with_originals(older_than_s=older_than_s, limit=_PAGE)
        for tenant_id, job_id in found:
            self._drop(tenant_id, job_id, ("sample", "reference"))

    def _drop(self, tenant_id: str, job_id: str, kinds: tuple[str, ...]) -> None:
        """Remove files of some kinds, and say so."""
        with suppress(Unavailable), self.work.writing() as tx:
            if not tx.jobs.lock(job_id):
                return
            keys = [key for kind in kinds for key in tx.artifacts.drop(job_id, kind=kind)]
            for key in keys:
                tx.outbox.add("delete_files", {"key": key})
            event = ("files.deleted", {"id": job_id, "kinds": list(kinds), "files": len(keys)})
            tx.events.add(job_id, tenant_id=tenant_id, events=[event])

    def _learn_paces(self) -> None:
        """Add what runs have heard to what is known of voices, and of all stock voices of an engine."""
        with self.work.reading() as tx:
            if not tx.paces.has_news():
                return
        with self.work.writing() as tx:
            news: dict[PaceKey, Pace] = defaultdict(Pace)
            for key, pace in tx.paces.take_news(_PAGE):
                news[key] += pace
                if not key.tenant_id:
                    news[key.of_engine] += pace
            tx.paces.add(news)

    def _collect_orphans(self) -> None:
        """Remove files that no row names; a page of the store a call, from where the last one ended."""
        if self._walk is None:
            self._walk = self.store.keys()
        page = list(islice(self._walk, _PAGE))
        if len(page) < _PAGE:
            self._walk = None
        # Younger ones may belong to a stage run that is about to commit.
        latest = self.now() - timedelta(hours=self.retention.orphans_hours)
        old = [stored.key for stored in page if stored.modified_at < latest]
        if old:
            with self.work.reading() as tx:
                orphans = tx.artifacts.unknown_keys(old)
            for key in sorted(orphans):
                self.store.delete(key)
            if orphans:
                log().info("orphans_removed", files=len(orphans))
