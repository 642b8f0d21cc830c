"""Styles by name and version, at a frame rate, with limits of the customer's own."""

from dataclasses import asdict

import pytest

from voicereel.captions.presets import STYLES, pinned, style_of
from voicereel.domain.script import CaptionLimits, CaptionRequest


def test_a_name_alone_is_its_newest_version() -> None:
    newest: dict[str, int] = {}
    for style in STYLES.values():
        newest[style.name] = max(style.version, newest.get(style.name, 0))
    assert {name: STYLES[name].version for name in newest} == newest
    assert (pinned("netflix"), pinned("netflix@1")) == ("netflix@2", "netflix@1")
    assert all(STYLES[style.full_name] is style for style in STYLES.values())


@pytest.mark.parametrize(
    ("name", "language", "columns", "cps"),
    [
        ("netflix@1", "en-GB", 42, 17),
        ("netflix@2", "en-GB", 42, 20),
        ("netflix@2", "de", 42, 17),
        ("netflix@2", "ja", 13, 4),
        ("netflix@2", "ko-KR", 16, 12),
        ("netflix@2", "zh_Hans", 16, 9),
        ("netflix@2", "th", 35, 17),
        ("netflix-children@1", "en", 42, 13),
        ("netflix-children@2", "en", 42, 17),
        ("netflix-sdh@1", "ja", 13, 7),
        ("default@1", "hi", 42, 22),
        ("bbc@1", "en", 37, 16),
    ],
)
def test_what_was_published_stays(name: str, language: str, columns: int, cps: float) -> None:
    assert (STYLES[name].columns_for(language), STYLES[name].cps_for(language)) == (columns, cps)


@pytest.mark.parametrize(
    ("fps", "gap_ms", "chain_ms"),
    [(23.976, 84, 458), (24, 84, 458), (25, 80, 480), (30, 67, 466), (50, 40, 480), (60, 34, 483)],
)
def test_frames_are_taken_at_the_rate_of_the_picture(fps: float, gap_ms: int, chain_ms: int) -> None:
    """Two frames, and what is under half a second: 3 to 11 frames at 24."""
    style = style_of(CaptionRequest(style="netflix", fps=fps))
    assert (style.gap_ms, style.chain_ms) == (gap_ms, chain_ms)


def test_a_style_without_a_gap_has_none_at_any_rate() -> None:
    assert style_of(CaptionRequest(style="bbc", fps=24)) == STYLES["bbc"]


def test_limits_asked_for_come_first_in_every_language() -> None:
    limits = CaptionLimits(columns=20, cps=10.5, max_lines=1, min_ms=500, gap_ms=0)
    style = style_of(CaptionRequest(style="netflix", fps=25, limits=limits))
    assert [style.columns_for(language) for language in ("en", "ja")] == [20, 20]
    assert [style.cps_for(language) for language in ("en", "ja")] == [10.5, 10.5]
    assert (style.max_lines, style.min_ms, style.gap_ms, style.chain_ms) == (1, 500, 0, 480)


def test_limits_that_cannot_both_be_met_are_refused() -> None:
    with pytest.raises(ValueError, match="min_ms") as refusal:
        style_of(CaptionRequest(limits=CaptionLimits(min_ms=3000, max_ms=2000)))
    assert "2000" in str(refusal.value)


def test_limits_have_the_names_of_the_styles_own() -> None:
    assert asdict(CaptionLimits()).keys() <= asdict(STYLES["default"]).keys()


@pytest.mark.parametrize(
    ("language", "text", "size"),
    [
        ("ko", "한국어 OK", 4.5),
        ("ja", "犬は iPhone", 5.5),
        ("ja", "ｱｲｳ", 1.5),
        ("zh", "猫 OK", 4),
        ("en", "e\u0301te\u0301", 3),
    ],
)
def test_narrow_characters_are_halves_where_the_style_says_so(language: str, text: str, size: float) -> None:
    assert STYLES["netflix"].measure(text, language) == size
