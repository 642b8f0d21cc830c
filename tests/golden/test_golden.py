"""A reel sounds as it did when it was last listened to."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.numbers import FOLDER, measure


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return measure(Path(tmp_path_factory.mktemp("golden")))


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))
    return numbers


def test_texts_warnings_and_order_are_the_same(now: dict[str, Any], golden: dict[str, Any]) -> None:
    assert [w[0] for w in now["words"]] == [w[0] for w in golden["words"]]
    assert [c[2] for c in now["cues"]] == [c[2] for c in golden["cues"]]
    assert now["warnings"] == golden["warnings"]


def test_times_are_the_same(now: dict[str, Any], golden: dict[str, Any]) -> None:
    """Within 2 ms: the engine's events are rounded to a millisecond, and so is a trimmed edge."""
    assert now["duration_ms"] == pytest.approx(golden["duration_ms"], abs=2)
    assert now["samples"] == pytest.approx(golden["samples"], abs=2 * 24)
    for name in ("words", "cues"):
        times = (
            [x for entry in numbers[name] for x in entry if isinstance(x, int)] for numbers in (now, golden)
        )
        assert next(times) == pytest.approx(next(times), abs=2), name
    for line, segment in golden["lines"].items():
        assert now["lines"][line] == pytest.approx(segment, abs=2), line


def times_of(entries: list[list[Any]]) -> list[int]:
    return [value for entry in entries for value in entry if isinstance(value, int)]


def test_it_is_as_loud(now: dict[str, Any], golden: dict[str, Any]) -> None:
    """Within 0.1: what EBU R128 meters may differ by; a peak between samples moves a little more."""
    assert now["loudness_lufs"] == pytest.approx(golden["loudness_lufs"], abs=0.1)
    assert now["true_peak_dbtp"] == pytest.approx(golden["true_peak_dbtp"], abs=0.3)


def test_it_has_the_same_colour(now: dict[str, Any], golden: dict[str, Any]) -> None:
    """Octave bands within 0.5 dB: less than a listener notices, more than rounding does."""
    assert now["octaves_db"] == pytest.approx(golden["octaves_db"], abs=0.5)
