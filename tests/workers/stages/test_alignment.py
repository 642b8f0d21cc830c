"""A whole job with an engine that does not know when its words sound."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tests.reels import check_reel, reel_of
from tests.rendering import Studio, studio
from workers.engines import pool
from workers.engines.alignment import aligners

LINES = [
    {"speaker": "A", "text": "The boy was there when the sun rose, in 1999."},
    {"speaker": "A", "text": "Wir fahren morgen früh nach Rostock.", "language": "de"},
    {"speaker": "A", "text": "…"},
]


@pytest.fixture(scope="module")
def any_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        points = [
            EntryPoint("espeak", "workers.engines.tts.espeak:Espeak", pool.SYNTHESIZERS),
            EntryPoint("unmarked", "tests.workers.engines.unmarked:Unmarked", pool.SYNTHESIZERS),
        ]
        patch.setattr(pool, "entry_points", lambda group: points)
        with studio(tmp_path_factory.mktemp("home"), engines="espeak,unmarked") as found:
            yield found


def rendered(any_studio: Studio, engine: str, folder: Path, *, seed: int = 0) -> dict[str, Any]:
    cast, output = {"A": f"stock:{engine}/en-us+f2"}, {"formats": ["wav"]}
    script = {"cast": cast, "lines": LINES, "output": output, "seed": seed}
    job = any_studio.render(script, folder)
    assert job["status"] == "succeeded"
    check_reel(reel_of(folder), script)
    return reel_of(folder)


def test_its_words_are_aligned_and_lie_where_the_engine_itself_puts_them(
    any_studio: Studio, tmp_path: Path
) -> None:
    known, found = (rendered(any_studio, engine, tmp_path / engine) for engine in ("espeak", "unmarked"))
    assert [line["end_ms"] for line in found["lines"]] == [line["end_ms"] for line in known["lines"]]
    for line, same in zip(found["lines"], known["lines"], strict=True):
        assert [word["text"] for word in line["words"]] == [word["text"] for word in same["words"]]
        for word, truth in zip(line["words"], same["words"], strict=True):
            assert abs(word["start_ms"] - truth["start_ms"]) <= 50, word
            assert (word["source"], 0.5 < word["confidence"] < 1) == ("aligned", True)
            assert truth["source"] == "engine"


def test_without_an_aligner_its_words_are_estimated_and_no_line_fails(
    any_studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(any_studio.runner.engines, "_alignment", pool._AlignmentHere())
    monkeypatch.setattr(aligners, "make_aligner", aligners.Unable)
    # By a seed of its own: a take that is kept has its words.
    reel = rendered(any_studio, "unmarked", tmp_path, seed=1)
    assert {word["source"] for line in reel["lines"] for word in line["words"]} == {"estimated"}


def test_an_engine_with_times_of_its_own_needs_no_aligner(
    any_studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise AssertionError

    monkeypatch.setattr(any_studio.runner.engines, "_alignment", pool._AlignmentHere())
    monkeypatch.setattr(aligners, "make_aligner", refused)
    rendered(any_studio, "espeak", tmp_path)
