"""Cues near shot cuts: by the rule itself, and with words around them."""

import pytest

from tests.captions.test_segmenter import placed, reel, said
from voicereel.captions.cue import Cue
from voicereel.captions.presets import STYLES
from voicereel.captions.segmenter import segment
from voicereel.captions.shots import begin_near, ends_near
from voicereel.domain.reel import Placement

STYLE = STYLES["netflix@2"]
CUT = 5000


@pytest.mark.parametrize(
    ("position_ms", "begins_ms"),
    [
        (4400, 4400),
        (4500, 4500),  # twelve frames at 24 before the cut
        (4501, 4500),
        (4625, 4500),  # nine
        (4626, CUT),
        (4999, CUT),
        (CUT, CUT),
        (5001, CUT),
        (5499, CUT),
        (5500, 5500),
    ],
)
def test_a_cue_begins_on_a_cut_or_half_a_second_from_it(position_ms: int, begins_ms: int) -> None:
    assert begin_near(position_ms, [CUT]) == begins_ms


@pytest.mark.parametrize(
    ("position_ms", "ends_ms"),
    [
        (4500, [4500]),
        (4501, [4916]),
        (4916, [4916]),
        (4999, [4916]),
        (CUT, [4916, 5500]),
        (5374, [4916, 5500]),
        (5375, [5500, 4916]),
        (5500, [5500]),
    ],
)
def test_a_cue_ends_two_frames_before_a_cut_or_half_a_second_after(position_ms: int, ends_ms: list) -> None:
    assert list(ends_near(position_ms, [CUT], gap_ms=84)) == ends_ms


def test_what_was_moved_is_not_moved_again() -> None:
    cuts = [0, 300, 1100, 1980, 2700, 5000]
    for position_ms in range(6000):
        begins_ms = begin_near(position_ms, cuts)
        assert begin_near(begins_ms, cuts) == begins_ms
        for ends_ms in ends_near(position_ms, cuts, gap_ms=84):
            assert ends_ms in ends_near(ends_ms, cuts, gap_ms=84)


def cut(*placements: Placement, at: list[int], tail_ms: int = 3000) -> list[tuple[int, int]]:
    cues: tuple[Cue, ...] = segment(reel(*placements, tail_ms=tail_ms), STYLE, at)
    return [(cue.start_ms, cue.end_ms) for cue in cues]


def test_a_line_that_begins_after_a_cut_is_shown_from_the_cut() -> None:
    assert cut(placed("Did you hear that?", start_ms=5300, end_ms=6800), at=[CUT]) == [(CUT, 6800)]


def test_a_line_that_ends_after_a_cut_is_shown_until_two_frames_before() -> None:
    assert cut(placed("Did you hear that?", start_ms=3000, end_ms=5200), at=[CUT]) == [(3000, 4916)]


def test_a_line_that_ends_just_before_a_cut_stays_until_the_cut() -> None:
    assert cut(placed("Did you hear that?", start_ms=3000, end_ms=4700), at=[CUT]) == [(3000, 4916)]


def test_no_cue_comes_while_another_is_heard() -> None:
    """The second cannot begin on the cut: the first is still speaking then."""
    first = placed("Not one word of it is true.", start_ms=3000, end_ms=5200)
    second = placed("Oh, but it is.", start_ms=5300, end_ms=6800, line_id="l2")
    assert cut(first, second, at=[CUT]) == [(3000, 4916), (5300, 6800)]


def test_a_cue_stays_long_enough_to_be_read_although_there_is_a_cut() -> None:
    assert cut(said("Yes.", (4800, 5100)), at=[CUT], tail_ms=900) == [(CUT, 5833)]
    assert cut(said("Yes.", (4800, 5100)), at=[CUT], tail_ms=600) == [(4800, 5633)]


def test_words_part_at_a_cut_where_they_can() -> None:
    text = "I was in the garden all day, and nobody came to the gate, not even the dog."
    line = placed(text, end_ms=6000)
    (comma,) = [word.end_ms for word in line.words if word.text == "day,"]
    whole = segment(reel(line, tail_ms=1000), STYLE)
    parted = segment(reel(line, tail_ms=1000), STYLE, [comma])
    assert [cue.text for cue in whole] == [text]
    assert [cue.text for cue in parted] == [text[:29], text[29:]]
