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
from voicereel.domain.prices import PriceTable, Spoken
from voicereel.domain.quotes import Cap
from voicereel.ports import ArtifactStore
from voicereel.services.billing import charge

Row = Mapping[str, Any]

# Which status may follow which in a job's history; an approval comes after the end.
_NEXT = {
    None: {"queued"},
    "queued": {"running", "succeeded", "needs_review", "failed", "canceled"},
    "running": {"succeeded", "needs_review", "failed", "canceled"},
    "needs_review": {"succeeded"},
}
# What it has read is looked at in one transaction: with many jobs that takes a while.
_PATIENCE_S = 3600.0
_AFTER_THE_END = {"job.updated", "files.deleted", "job.deleted"}


def violations(
    url: str, store: ArtifactStore | None, *, ended: bool = True, before_prices: Sequence[str] = ()
) -> list[str]:
    """Every promise that is broken, in words.

    ``ended``: no job may be under way, nothing be left to tell. ``before_prices``: the jobs that were billed
    by a version that knew no prices, and so no items.
    """
    engine = make_engine(url, idle_s=_PATIENCE_S)
    try:
        with engine.connect() as connection:
            return list(broken(connection, store, ended=ended, before_prices=before_prices))
    finally:
        engine.dispose()


def broken(
    connection: sa.Connection, store: ArtifactStore | None, *, ended: bool, before_prices: Sequence[str] = ()
) -> Iterator[str]:
    """The same over an open connection; without a store its files are not looked at."""
    return _Checker(connection, store, before_prices).run(ended=ended)


class _Checker:
    def __init__(
        self, connection: sa.Connection, store: ArtifactStore | None, before_prices: Sequence[str]
    ) -> None:
        self._connection, self._store = connection, store
        self._before_prices = frozenset(before_prices)
        self.jobs = {row["id"]: row for row in self._all("SELECT * FROM jobs")}
        self.runs = _by_job(self._all("SELECT * FROM stage_runs ORDER BY id"))
        self.ledger = self._all("SELECT * FROM ledger ORDER BY id")
        self.files = self._all("SELECT * FROM artifacts ORDER BY id")
        self.ended: dict[str, dict[int, str]] = defaultdict(dict)
        for row in self._all("SELECT job_id, number, status FROM revisions"):
            self.ended[row["job_id"]][row["number"]] = row["status"]

    def _all(self, sql: str) -> Sequence[Row]:
        return list(self._connection.execute(sa.text(sql)).mappings())

    def run(self, *, ended: bool) -> Iterator[str]:
        if ended:
            yield from self._everything_ended()
        yield from self._ends_agree()
        yield from self._ledger_is_exact()
        yield from self._ledger_is_of_jobs()
        yield from self._amounts_add_up()
        yield from self._promises_are_kept()
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
        """One row a revision that succeeded, and none else."""
        billed = Counter((row["job_id"], row["revision"]) for row in self.ledger if row["kind"] == "render")
        for job in self.jobs.values():
            for revision, status in self._revisions(job).items():
                due = int(job["kind"] == "speech" and status == "succeeded")
                times = billed[job["id"], revision]
                if times != due:
                    yield f"{job['id']}, revision {revision}, is {status} and was billed {times} times"

    def _ledger_is_of_jobs(self) -> Iterator[str]:
        """Each row is of a job that there is or was, says what that says, under its fence."""
        deleted = {row["job_id"] for row in self._all("SELECT job_id FROM events WHERE type = 'job.deleted'")}
        for row in self.ledger:
            job = self.jobs.get(row["job_id"])
            if job is None:
                if row["job_id"] not in deleted:
                    yield f"{row['job_id']} was billed but does not exist"
                continue
            if row["revision"] > job["revision"]:
                yield f"{job['id']} was billed for the revision {row['revision']}, which there is not"
            if row["revision"] != job["revision"]:
                continue  # its runs are gone, and its row tells of another
            if row["kind"] == "render" and row["fence"] not in self._last_fences(job["id"]):
                yield f"{job['id']} was billed under the fence {row['fence']}, which is not its last stage's"
            if row["billable_ms"] != job["billable_ms"]:
                yield f"{job['id']} says {job['billable_ms']} ms, the ledger {row['billable_ms']} ms"

    def _revisions(self, job: Row) -> dict[int, str]:
        """How each revision of a job ended, or where it stands."""
        return {**self.ended.get(job["id"], {}), job["revision"]: job["status"]}

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
            if row["job_id"] in self._before_prices:
                if items[row["id"]] or row["amount_micros"]:
                    yield f"{row['job_id']} was billed before there were prices, and now costs something"
                continue
            job = self.jobs[row["job_id"]]
            if row["revision"] != job["revision"] or job["stale"]:
                continue  # the lines are not those that were billed any more
            spoken, prices = self._spoken(row), tables[row["price_version"]]
            cap = None if row["revision"] else self._cap(row["job_id"])
            _, wanted, _ = charge(spoken, row["billable_ms"], prices, cap)
            found = sorted((i["speaker_id"], i["billable_ms"], i["amount_micros"]) for i in items[row["id"]])
            if found != sorted((c.speaker_id, c.billable_ms, c.amount_micros) for c in wanted):
                yield f"{row['job_id']}: {found} was charged, the lines make {wanted}"

    def _cap(self, job_id: str) -> Cap | None:
        cap = _json(self.jobs[job_id]["request"]).get("cap")
        return Cap(**cap) if cap else None

    def _promises_are_kept(self) -> Iterator[str]:
        """Nobody is billed more than was quoted, or than they allowed; who is billed less is told why."""
        quotes = {row["id"]: row for row in self._all("SELECT * FROM quotes")}
        for row in self.ledger:
            cap = self._cap(row["job_id"]) if row["job_id"] in self.jobs else None
            if row["kind"] != "render" or row["revision"] or cap is None:
                continue
            quote = quotes.get(cap.quote_id)
            if quote and (cap.billable_ms, cap.amount_micros) != (
                quote["billable_ms"],
                quote["amount_micros"],
            ):
                yield f"{row['job_id']} does not hold to what {quote['id']} says"
            if cap.billable_ms is not None and row["billable_ms"] > cap.billable_ms:
                yield f"{row['job_id']} was billed {row['billable_ms']} ms; {cap.billable_ms} ms were quoted"
            if cap.most_micros is not None and row["amount_micros"] > cap.most_micros:
                yield f"{row['job_id']} was billed {row['amount_micros']}; {cap.most_micros} was the most"

    def _prices(self, row: Row) -> PriceTable:
        query = sa.text("SELECT engine, kind, per_second_micros FROM prices WHERE version = :version")
        found = self._connection.execute(query, {"version": row["version"]})
        return PriceTable(
            version=row["version"],
            currency=row["currency"],
            valid_from=row["valid_from"],
            rates={(engine, kind): rate for engine, kind, rate in found},
        )

    def _spoken(self, row: Row) -> list[Spoken]:
        """What each line adds to a bill: a take that was spoken for it, and that no bill before has."""
        before = [
            each["revision"]
            for each in self.ledger
            if each["job_id"] == row["job_id"]
            and each["kind"] == "render"
            and each["revision"] < row["revision"]
        ]
        query = "SELECT id, duration_ms, source, revision FROM takes WHERE job_id = :job"
        found = self._connection.execute(sa.text(query), {"job": row["job_id"]}).mappings()
        due = {
            take["id"]: take["duration_ms"]
            for take in found
            if take["source"] == "rendered" and take["revision"] > max(before, default=-1)
        }
        spoken = sa.select(lines).where(lines.c.job_id == row["job_id"], lines.c.ordinal >= 0)
        return [
            Spoken(
                speaker_id=record.voice.speaker_id,
                engine=record.voice.engine,
                duration_ms=due.get(line["take_id"], 0),
            )
            for line in self._connection.execute(spoken).mappings()
            for record in [line_of(line, None)]
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
        """Each revision of a job is a tale of its own, and they come one after another."""
        job, chapters = self.jobs.get(job_id), _by_revision(found)
        if list(chapters) != list(range(len(chapters))):
            yield f"{job_id} tells of the revisions {list(chapters)}"
        if job is not None and job["kind"] == "speech" and max(chapters, default=0) != job["revision"]:
            yield f"{job_id} is at revision {job['revision']} and tells of {list(chapters)}"
        for revision, chapter in chapters.items():
            status = self._revisions(job).get(revision) if job is not None else None
            yield from _told_well(job_id, chapter, status, is_speech=bool(job and job["kind"] == "speech"))

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


def _by_revision(events: Sequence[Row]) -> dict[int, list[Row]]:
    """The events of each revision: a job is told anew with each."""
    chapters: dict[int, list[Row]] = defaultdict(list)
    revision = 0
    for row in events:
        if row["type"] == "job.updated":
            revision = max(revision, _data(row).get("revision", 0))
        chapters[revision].append(row)
    return chapters


def _told_well(job_id: str, found: Sequence[Row], status: str | None, *, is_speech: bool) -> Iterator[str]:
    """Whether the events of one revision tell how it went; ``status`` is how it stands, or ended."""
    types = [row["type"] for row in found]
    ended = types.count("job.finished")
    if status is not None and ended != int(status in FINISHED and is_speech):
        yield f"{job_id} is {status} and has told {ended} times that it has finished"
    if ended:
        after = set(types[types.index("job.finished") + 1 :]) - _AFTER_THE_END
        if after:
            yield f"{job_id} goes on after its end with {sorted(after)}"
    told = [_data(row)["status"] for row in found if row["type"] in ("job.updated", "job.finished")]
    for before, then in pairwise([None, *told]):
        if before != then and then not in _NEXT.get(before, set()):
            yield f"{job_id} went from {before} to {then}"
    if status is not None and is_speech and (not told or told[-1] != status):
        yield f"{job_id} is {status}, but its last event says {told[-1:]}"


def _by_job(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["job_id"]].append(row)
    return found


def _data(row: Row) -> Mapping[str, Any]:
    return _json(row["data"])


def _json(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found
