"""Faults put into a copy of the source, each of which a test must notice: `make mutants`.

A suite that cannot fail proves nothing. Each mutant breaks one promise in one place; it survives if the
tests that are to notice it still pass.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COPIED = ("voicereel", "workers", "voicereel_client", "tests", "openapi.yaml", "setup.cfg")
_WORK_SQL, _WORK = "voicereel/adapters/database/work_statements.py", "voicereel/services/work.py"
_UPKEEP, _DIALECT = "voicereel/services/upkeep.py", "voicereel/adapters/database/dialect.py"
_HINTS, _SQL_TESTS = "tests/faults/test_hints.py", "tests/adapters/test_work.py"
_SERVICE_TESTS, _MODEL = "tests/services/test_work.py", "tests/faults/test_model.py"

KILLED, SURVIVED = "killed", "SURVIVED"


@dataclass(frozen=True)
class Mutant:
    """``old`` occurs once in ``file``; with ``new`` in its place the tests (pytest's arguments) fail."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: Sequence[str]
    quick: bool = False


MUTANTS = (
    Mutant(
        "a late finish is taken", "P3", _WORK_SQL,
        'now}\n             WHERE {_HELD} RETURNING id""")\n        self.retry',
        'now}\n             WHERE id = :id AND :fence >= 0 RETURNING id""")\n        self.retry',
        [_SQL_TESTS, "-k", "late_owner"], quick=True,
    ),
    Mutant(
        "a late heartbeat is taken", "P6", _WORK_SQL,
        "progress = :progress\n             WHERE {_HELD}",
        "progress = :progress\n             WHERE id = :id AND :fence >= 0",
        [_SQL_TESTS, "-k", "late_owner"],
    ),
    Mutant(
        "a refused finish is published all the same", "P3", _WORK,
        "            elif not tx.work.finish(claim):\n                raise LeaseLost",
        "            elif not tx.work.finish(claim) and False:\n                raise LeaseLost",
        [_SERVICE_TESTS, "-k", "late_worker"],
    ),
    Mutant(
        "the ledger takes a job twice", "P4",
        "voicereel/adapters/database/migrations/versions/0001_the_first_schema.py",
        "sa.UniqueConstraint('job_id', 'revision', 'kind', name=op.f('uq_ledger_job_id_revision_kind'))",
        "",
        ["tests/services/test_billing.py", "tests/adapters/test_ledger.py"],
    ),
    Mutant(
        "a job in review is billed at once", "P4", _WORK,
        "    if any(warning.code in REVIEWED for", "    if False and any(warning.code in REVIEWED for",
        ["tests/services/test_billing.py", "-k", "review"], quick=True,
    ),
    Mutant(
        "the bill is in another transaction", "P4", _WORK,
        "    billable_ms = bill(tx, job, fence=claim.fence)\n",
        "    tx.connection.commit()\n    tx.connection.begin()\n"
        "    billable_ms = bill(tx, job, fence=claim.fence)\n",
        [_SERVICE_TESTS, _MODEL],
    ),
    Mutant(
        "a wake-up is forgotten before it is published", "P1", _UPKEEP,
        "            if pools:\n                self.queue.wake(pools)\n"
        "            tx.outbox.done([row.id for row in rows])\n",
        "            tx.outbox.done([row.id for row in rows])\n"
        "        if pools:\n            self.queue.wake(pools)\n",
        [_HINTS, "-k", "forgotten"], quick=True,
    ),
    Mutant(
        "a job is accepted without its outbox row (SQLite)", "P1",
        "voicereel/adapters/database/accept_sqlite.py",
        "    f\"INSERT INTO outbox (topic, payload, created_at) VALUES ('wake', :wake, {_NOW})\",\n", "",
        [_HINTS, "-k", "forgotten"],
    ),
    Mutant(
        "a job is accepted without its outbox row (PostgreSQL)", "P1",
        "voicereel/adapters/database/accept_postgresql.py",
        "'wake', wake, clock_timestamp() FROM go)",
        "'wake', wake, clock_timestamp() FROM go WHERE false)",
        [_HINTS, "-k", "forgotten"],
    ),
    Mutant(
        "what nobody took is not told of again", "P1", _UPKEEP,
        "            self._redispatch,\n", "", [_HINTS, "-k", "told_of_again"],
    ),
    Mutant(
        "lost work is not put back in line", "P2", _UPKEEP,
        "            self._requeue_lost,\n", "", [_SERVICE_TESTS, "-k", "always_dies"], quick=True,
    ),
    Mutant(
        "attempts are not counted at the claim", "P2", _WORK_SQL,
        "attempt = attempt + 1, worker_id", "attempt = attempt, worker_id",
        [_SQL_TESTS, "-k", "kills_every_worker or late_owner"],
    ),
    Mutant(
        "the claim leaves the fence as it was", "P3", _WORK_SQL,
        "SET status = 'running', fence = fence + 1", "SET status = 'running', fence = fence",
        [_SQL_TESTS, "-k", "late_owner"],
    ),
    Mutant(
        "a cancel leaves what is queued", "P4", _WORK_SQL,
        "AND status IN ('blocked', 'queued', 'running')\"\"\")", "AND status = 'running'\"\"\")",
        [_SERVICE_TESTS, _MODEL],
    ),
    Mutant(
        "jobs are not locked", "P2", _DIALECT,
        'lock_row="FOR NO KEY UPDATE"', 'lock_row=""', [_HINTS, "-k", "last_two_shards"],
    ),
    Mutant(
        "claims do not lock the row they look at", "P3", _DIALECT,
        'skip_locked="FOR UPDATE SKIP LOCKED"', 'skip_locked=""', [_SQL_TESTS, "-k", "sixteen"],
    ),
    Mutant(
        "who came first is served whole", "fair claims", _WORK_SQL,
        "ORDER BY priority DESC, turn_at, id", "ORDER BY priority DESC, id", [_HINTS, "-k", "behind_all"],
    ),
    Mutant(
        "a file may be written over", "P3", "voicereel/adapters/storage/folder.py",
        "    os.link(incoming, final)\n", "    os.replace(incoming, final)\n",
        ["tests/contract/test_stores.py", "-k", "written_once or two_writers"],
    ),
    Mutant(
        "the first reply is not remembered (SQLite)", "P1", "voicereel/adapters/database/jobs_hot.py",
        "            run(self._connection, accept_sqlite.REMEMBER, **parameters)\n", "            pass\n",
        ["tests/api/test_idempotency.py"],
    ),
    Mutant(
        "the first reply is not remembered (PostgreSQL)", "P1",
        "voicereel/adapters/database/accept_postgresql.py",
        "coalesce(reply_body, view), location,\n"
        "                 clock_timestamp() + make_interval(secs => {REPLIES_KEPT_S})",
        "coalesce(reply_body, view), location,\n"
        "                 clock_timestamp() - make_interval(secs => {REPLIES_KEPT_S})",
        [_MODEL, "-k", "postgresql"],
    ),
    Mutant(
        "files of a commit that may have been made are removed", "P3", "workers/runner.py",
        "self._settle(claim, error, discard=False)", "self._settle(claim, error)",
        [_HINTS, "-k", "keeps_its_files"],
    ),
    Mutant(
        "a worker that is cut off goes on", "P6", "workers/pulse.py",
        "        if now - self._last_good > self._rhythm.fenced_after_s:", "        if False:",
        ["tests/workers/test_pulse.py"], quick=True,
    ),
    Mutant(
        "all lines are spoken again for one that failed", "P3", _WORK,
        'payload={**payload, "only": only}', "payload=payload", ["tests/services/test_fallback.py"],
    ),
    Mutant(
        "a master that is killed leaves its workers", "P5", "workers/main.py",
        "    _end_with_master()\n", "", ["tests/faults/test_kills.py", "-k", "killed"],
    ),
    Mutant(
        "a connection that was cut is handed out again", "P8", "voicereel/adapters/database/hot_pool.py",
        "        connection.close()  # the pool", "        ...  # the pool",
        ["tests/faults/test_database.py", "-k", "restarts"],
    ),
)  # fmt: skip


def is_killed(mutant: Mutant) -> bool:
    """Whether the tests that are to notice a mutant do; raises if the source has moved on from under it."""
    return verdict_on(mutant) == KILLED


def verdict_on(mutant: Mutant) -> str:
    """1 of pytest: tests failed; 0: none did; all else says nothing about the mutant."""
    with tempfile.TemporaryDirectory(prefix="voicereel-mutant-") as folder:
        copy = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        path = copy / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise LookupError(f"{mutant.name}: {mutant.file} has its text {text.count(mutant.old)} times")
        path.write_text(text.replace(mutant.old, mutant.new))
        code = _run(mutant.tests, copy).returncode
    return {0: SURVIVED, 1: KILLED}.get(code, f"no verdict, pytest ended with {code}")


def _run(tests: Sequence[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    # What used to end may go on for ever: that counts as noticed.
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=120"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment = {**own, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("VOICEREEL_FAULT_REPORT", None)
    environment["VOICEREEL_FAULT_FORM"] = "mutant"  # short, and the first failure will do
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )


def _tried(mutant: Mutant) -> str:
    try:
        return verdict_on(mutant)
    except LookupError as error:
        return f"no verdict, {error}"


def main() -> None:
    words = sys.argv[1:]
    chosen = [each for each in MUTANTS if not words or any(word in each.name for word in words)]
    killed = 0
    with ThreadPoolExecutor(2) as pool:
        trials = {pool.submit(_tried, mutant): mutant for mutant in chosen}
        for number, trial in enumerate(as_completed(trials), 1):
            mutant, verdict = trials[trial], trial.result()
            killed += verdict == KILLED
            sys.stdout.write(f"{number:2}/{len(chosen)}  {verdict:8}  {mutant.promise:12}  {mutant.name}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{killed} of {len(chosen)} mutants were killed.\n")
    sys.exit(0 if killed == len(chosen) else 1)


if __name__ == "__main__":
    main()
