"""Scripts nobody would write, rendered whole: what is published of a reel holds for them too."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reels import check_captions, check_reel, reel_of, samples_of
from tests.rendering import Studio, studio

VOICES = ("stock:espeak/en-us+f2", "stock:espeak/es", "stock:espeak/ko+m3", "stock:fake/a")
WORDS = (
    "hello", "don't", "1984", "Dr.", "—", "😀", "שלום", "안녕하세요", "日本語です", "naïve", "a&b", "<i>",
    "x\x07y", "3.14", "señor", "…", "wordwithoutend" * 4, "-->", "\n", "e\u0301", "U.S.A.",
    "half-past", "(really?)",
)  # fmt: skip

texts = (
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)
    .map(" ".join)
    .filter(lambda t: t.strip("\n \x07"))
)
lines = st.fixed_dictionaries(
    {"speaker": st.sampled_from(VOICES), "text": texts},
    optional={
        "language": st.sampled_from(["en", "es", "ko", "de"]),
        "speed": st.floats(0.5, 2),
        "pitch_st": st.floats(-12, 12),
        "gain_db": st.floats(-24, 12),
        "pause_after_ms": st.integers(0, 2000),
        "seed": st.integers(0, 2**31 - 1),
        "slot": st.integers(0, 20_000).map(lambda at: {"start_ms": at, "end_ms": at + 1500}),
    },
)
scripts = st.fixed_dictionaries(
    {"lines": st.lists(lines, min_size=1, max_size=8)},
    optional={"title": st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=20)},
)


@pytest.fixture(scope="module")
def any_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return (tmp_path_factory.mktemp(f"reel{n}") for n in itertools.count())


def speakable(script: dict[str, Any]) -> dict[str, Any]:
    """The fake engine speaks fewer languages: let its lines be in its own."""
    for line in script["lines"]:
        if line["speaker"] == "stock:fake/a":
            line.pop("language", None)
    return {**script, "output": {"formats": ["wav"], "sample_rate": 16_000}}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts)
def test_any_script_keeps_what_is_published(
    script: dict[str, Any], any_studio: Studio, folders: Iterator[Path]
) -> None:
    script, folder = speakable(script), next(folders)
    job = any_studio.render(script, folder)
    if job["status"] == "failed":  # nothing to hear, and no pause either
        assert job["error"]["code"] == "empty_reel"
        return
    assert job["status"] in ("succeeded", "needs_review")
    reel = reel_of(folder)
    check_reel(reel, script)
    check_captions(folder, reel)
    samples, rate = samples_of(folder / "reel.wav")
    assert len(samples) == (reel["duration_ms"] * rate + 500) // 1000
