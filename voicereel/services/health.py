"""How the service does, for those who run it: one look at everything, and figures for Prometheus."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from voicereel.domain.errors import Unavailable
from voicereel.ports import ArtifactStore, Backlog, UnitOfWork
from voicereel.services.catalogue import CatalogueService
from voicereel.telemetry import machine
from voicereel.telemetry.metrics import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Which revision a database is at, and which one this version of the service needs."""

    found: str | None
    needed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthService:
    """Reads only. ``schema`` raises `Unavailable` where the database cannot be reached.

    ``broker`` says whether it answers, and is cheap enough to be asked often; None: there is none.
    """

    work: UnitOfWork
    store: ArtifactStore
    catalogue: CatalogueService
    schema: Callable[[], Schema]
    home: Path
    version: str
    database_kind: str
    store_folder: Path | None
    broker: Callable[[], bool] | None
    started: float = field(default_factory=time.monotonic)

    def report(self) -> dict[str, Any]:
        """Everything at once. What is out of reach is told as such, and raises nothing."""
        database, store, load = self._database(), self._store(), self._load()
        broker = self._broker()
        healthy = database["ok"] and store["ok"] and broker["ok"] is not False and bool(load["engines"])
        return {
            "status": "ok" if healthy else "degraded",
            "version": self.version,
            "uptime_s": round(time.monotonic() - self.started),
            "database": database,
            "store": store,
            "broker": broker,
            "host": asdict(machine.host(self.home)),
            "process": asdict(machine.process()),
            **load,
        }

    def readings(self) -> list[Reading]:
        """Where the queue stands now, as figures; raises `Unavailable` without a database."""
        with self.work.reading() as tx:
            pools, backlog = tx.work.pools(), tx.work.backlog()
        found = [
            Reading(name, value, {"pool": pool.pool})
            for pool in pools
            for name, value in (
                ("voicereel_queue_waiting", pool.waiting),
                ("voicereel_queue_running", pool.running),
                ("voicereel_queue_oldest_due_seconds", pool.oldest_due_ms / 1000),
                ("voicereel_workers_live", pool.workers),
            )
        ]
        return [*found, *_backlog_readings(backlog)]

    def _database(self) -> dict[str, Any]:
        try:
            schema = self.schema()
        except Unavailable:
            return {"ok": False, "revision": None, "kind": self.database_kind}
        return {
            "ok": schema.found == schema.needed,
            "revision": schema.found,
            "kind": self.database_kind,
        }

    def _store(self) -> dict[str, Any]:
        free = machine.free_bytes(self.store_folder) if self.store_folder else None
        return {"ok": self.store.writable(), "free_bytes": free}

    def _broker(self) -> dict[str, Any]:
        return {"configured": self.broker is not None, "ok": self.broker() if self.broker else None}

    def _load(self) -> Mapping[str, Any]:
        try:
            with self.work.reading() as tx:
                backlog = tx.work.backlog()
            engines = sorted({engine.name for engine in self.catalogue.engines()})
            pools = self.catalogue.queue()["pools"]
        except Unavailable:
            return {"pools": [], "outbox": None, "expired_leases": None, "engines": []}
        return {
            "pools": pools,
            "outbox": {"rows": backlog.outbox_rows, "oldest_ms": backlog.outbox_oldest_ms},
            "expired_leases": backlog.expired_leases,
            "engines": engines,
        }


def _backlog_readings(backlog: Backlog) -> Iterator[Reading]:
    yield Reading("voicereel_expired_leases", backlog.expired_leases, {})
    yield Reading("voicereel_outbox_rows", backlog.outbox_rows, {})
    yield Reading("voicereel_outbox_oldest_seconds", backlog.outbox_oldest_ms / 1000, {})
