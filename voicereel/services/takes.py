"""The take cache: what was spoken once is kept with its job, as far as a tenant's share of the store goes."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from voicereel.domain.errors import Unavailable
from voicereel.ports import Clock, UnitOfWork
from voicereel.telemetry import log, metrics

_PAGE = 200
# The sums are read this often: a limit that is passed for a minute harms nobody.
_LOOKED_EACH = timedelta(minutes=1)


@dataclass(kw_only=True)
class TakeCache:
    """Keeps the takes of each tenant within ``most_bytes``; those used longest ago go first."""

    work: UnitOfWork
    most_bytes: int
    now: Clock
    _looked_at: datetime | None = field(default=None)

    def evict(self) -> None:
        """Remove what is too much, once a minute; a page a tenant, the rest next time."""
        now = self.now()
        if self._looked_at is not None and now - self._looked_at < _LOOKED_EACH:
            return
        self._looked_at = now
        with self.work.reading() as tx:
            sizes = tx.takes.sizes()
        metrics.take_cache_bytes(sum(tenant.size_bytes for tenant in sizes))
        for tenant in sizes:
            if tenant.size_bytes > self.most_bytes:
                self._evict(tenant.tenant_id, tenant.size_bytes - self.most_bytes)

    def _evict(self, tenant_id: str, excess_bytes: int) -> None:
        with self.work.reading() as tx:
            oldest = tx.takes.oldest(tenant_id, limit=_PAGE)
        evicted = 0
        for file in oldest:
            if excess_bytes <= 0:
                break
            if self._remove(tenant_id, file.job_id, file.artifact_id):
                excess_bytes -= file.size_bytes
                evicted += 1
        if evicted:
            metrics.takes_evicted(evicted)
            log().info("takes_evicted", tenant_id=tenant_id, files=evicted)

    def _remove(self, tenant_id: str, job_id: str, artifact_id: str) -> bool:
        """Only while its job rests: a revision counts on what it has found."""
        with suppress(Unavailable), self.work.writing() as tx:
            if not tx.jobs.lock(job_id):
                return False
            key = tx.takes.evict(job_id, artifact_id)
            if key is None:
                return False
            tx.outbox.add("delete_files", {"key": key})
            event = ("files.deleted", {"id": job_id, "kinds": ["takes"], "files": 1})
            tx.events.add(job_id, tenant_id=tenant_id, events=[event])
            return True
        return False
