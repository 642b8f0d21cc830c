"""What must hold after any fault, read from the database and the store alone."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.database import make_engine
from voicereel.adapters.database.rows import line_of
from voicereel.adapters.database.tables import lines
from voicereel.domain.errors import NotFound
from voicereel.domain.job import FINISHED
from voicereel.domain.prices import PriceTable, Spoken, itemise
from voicereel.ports import ArtifactStore

Row = Mapping[str, Any]

# Which status may follow which in a job's history; an approval comes after the end.
_NEXT = {
    None: {"queued"},
    "queued": {"running", "succeeded", "needs_review", "failed", "canceled"},
    "running": {"succeeded", "needs_review", "failed", "canceled"},
    "needs_review": {"succeeded"},
}
_AFTER_THE_END = {"job.updated", "files.deleted", "job.deleted"}


def violations(url: str, store: ArtifactStore | None, *, ended: bool = True) -> list[str]:
    """Every promise that is broken, in words. ``ended``: no job may be under way, nothing be left to tell."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return list(broken(connection, store, ended=ended))
    finally:
        engine.dispose()


def broken(connection: sa.Connection, store: ArtifactStore | None, *, ended: bool) -> Iterator[str]:
    """The same over an open connection; without a store its files are not looked at."""
    return _Checker(connection, store).run(ended=ended)


class _Checker:
    def __init__(self, connection: sa.Connection, store: ArtifactStore | None) -> None:
        self._connection, self._store = connection, store
        self.jobs = {row["id"]: row for row in self._all("SELECT * FROM jobs")}
        self.runs = _by_job(self._all("SELECT * FROM stage_runs ORDER BY id"))
        self.ledger = self._all("SELECT * FROM ledger ORDER BY id")
        self.files = self._all("SELECT * FROM artifacts ORDER BY id")

    def _all(self, sql: str) -> Sequence[Row]:
        return list(self._connection.execute(sa.text(sql)).mappings())

    def run(self, *, ended: bool) -> Iterator[str]:
        if ended:
            yield from self._everything_ended()
        yield from self._ends_agree()
        yield from self._ledger_is_exact()
        yield from self._amounts_add_up()
        yield from self._files_are_whole()
        yield from self._history_is_legal()
        yield from self._attempts_are_bounded()
        yield from self._replies_have_their_jobs()

    def _everything_ended(self) -> Iterator[str]:
        for job in self.jobs.values():
            if job["status"] not in FINISHED:
                yield f"{job['id']} is still {job['status']}"
        left = self._all("SELECT id, topic FROM outbox")
        if left:
            yield f"{len(left)} rows are left in the outbox"

    def _ends_agree(self) -> Iterator[str]:
        """A job that ended has no run that goes on; one that goes on has some that may."""
        for job in self.jobs.values():
            states = {run["status"] for run in self.runs[job["id"]]}
            live = states & {"blocked", "queued", "running"}
            if job["status"] in FINISHED and live:
                yield f"{job['id']} is {job['status']} but has runs that are {sorted(live)}"
            if job["status"] not in FINISHED and not states & {"queued", "running"}:
                yield f"{job['id']} is {job['status']} but nothing of it is due: {sorted(states)}"
            if job["status"] == "succeeded" and states != {"succeeded"}:
                yield f"{job['id']} succeeded but has runs that are {sorted(states)}"

    def _ledger_is_exact(self) -> Iterator[str]:
        """One row a succeeded job and none else; written under a fence of its last stage."""
        billed = Counter(row["job_id"] for row in self.ledger if row["kind"] == "render")
        for job in self.jobs.values():
            due = int(job["kind"] == "speech" and job["status"] == "succeeded")
            if billed[job["id"]] != due:
                yield f"{job['id']} is {job['status']} and was billed {billed[job['id']]} times"
        deleted = {row["job_id"] for row in self._all("SELECT job_id FROM events WHERE type = 'job.deleted'")}
        for row in self.ledger:
            job = self.jobs.get(row["job_id"])
            if job is None:
                if row["job_id"] not in deleted:
                    yield f"{row['job_id']} was billed but does not exist"
                continue
            if row["kind"] == "render" and row["fence"] not in self._last_fences(job["id"]):
                yield f"{job['id']} was billed under the fence {row['fence']}, which is not its last stage's"
            if row["billable_ms"] != job["billable_ms"]:
                yield f"{job['id']} says {job['billable_ms']} ms, the ledger {row['billable_ms']} ms"

    def _last_fences(self, job_id: str) -> set[int]:
        last = max(run["ordinal"] for run in self.runs[job_id])
        return {run["fence"] for run in self.runs[job_id] if run["ordinal"] == last}

    def _amounts_add_up(self) -> Iterator[str]:
        """Every charge again from the lines that were spoken and the prices of that version."""
        items = defaultdict(list)
        for item in self._all("SELECT * FROM ledger_items ORDER BY ledger_id, speaker_id, engine"):
            items[item["ledger_id"]].append(item)
        tables = {row["version"]: self._prices(row) for row in self._all("SELECT * FROM price_versions")}
        for row in self.ledger:
            if row["kind"] != "render":
                continue
            if sum(item["amount_micros"] for item in items[row["id"]]) != row["amount_micros"]:
                yield f"{row['job_id']}: the charges do not add up to the amount"
            if row["job_id"] not in self.jobs:
                continue
            wanted = itemise(
                self._spoken(row["job_id"]),
                billable_ms=row["billable_ms"],
                prices=tables[row["price_version"]],
            )
            found = sorted((i["speaker_id"], i["billable_ms"], i["amount_micros"]) for i in items[row["id"]])
            if found != sorted((c.speaker_id, c.billable_ms, c.amount_micros) for c in wanted):
                yield f"{row['job_id']}: {found} was charged, the lines make {wanted}"

    def _prices(self, row: Row) -> PriceTable:
        query = sa.text("SELECT engine, kind, per_second_micros FROM prices WHERE version = :version")
        found = self._connection.execute(query, {"version": row["version"]})
        return PriceTable(
            version=row["version"],
            currency=row["currency"],
            valid_from=row["valid_from"],
            rates={(engine, kind): rate for engine, kind, rate in found},
        )

    def _spoken(self, job_id: str) -> list[Spoken]:
        takes = dict(
            self._connection.execute(
                sa.text("SELECT id, duration_ms FROM takes WHERE job_id = :job"), {"job": job_id}
            ).all()
        )
        found = self._connection.execute(sa.select(lines).where(lines.c.job_id == job_id)).mappings()
        return [
            Spoken(
                speaker_id=record.voice.speaker_id,
                engine=record.voice.engine,
                duration_ms=takes.get(row["take_id"], 0),
            )
            for row in found
            for record in [line_of(row, None)]
        ]

    def _files_are_whole(self) -> Iterator[str]:
        """What a row names is there, every byte; an attempt has published once, the latest one of its run."""
        fences = {run["id"]: run["fence"] for runs in self.runs.values() for run in runs}
        names = Counter((row["stage_run_id"], row["name"], row["fence"]) for row in self.files)
        for (run_id, name, fence), count in names.items():
            if count > 1 and run_id is not None:
                yield f"run {run_id} has {name} {count} times under the fence {fence}"
        for row in self.files:
            if row["stage_run_id"] in fences and row["fence"] > fences[row["stage_run_id"]]:
                yield f"{row['key']} comes from the future"
            if self._store is not None:
                yield from self._is_whole(self._store, row)

    def _is_whole(self, store: ArtifactStore, row: Row) -> Iterator[str]:
        try:
            with store.open(row["key"]) as file:
                content = file.read()
        except NotFound:
            yield f"{row['key']} is named by a row but not there"
            return
        if hashlib.sha256(content).hexdigest() != row["sha256"] or len(content) != row["size_bytes"]:
            yield f"{row['key']} is not what its row says"

    def _history_is_legal(self) -> Iterator[str]:
        events = _by_job(self._all("SELECT * FROM events ORDER BY job_id, id"))
        for job_id, found in events.items():
            if any(row["type"] == "job.deleted" for row in found):
                continue
            if [row["id"] for row in found] != list(range(1, len(found) + 1)):
                yield f"{job_id}: the events are not numbered 1 to {len(found)}"
            yield from self._tale(job_id, found)

    def _tale(self, job_id: str, found: Sequence[Row]) -> Iterator[str]:
        types = [row["type"] for row in found]
        job = self.jobs.get(job_id)
        ended = types.count("job.finished")
        if job is not None and ended != int(job["status"] in FINISHED and job["kind"] == "speech"):
            yield f"{job_id} is {job['status']} and has told {ended} times that it has finished"
        if ended:
            after = set(types[types.index("job.finished") + 1 :]) - _AFTER_THE_END
            if after:
                yield f"{job_id} goes on after its end with {sorted(after)}"
        told = [_data(row)["status"] for row in found if row["type"] in ("job.updated", "job.finished")]
        for before, then in pairwise([None, *told]):
            if before != then and then not in _NEXT.get(before, set()):
                yield f"{job_id} went from {before} to {then}"
        if job is not None and job["kind"] == "speech" and (not told or told[-1] != job["status"]):
            yield f"{job_id} is {job['status']}, but its last event says {told[-1:]}"

    def _attempts_are_bounded(self) -> Iterator[str]:
        for runs in self.runs.values():
            for run in runs:
                if run["attempt"] > run["max_attempts"] or run["attempt"] > run["fence"]:
                    yield f"run {run['id']}: attempt {run['attempt']} of {run['max_attempts']}"
                if run["attempt"] < 0:
                    yield f"run {run['id']} has {run['attempt']} attempts"

    def _replies_have_their_jobs(self) -> Iterator[str]:
        """A remembered reply names a job that exists, or did."""
        query = """SELECT location FROM idempotency WHERE status = 202 AND location LIKE '/v1/jobs/%'
                    AND substr(location, 10) NOT IN (SELECT id FROM jobs)
                    AND substr(location, 10) NOT IN (SELECT job_id FROM events)"""
        for row in self._all(query):
            yield f"a 202 told of {row['location']}, which never was"


def _by_job(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["job_id"]].append(row)
    return found


def _data(row: Row) -> Mapping[str, Any]:
    data = row["data"]
    return json.loads(data) if isinstance(data, str) else data
