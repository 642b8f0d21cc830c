"""Whether stems and clips add up to the reel: the null test, on scripts with and without overlaps.

`python -m benchmarks.quality.stems`, which writes benchmarks/results/stems.md.
"""

import json
import logging
import os
import platform
import random
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import structlog

from benchmarks.quality._pages import Headline, publish, table
from tests.rendering import Studio, studio
from voicereel.domain.delivery import roles_of
from workers.audio.mix import mix_blocks
from workers.audio.placing import prepare_takes
from workers.stages.parts import matching_by_line

EXAMPLES = Path(__file__).parents[2] / "examples"
VOICES = ("stock:espeak/en-us+f2", "stock:espeak/en-gb-scotland+m3", "stock:espeak/en-us+m1", "stock:fake/a")
TEXTS = (
    "Did you hear that?",
    "Hear what? There is nothing.",
    "No!",
    "I am quite sure that there was somebody at the door.",
    "Then go and see.",
    "Me? Why is it always me?",
)
MANY_LINES = 2_000
LSB_16, LSB_24 = 2.0**-15, 2.0**-23

Sound = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """The largest difference of a reel and the sum of its parts, in steps of full scale."""

    name: str
    lines: int
    roles: int
    seconds: float
    most_at_once: int
    same_length: bool
    before_mastering: float
    stems: dict[int, float]
    clips: float

    def cells(self) -> tuple[object, ...]:
        figures = (
            f"{self.before_mastering / LSB_16:.4f}",
            f"{self.before_mastering / LSB_24:.2f}",
            f"{self.stems[16] / LSB_16:.2f}",
            f"{self.stems[24] / LSB_24:.2f}",
            f"{self.stems[32] / LSB_24:.2f}",
            f"{self.clips / LSB_24:.2f}",
        )
        facts = (self.name, self.lines, self.roles, f"{self.seconds:.1f}", self.most_at_once)
        return (*facts, "yes" if self.same_length else "NO", *figures)


def scripts() -> Iterator[tuple[str, dict[str, Any]]]:
    """The examples, then talk in which more and more sounds at once."""
    for path in sorted(EXAMPLES.glob("*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))
    for seed, (lines, roles, slots) in enumerate(
        [
            (12, 2, 0),
            (12, 2, 0),
            (24, 3, 0),
            (24, 4, 0),
            (24, 4, 8),
            (40, 4, 40),
            (40, 8, 40),
            (60, 12, 60),
            (30, 1, 30),
        ]
    ):
        yield f"talk-{seed}" + ("" if not slots else "-at-once"), talk(seed, lines, roles, slots)


def talk(seed: int, lines: int, roles: int, slots: int) -> dict[str, Any]:
    """So many lines, of which the last ``slots`` begin anywhere in the first ten seconds."""
    chosen = random.Random(seed)
    made: list[dict[str, Any]] = []
    for number in range(lines):
        line: dict[str, Any] = {
            "speaker": f"R{chosen.randrange(roles)}",
            "text": chosen.choice(TEXTS),
            "gain_db": round(chosen.uniform(-6, 6), 1),
            "pause_after_ms": chosen.choice((0, 100)),
        }
        if number >= lines - slots:
            at = chosen.randrange(10_000)
            line["slot"] = {"start_ms": at, "end_ms": at + 5_000}
        elif number:
            line["overlap_ms"] = chosen.choice((0, 100, 200))
        made.append(line)
    cast = {f"R{number}": VOICES[number % len(VOICES)] for number in range(roles)}
    return {"lines": made, "cast": cast}


def measure(made: Studio, name: str, script: dict[str, Any], folder: Path) -> Null:
    asked = {"formats": ["wav"], "stems": True, "clips": True}
    loudness = {
        key: value for key, value in script.get("output", {}).items() if key.endswith(("lufs", "dbtp"))
    }
    stems = {}
    for bits in (16, 24, 32):
        target = folder / str(bits)
        job_id = made.submit({**script, "output": {**loudness, **asked, "bit_depth": bits}})
        unmastered = _until_mixed(made, job_id) if bits == 32 else None
        made.work()
        made.fetch(job_id, target)
        stems[bits] = _difference(_reel(target), sum(_read(path) for path in (target / "stems").iterdir()))
        if unmastered is not None:
            before, length_of_mix = unmastered
    reel = _reel(target)
    manifest = json.loads((target / "clips.json").read_text(encoding="utf-8"))["clips"]
    lengths = {len(_read(path)) for path in (target / "stems").iterdir()}
    return Null(
        name=name,
        lines=len(manifest),
        roles=len({clip["role"] for clip in manifest}),
        seconds=len(reel) / 44_100,
        most_at_once=_most_at_once(manifest),
        same_length=lengths == {len(reel)} == {length_of_mix},
        before_mastering=before,
        stems=stems,
        clips=_difference(reel, _clips_in_place(target, manifest, len(reel))),
    )


def _until_mixed(made: Studio, job_id: str) -> tuple[float, int]:
    """Run a job up to its mix: how far the stems are from it, both as float, and how long it is."""
    store = made.services.work.store
    while made.runner.run_one():
        with made.services.jobs.work.reading() as tx:
            mixes = tx.artifacts.of_job(job_id, kind="mix")
            if mixes:
                (mix_file,) = (artifact for artifact in mixes if "rate" in artifact.facts)
                (levels,) = (artifact for artifact in mixes if "levels" in artifact.facts)
                takes = tx.artifacts.of_job(job_id, kind="takes")
                records = tx.jobs.lines(job_id, words=False)
                break
    mix = _read(store.fetch(mix_file.key, Path()))
    matching = matching_by_line(store.fetch(levels.key, Path()))
    files = {artifact.id: store.fetch(artifact.key, Path()) for artifact in takes}
    prepared = prepare_takes(records, files, rate=44_100, matching_db=matching)
    total = np.zeros(len(mix))
    for role in roles_of([record.line for record in records]):
        mine = (take.placed for take in prepared if take.role == role)
        total += np.concatenate(list(mix_blocks(mine, total_samples=len(mix))))
    return _difference(mix, total), len(mix)


def _clips_in_place(folder: Path, manifest: list[dict[str, Any]], length: int) -> Sound:
    total = np.zeros(length + 44_100)
    with zipfile.ZipFile(folder / "clips.zip") as archive:
        for clip in filter(lambda clip: clip["file"], manifest):
            with archive.open(clip["file"]) as file:
                heard, _ = soundfile.read(file, dtype="float64")
            total[clip["start_sample"] : clip["start_sample"] + len(heard)] += heard
    return total[:length]


def _most_at_once(manifest: list[dict[str, Any]]) -> int:
    starts = [clip["in_ms"] for clip in manifest]
    return max(sum(clip["in_ms"] <= at < clip["out_ms"] for clip in manifest) for at in starts)


def _reel(folder: Path) -> Sound:
    return _read(folder / "reel.wav")


def _read(path: Path) -> Sound:
    samples: Sound = soundfile.read(path, dtype="float64")[0]
    return samples


def _difference(one: Sound, other: Sound) -> float:
    return float(np.abs(one - other).max())


def many(made: Studio) -> Iterator[tuple[str, ...]]:
    """What a script of very many lines makes of the job that a customer reads."""
    line = {"speaker": "stock:fake/a", "text": "Ready, set, go.", "pause_after_ms": 20}
    for clips in (False, True):
        job_id = made.submit({"lines": [line] * MANY_LINES, "output": {"formats": ["wav"], "clips": clips}})
        rendered, _ = _timed(made.work)
        read, job = _timed(lambda job_id=job_id: made.job(job_id))
        listed, _ = _timed(
            lambda job_id=job_id: made.services.clips.page(made.principal, job_id, limit=100, after=0)
        )
        figures = (f"{rendered:.1f} s", f"{len(json.dumps(job)):,}", f"{1000 * read:.1f} ms")
        yield ("with" if clips else "without", *figures, f"{1000 * listed:.1f} ms" if clips else "")


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


HEAD = """# Stems

The largest difference between a reel and the sum of its parts. One step of 16 bits is 1/32,768 of full
scale, one of 24 bits 1/8,388,608. *Before mastering*: the mix and the stems as they are computed, 32-bit
float. *Delivered*: `reel.wav` and the files of `stems`, each rounded to its own depth; clips in 32-bit float.
Made by `python -m benchmarks.quality.stems`."""
MACHINE = f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}."
COLUMNS = (
    "script", "lines", "roles", "seconds", "lines at once", "same length", "before mastering, in 16 bits",
    "in 24 bits", "delivered, 16 bits", "24 bits", "float, in 24 bits", "clips, in 24 bits",
)  # fmt: skip
MANY_COLUMNS = ("clips", "rendered in", "job, bytes of JSON", "read in", "a page of 100 clips in")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder, studio(Path(folder) / "home") as made:
        found = [measure(made, name, script, Path(folder) / name) for name, script in scripts()]
        about_many = f"One worker, SQLite, a folder; a script of {MANY_LINES:,} lines of half a second:"
        page = (
            HEAD,
            MACHINE,
            table([COLUMNS, *(null.cells() for null in found)]),
            about_many,
            table([MANY_COLUMNS, *many(made)]),
        )
    publish("stems", "\n\n".join(page), [*headlines(found)])


def headlines(found: Sequence[Null]) -> Iterator[Headline]:
    worst = max(null.before_mastering for null in found) / LSB_16
    what = f"stems less the mix before mastering, {len(found)} scripts, steps of 16 bits"
    yield Headline(what, f"≤ {worst:.3f}", "≤ 1")
    few = [null for null in found if null.most_at_once <= 4]
    worst = max(null.before_mastering for null in few) / LSB_24
    yield Headline("the same, up to four lines at once, steps of 24 bits", f"≤ {worst:.2f}", "≤ 1")
    same = sum(null.same_length for null in found)
    yield Headline("stems as long as the reel, to the sample", f"{same} of {len(found)}", "all")


if __name__ == "__main__":
    main()
