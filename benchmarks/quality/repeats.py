"""Whether the same script gives the same bytes: `python -m benchmarks.quality.repeats`.

The examples are rendered by one worker with its engine in its own process; by two that take turns at the
stages, each with engines in child processes, in another home; and once more there, when every line comes
from the take cache. Writes benchmarks/results/repeats.md.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.quality._pages import Headline, publish, table
from tests.rendering import Studio, studio
from workers.engines.pool import EnginePool

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.json"))
FORMATS = ("wav", "flac", "mp3")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file of one script, and its SHA-256 by each way of making it."""

    script: str
    audio_format: str
    sha256: tuple[str, ...]
    cached_lines: int
    lines: int

    @property
    def same(self) -> bool:
        return len(set(self.sha256)) == 1

    def cells(self) -> tuple[object, ...]:
        shown = (each[:12] for each in self.sha256)
        return (
            self.script,
            self.audio_format,
            *shown,
            f"{self.cached_lines} of {self.lines}",
            "yes" if self.same else "NO",
        )


def script_of(path: Path) -> dict[str, Any]:
    script: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {**script, "output": {**script.get("output", {}), "formats": list(FORMATS)}}


def render(made: Studio, workers: Sequence[Studio], script: dict[str, Any]) -> dict[str, Any]:
    """Submit to one and have all of them work in turn; the job as it then is."""
    job_id = made.submit(script)
    while sum(worker.runner.run_one() for worker in workers):
        """Each has had its turn."""
    return made.job(job_id)


@contextmanager
def two_workers(made: Studio) -> Iterator[tuple[Studio, ...]]:
    """The same service with two workers whose engines live in processes of their own."""
    pools = [EnginePool(made.runner.settings.engine_names, hosted=True) for _ in range(2)]
    try:
        yield tuple(
            replace(made, runner=replace(made.runner, engines=pool, worker_id=f"test:{number}"))
            for number, pool in enumerate(pools)
        )
    finally:
        for pool in pools:
            pool.close()


def measure(folder: Path) -> Iterator[Row]:
    with (
        studio(folder / "one", engines="espeak") as alone,
        studio(folder / "two", engines="espeak") as other,
        two_workers(other) as workers,
    ):
        for path in EXAMPLES:
            script = script_of(path)
            jobs = [
                render(alone, [alone], script),
                render(alone, [alone], {**script, "title": "Once more, from the cache"}),
                render(other, workers, script),
                render(other, workers, {**script, "title": "Once more, from the cache"}),
            ]
            cached = [line["done"] for line in _certificate(other, jobs[-1])["lines"]].count(["cached"])
            for number, name in enumerate(FORMATS):
                files = [job["outputs"]["audio"][number] for job in jobs]
                assert {file["format"] for file in files} == {name}
                yield Row(
                    script=path.stem,
                    audio_format=name,
                    sha256=tuple(file["sha256"] for file in files),
                    cached_lines=cached,
                    lines=len(script["lines"]),
                )


def _certificate(made: Studio, job: dict[str, Any]) -> dict[str, Any]:
    with made.services.jobs.work.reading() as tx:
        (file,) = tx.artifacts.of_job(job["id"], kind="certificate")
    path = made.services.work.store.fetch(file.key, Path("/nowhere"))
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


ABOUT = """# The same script, the same bytes

How: benchmarks/quality/repeats.py. SHA-256 of the delivered files, the first twelve digits. *One worker* has
its engine in its own process; *two workers*, in another home, take turns at the stages, with engines in child
processes. *Again*: the same script once more, its lines from the take cache.
"""
HEAD = (
    "script", "file", "one worker", "again", "two workers", "again", "lines from the cache", "the same",
)  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(Path(folder)))
    same = sum(row.same for row in rows)
    what = "files with one SHA-256 in two runs, by two workers, with the cache cold and warm"
    publish(
        "repeats",
        ABOUT + "\n" + table([HEAD, *(row.cells() for row in rows)]),
        [Headline(what, f"{same} of {len(rows)}", "all")],
    )


if __name__ == "__main__":
    main()
