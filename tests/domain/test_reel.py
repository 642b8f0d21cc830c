"""The timeline's arithmetic."""

from hypothesis import given
from hypothesis import strategies as st

from voicereel.domain.reel import lay_out, samples
from voicereel.domain.script import Line, Segment


def line(number: int, **changes: object) -> Line:
    return Line(**{"id": f"l{number}", "speaker": "A", "text": "x", **changes})  # type: ignore[arg-type]


def starts(lines: list[Line], durations: list[int]) -> list[tuple[int, int]]:
    return [(part.start_ms, part.end_ms) for part in lay_out(lines, durations).segments]


def test_a_line_follows_the_one_before_it_after_its_pause() -> None:
    assert starts([line(1, pause_after_ms=300), line(2)], [1000, 500]) == [(0, 1000), (1300, 1800)]


def test_an_overlap_pulls_a_line_back() -> None:
    lines = [line(1, pause_after_ms=0), line(2, overlap_ms=200)]
    assert starts(lines, [1000, 500]) == [(0, 1000), (800, 1300)]


def test_no_line_starts_before_the_reel() -> None:
    lines = [line(1, pause_after_ms=0), line(2, overlap_ms=900)]
    assert starts(lines, [100, 500]) == [(0, 100), (0, 500)]


def test_a_slot_sets_the_start_and_the_next_line_follows_its_end() -> None:
    lines = [line(1), line(2, slot=Segment(start_ms=5000, end_ms=6000), pause_after_ms=100), line(3)]
    assert starts(lines, [1000, 800, 10]) == [(0, 1000), (5000, 5800), (5900, 5910)]


def test_a_take_longer_than_its_slot_is_a_warning_that_says_by_how_much() -> None:
    timeline = lay_out([line(1, slot=Segment(start_ms=0, end_ms=900))], [1000])
    assert [(w.code, w.pointer) for w in timeline.warnings] == [("slot_overrun", "/lines/0/slot")]
    assert "100 ms" in timeline.warnings[0].detail


def test_the_reel_lasts_until_the_last_pause_has_ended() -> None:
    late_slot_first = [
        line(1, slot=Segment(start_ms=9000, end_ms=10_000)),
        line(2, slot=Segment(start_ms=0, end_ms=1)),
    ]
    assert lay_out(late_slot_first, [500, 1]).duration_ms == 9750


def test_positions_are_rounded_from_zero_so_errors_never_add_up() -> None:
    assert [samples(ms, 22_050) for ms in (0, 1, 2, 3, 1000)] == [0, 22, 44, 66, 22_050]


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 2000), st.integers(0, 500)), min_size=1))
def test_lines_keep_their_lengths_and_the_reel_holds_them_all(parts: list[tuple[int, int, int]]) -> None:
    lines = [line(i, pause_after_ms=pause, overlap_ms=over) for i, (_, pause, over) in enumerate(parts)]
    durations = [length for length, _, _ in parts]
    timeline = lay_out(lines, durations)
    assert [part.length_ms for part in timeline.segments] == durations
    assert all(part.start_ms >= 0 for part in timeline.segments)
    assert timeline.duration_ms >= max(part.end_ms for part in timeline.segments)
