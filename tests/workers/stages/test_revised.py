"""Revisions in which the limiter works: a line that only moves in time is delivered as it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.rendering import Studio, studio
from tests.services.revising import certificate, delete, file_of, insert, render, update

VOICES = ("stock:espeak/en-us+f2", "stock:espeak/en-gb-scotland+m3")
SAYINGS = (
    "Who told you that?",
    "I read it under the clock in the harbour office.",
    "Then we have an hour, perhaps a little more.",
)
# The pauses are shorter than what the limiter needs to let go: neighbours are limited by each other.
LINES = [
    {
        "id": f"l{n}",
        "speaker": VOICES[n % 2],
        "text": f"{SAYINGS[n % 3]} That is {n}.",
        "pause_after_ms": (0, 80, 300)[n % 3],
    }
    for n in range(1, 17)
]
EDITS: dict[str, Any] = {
    "another text": lambda s, job: update(s, job, "l3", text="Then we have two hours."),
    "a longer pause": lambda s, job: update(s, job, "l2", pause_after_ms=413),
    "a line less": lambda s, job: delete(s, job, "l2"),
    "a line more": lambda s, job: insert(s, job, id="new", speaker=VOICES[0], text="One more.", after="l1"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with studio(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module", params=[-16.0, -14.0])
def job_id(found: Studio, request: pytest.FixtureRequest) -> str:
    """At -14 LUFS these voices would need more limiting than is done."""
    output = {"formats": ["wav"], "loudness_lufs": request.param}
    job_id = found.submit({"lines": LINES, "output": output})
    found.work()
    (audio,) = found.job(job_id)["outputs"]["audio"]
    assert audio["limiting_db"] > 2
    return job_id


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_lines_that_move_are_delivered_as_they_were(found: Studio, job_id: str, edit: Any) -> None:
    edit(found, job_id)
    revision = int(render(found, job_id)["revision"])
    document = certificate(found, job_id, revision)
    assert document["mastering"]["pinned"]
    now, then = (heard(file_of(found, job_id, "audio", each)) for each in (revision, revision - 1))
    moved = [line for line in document["lines"] if "kept" in line["done"] and "moved" in line["done"]]
    assert len(moved) > 10
    by_ms = moved[-1]["start_ms"] - moved[-1]["before"]["start_ms"]
    assert by_ms % 10, "a rate of 44,100 Hz would move all by whole samples"
    far = [line for line in moved if int(line["id"][1:]) > 4]
    for line in far:
        assert line["same_delivered"], line["id"]
        assert np.array_equal(of(now, line, line["start_ms"]), of(then, line, line["before"]["start_ms"]))


def heard(path: Path) -> tuple[Any, int]:
    return soundfile.read(path, dtype="int16")


def of(file: tuple[Any, int], line: dict[str, Any], start_ms: int) -> Any:
    samples, rate = file
    first = (start_ms * rate + 500) // 1000
    return samples[first : first + line["take"]["samples"] * rate // line["take"]["sample_rate"]]
