"""What it costs to change one line of many: `python -m benchmarks.quality.revisions`.

A script of 500 lines is rendered whole, then one edit at a time. For each the certificate is checked by
itself and beside the one before, and what it claims of the delivered files is checked by the client, which
reads nothing but the two downloads. Writes benchmarks/results/revisions.md.
"""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import workers.stages
from benchmarks.quality._pages import Headline, publish, table
from tests.rendering import Studio, studio
from tests.services.revising import delete, file_of, insert, revise, update
from voicereel.domain.certificate import contradictions
from voicereel.domain.job import Result
from voicereel_client import verify
from workers.stages.base import StageContext

LINES = 500
VOICES = ("stock:espeak/en-us+f2", "stock:espeak/en-gb-scotland+m3")
SAYINGS = (
    "The ferry leaves at nine, and it does not wait for anybody.",
    "Who told you that?",
    "I read it in the harbour office, under the clock that always runs slow.",
    "Then we have an hour, perhaps a little more.",
    "Take the blue folder with you; the other one stays here.",
)
GOAL = 2.0

Edit = Callable[[Studio, str], object]

EDITS: dict[str, Edit] = {
    "another text for line 250": lambda s, job: update(
        s, job, "l250", text="Another text, some words longer."
    ),
    "another text for line 1": lambda s, job: update(s, job, "l1", text="And this is how it begins."),
    "a longer pause after line 100": lambda s, job: update(s, job, "l100", pause_after_ms=900),
    "line 300 louder by 3 dB": lambda s, job: update(s, job, "l300", gain_db=3.0),
    "line 400 moved after line 10": lambda s, job: update(s, job, "l400", after="l10"),
    "line 200 taken out": lambda s, job: delete(s, job, "l200"),
    "a new line after line 20": lambda s, job: insert(
        s, job, id="new", speaker=VOICES[0], text="One line more.", after="l20"
    ),
}


@dataclass
class Clock:
    """Processor seconds by stage, since it was last read."""

    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def read(self) -> dict[str, float]:
        spent, self.spent = dict(self.spent), defaultdict(float)
        return spent


@dataclass(frozen=True, kw_only=True)
class Row:
    """One render. ``same_take`` and ``same_delivered`` count lines that were there before."""

    what: str
    spoken: int
    billed_ms: int
    before: int
    same_take: int
    same_delivered: int
    proven: int
    pinned: bool | None
    wrong: int
    cpu_s: dict[str, float]

    def cells(self, whole: "Row") -> tuple[str, ...]:
        speaking, rest = self.cpu_s.get("synthesize", 0.0), sum(self.cpu_s.values())
        return (
            self.what,
            str(self.spoken),
            f"{self.billed_ms / 1000:.2f} s",
            f"{100 * self.billed_ms / whole.billed_ms:.2f} %",
            f"{100 * speaking / whole.cpu_s['synthesize']:.1f} %",
            f"{100 * rest / sum(whole.cpu_s.values()):.0f} %",
            f"{self.same_take} of {self.before}",
            f"{self.same_delivered}",
            f"{self.proven}",
            {True: "as before", False: "anew", None: ""}[self.pinned],
            str(self.wrong),
        )


def script() -> dict[str, Any]:
    lines = [
        {"id": f"l{n}", "speaker": VOICES[n % 2], "text": f"{SAYINGS[n % len(SAYINGS)]} That is {n}."}
        for n in range(1, LINES + 1)
    ]
    return {"lines": lines, "output": {"formats": ["wav"]}}


@contextmanager
def clocked() -> Iterator[Clock]:
    """The stages of this process, with the time that each takes."""
    clock, stages = Clock(), dict(workers.stages.STAGES)

    def timed(name: str, ctx: StageContext) -> Result:
        began = time.process_time()
        try:
            return stages[name](ctx)
        finally:
            clock.spent[name] += time.process_time() - began

    workers.stages.STAGES.update({name: lambda ctx, name=name: timed(name, ctx) for name in stages})
    try:
        yield clock
    finally:
        workers.stages.STAGES.update(stages)


def measure(made: Studio, clock: Clock, folder: Path) -> Iterator[Row]:
    job_id = made.submit(script())
    made.work()
    yield rendered(made, clock, job_id, folder, "all of it", revision=0)
    for revision, (what, edit) in enumerate(EDITS.items(), 1):
        edit(made, job_id)
        revise(made, job_id)
        made.work()
        yield rendered(made, clock, job_id, folder, what, revision=revision)


def rendered(made: Studio, clock: Clock, job_id: str, folder: Path, what: str, *, revision: int) -> Row:
    cpu_s = clock.read()
    before, now = folder / str(revision - 1), folder / str(revision)
    download(made, job_id, now, revision=revision)
    document = json.loads((now / "certificate.json").read_bytes())
    previous = json.loads((before / "certificate.json").read_bytes()) if revision else None
    checks = verify(before, now) if revision else []
    old = [line for line in document["lines"] if line["before"] and "removed" not in line["done"]]
    return Row(
        what=what,
        spoken=document["totals"]["rendered"],
        billed_ms=document["totals"]["billed_ms"],
        before=len(old),
        same_take=sum(line["same_take"] for line in old),
        same_delivered=sum(bool(line["same_delivered"]) for line in old),
        proven=sum(check.identical for check in checks),
        pinned=document["mastering"]["pinned"],
        wrong=len([*contradictions(document, previous)])
        + sum(check.claimed != check.identical for check in checks),
        cpu_s=cpu_s,
    )


def download(made: Studio, job_id: str, folder: Path, *, revision: int) -> None:
    folder.mkdir(parents=True)
    for kind, name in (("audio", "reel.wav"), ("certificate", "certificate.json")):
        (folder / name).symlink_to(file_of(made, job_id, kind, revision))


HEAD = (
    "edit", "lines spoken", "billed", "of the whole", "speaking, CPU of the whole",
    "all stages, CPU of the whole", "takes the same", "delivered the same, says the certificate",
    "says the client", "mastered", "contradictions",
)  # fmt: skip

ABOUT = """# Changing one line of many

How: benchmarks/quality/revisions.py. A script of {lines} lines by two voices of espeak ({minutes:.0f}
minutes, one WAV file), then one edit after another, each rendered as a revision. *Takes the same* are of the
lines that were there before. Whether the delivered samples of such a line are the same, the certificate says
and the client finds out by itself from two downloads: the two columns must agree, and *contradictions* counts
whatever in a certificate, or between the two, does not.

Speaking and billing follow the change. Mixing and mastering go over the whole reel each time: {whole:.1f} s
of processor time here. Beside espeak, which speaks {speed:.0f} times faster than one listens, that is most
of the work; beside a neural engine it is little.
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as home, clocked() as clock, studio(Path(home) / "home") as made:
        whole, *edits = measure(made, clock, Path(home) / "downloads")
    rest = sum(seconds for stage, seconds in edits[0].cpu_s.items() if stage != "synthesize")
    about = ABOUT.format(
        lines=LINES,
        minutes=whole.billed_ms / 60_000,
        whole=rest,
        speed=whole.billed_ms / 1000 / whole.cpu_s["synthesize"],
    )
    page = about + "\n" + table([HEAD, *(row.cells(whole) for row in (whole, *edits))])
    share = max(row.billed_ms for row in edits) / whole.billed_ms
    speaking = max(row.cpu_s.get("synthesize", 0.0) for row in edits) / whole.cpu_s["synthesize"]
    otherwise = max(row.before - row.proven for row in edits)
    publish(
        "revisions",
        page,
        [
            Headline(f"most that one edit of {LINES} lines bills", f"{100 * share:.2f} %", f"≤ {GOAL:g} %"),
            Headline("most that it speaks, in CPU", f"{100 * speaking:.1f} %", f"≤ {GOAL:g} %"),
            Headline("most lines that it delivers otherwise", str(otherwise), "1"),
            Headline("contradictions in certificates", str(sum(row.wrong for row in (whole, *edits))), "0"),
        ],
    )


if __name__ == "__main__":
    main()
