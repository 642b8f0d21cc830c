"""The report finds what is wrong, by how much, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captions.strategies import cuts, examples, reels, styles
from voicereel.captions.conformance import RULES, Finding, check, counts
from voicereel.captions.cue import Cue
from voicereel.captions.presets import STYLES
from voicereel.captions.segmenter import segment
from voicereel.captions.style import CaptionStyle
from voicereel.domain.reel import Reel

STYLE = STYLES["netflix@2"]


def shown(line_id: str, start_ms: int, end_ms: int, *lines: str, **changes: object) -> Cue:
    return replace(
        Cue(
            line_id=line_id, role="ANA", speaker_name="Ana", language="en", text=" ".join(lines), lines=lines,
            start_ms=start_ms, end_ms=end_ms, words_start_ms=start_ms, words_end_ms=end_ms,
        ),
        **changes,
    )  # fmt: skip


CLEAN = (
    shown("l1", 0, 2000, "Did you hear", "that?"),
    shown("l2", 2084, 4000, "Hear what?"),
    shown("l3", 5000, 7000, "Steps."),
)
X = "x"


def with_cue(index: int, **changes: object) -> tuple[Cue, ...]:
    return (*CLEAN[:index], replace(CLEAN[index], **changes), *CLEAN[index + 1 :])


PLANTED: dict[str, tuple[tuple[Cue, ...], list[Finding]]] = {
    "too long": (
        with_cue(2, end_ms=12_030, words_end_ms=12_030),
        [Finding(cue=2, line_id="l3", rule="max_duration", value=7030, limit=7000, over=30)],
    ),
    "too near": (
        with_cue(1, start_ms=2050, words_start_ms=2050),
        [Finding(cue=0, line_id="l1", rule="gap", value=50, limit=84, over=34)],
    ),
    "over the next, which is not heard with it": (
        with_cue(0, end_ms=2200),
        [Finding(cue=0, line_id="l1", rule="gap", value=-116, limit=84, over=200)],
    ),
    "three lines": (
        with_cue(0, lines=("Did", "you hear", "that?")),
        [Finding(cue=0, line_id="l1", rule="max_lines", value=3, limit=2, over=1)],
    ),
    "a wide line": (
        with_cue(2, lines=("Steps.", X * 45)),
        [Finding(cue=2, line_id="l3", rule="columns", value=45, limit=42, over=3)],
    ),
    "too short": (
        with_cue(2, end_ms=5800, words_end_ms=5800),
        [Finding(cue=2, line_id="l3", rule="min_duration", value=800, limit=833, over=33)],
    ),
    "too fast": (
        with_cue(2, text=X * 45),
        [Finding(cue=2, line_id="l3", rule="reading_speed", value=22.5, limit=20, over=2.5)],
    ),
    "late": (
        with_cue(2, words_start_ms=4900),
        [Finding(cue=2, line_id="l3", rule="sync_in", value=100, limit=84, over=16)],
    ),
    "gone before its words": (
        with_cue(2, words_end_ms=7100),
        [Finding(cue=2, line_id="l3", rule="early_out", value=100, limit=84, over=16)],
    ),
    "long after its words": (
        with_cue(2, words_end_ms=6400),
        [Finding(cue=2, line_id="l3", rule="late_out", value=600, limit=500, over=100)],
    ),
    "a flash between two": (
        with_cue(1, end_ms=4600, words_end_ms=4600),
        [Finding(cue=1, line_id="l2", rule="short_gap", value=400, limit=84, over=316)],
    ),
}


def test_a_clean_set_has_no_findings() -> None:
    assert check(CLEAN, STYLE) == ()
    assert check(CLEAN, STYLE, [0, 2084, 7084]) == ()


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_and_nothing_else(name: str) -> None:
    cues, expected = PLANTED[name]
    assert list(check(cues, STYLE)) == expected


def test_cues_that_ignore_a_shot_cut_are_found() -> None:
    found = {
        (each.rule, each.cue): (each.value, each.limit, each.over) for each in check(CLEAN, STYLE, [4700])
    }
    assert found == {("shot_cut_in", 2): (5000, 4700, 300)}
    found = {
        (each.rule, each.cue): (each.value, each.limit, each.over) for each in check(CLEAN, STYLE, [6950])
    }
    assert found == {("shot_cut_out", 2): (7000, 6866, 134)}


def test_every_rule_can_be_found() -> None:
    planted = {finding.rule for _, expected in PLANTED.values() for finding in expected}
    assert planted | {"shot_cut_in", "shot_cut_out"} == set(RULES)


def test_people_who_talk_at_once_break_no_gap() -> None:
    cues = (shown("l1", 0, 2000, "Listen"), shown("l2", 1500, 3000, "No"))
    assert check(cues, STYLE) == ()


def test_figures_are_those_of_the_language() -> None:
    """Sixteen characters of Korean are no wider than the line; as many of Japanese are, by three."""
    korean = shown("l1", 0, 3000, "가" * 16, language="ko", text="가")
    japanese = replace(korean, language="ja-JP", lines=("ア" * 16,))
    assert check([korean], STYLE) == ()
    assert [(each.rule, each.over) for each in check([japanese], STYLE)] == [("columns", 3)]


def test_counts_are_by_rule_in_their_order() -> None:
    cues = (*PLANTED["too fast"][0], shown("l4", 9000, 9500, X * 50))
    assert list(counts(check(cues, STYLE)).items()) == [
        ("columns", 1),
        ("min_duration", 1),
        ("reading_speed", 2),
    ]


@examples(120)
@given(reels(), styles, cuts)
def test_the_segmenter_breaks_only_what_has_to_give_way(
    reel: Reel, style: CaptionStyle, cuts_ms: Sequence[int]
) -> None:
    found = {finding.rule for finding in check(segment(reel, style, cuts_ms), style, cuts_ms)}
    assert not found & {"max_duration", "sync_in", "late_out"}


@examples(60)
@given(reels(), styles, st.integers(1, 4000))
def test_a_cue_that_is_kept_too_long_is_always_found(reel: Reel, style: CaptionStyle, extra_ms: int) -> None:
    cues = list(segment(reel, style))
    if cues:
        cues[-1] = replace(cues[-1], end_ms=cues[-1].start_ms + style.max_ms + extra_ms)
        (found,) = [f for f in check(cues, style) if f.rule == "max_duration"]
        assert (found.cue, found.over) == (len(cues) - 1, extra_ms)
