"""The synthesize stage by itself: which lines it speaks, and what becomes of those that fail."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from voicereel.adapters.storage.folder import FolderStore
from voicereel.domain.errors import LeaseLost, StageFailed
from voicereel.domain.job import Claim, LineRecord, Result
from voicereel.domain.script import Controls, Line, Qa
from voicereel.domain.speakers import Voice
from workers.engines.pool import EnginePool
from workers.stages import synthesize
from workers.stages.base import StageContext

VOICE = Voice(speaker_id="stock:fake/a", speaker_name="a", engine="fake", name="a")


class Noted:
    """A pulse that goes on until it is told to stop."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.checks_left = 1_000_000

    def progress(self, share: float) -> None:
        self.shares.append(share)

    def check(self) -> None:
        self.checks_left -= 1
        if self.checks_left < 0:
            raise LeaseLost("Another worker owns this stage run now.")


def spoken(
    texts: Sequence[str], folder: Path, *, pulse: Noted, hosted: bool = False, **payload: Any
) -> Result:
    records = tuple(
        LineRecord(
            ordinal=number,
            line=Line(id=f"L{number}", speaker="A", text=text),
            controls=Controls(language="en"),
            voice=VOICE,
        )
        for number, text in enumerate(texts)
    )
    work: Any = SimpleNamespace(
        store=FolderStore(folder / "store"),
        lines=lambda _, *, first, last, words: records[first:last],
        cached=lambda _claim, _fingerprints: {},
    )
    claim = Claim(
        stage_run_id=1,
        fence=1,
        attempt=1,
        job_id="job_x",
        tenant_id="ten_x",
        stage="synthesize",
        shard=0,
        payload={"first": 0, "last": len(texts), "engine": "fake"} | payload,
    )
    job: Any = SimpleNamespace(qa=Qa())
    engines = EnginePool(["fake"], hosted=hosted)
    try:
        return synthesize.run(
            StageContext(
                claim=claim, job=job, scratch=folder, engines=engines, work=work, pulse=pulse, max_reel_ms=1
            )
        )
    finally:
        engines.close()


def test_every_line_has_its_take_and_says_whether_to_try_again(tmp_path: Path) -> None:
    result = spoken(["one", "FAIL", "FLAKY", "…", "five"], tmp_path, pulse=Noted())
    failures = [(take.error["code"] if take.error else None, take.retryable) for take in result.takes]
    assert failures == [
        (None, False),
        ("engine_failed", False),
        ("engine_failed", True),
        (None, False),
        (None, False),
    ]
    assert [bool(take.words) for take in result.takes] == [True, False, False, False, True]


def test_only_the_lines_asked_for_are_spoken_and_counted(tmp_path: Path) -> None:
    pulse = Noted()
    result = spoken(["one", "two", "three", "four"], tmp_path, pulse=pulse, first=1, last=4, only=[0, 1, 3])
    assert [take.line_id for take in result.takes] == ["L1", "L3"]
    assert pulse.shares == [0.5, 1.0]


def test_a_shard_without_one_good_take_is_a_result_too(tmp_path: Path) -> None:
    result = spoken(["FAIL", "FLAKY"], tmp_path, pulse=Noted())
    assert [take.duration_ms for take in result.takes] == [0, 0]
    (artifact,) = result.artifacts
    assert soundfile.info(tmp_path / "store" / artifact.key).frames == 0


def test_a_stage_that_has_to_stop_does_not_wait_for_its_engine(tmp_path: Path) -> None:
    pulse = Noted()
    pulse.checks_left = 5
    with pytest.raises(LeaseLost):
        spoken(["HANG"], tmp_path, pulse=pulse, hosted=True)


def test_an_engine_that_is_not_here_may_be_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StageFailed) as failed:
        spoken(["one"], tmp_path, pulse=Noted(), engine="espeak")
    assert (failed.value.code, failed.value.retryable) == ("no_engine", True)
