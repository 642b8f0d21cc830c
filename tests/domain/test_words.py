"""Words partition the text; times are whole, rise, and say how far they can be trusted."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captions.strategies import examples, texts, timings
from voicereel.domain.script import has_speech, spoken_text
from voicereel.domain.words import Timing, clearer, vague, words_from_timings


def timed(*spans: tuple[int, int, float, float], exact: bool = True) -> list[Timing]:
    return [Timing(start_char=a, end_char=b, start_ms=s, end_ms=e, exact=exact) for a, b, s, e in spans]


def figures(text: str, given_timings: list[Timing], duration_ms: int) -> list[tuple[str, int, int, str]]:
    words = words_from_timings(text, given_timings, duration_ms)
    return [(word.text, word.start_ms, word.end_ms, word.source) for word in words]


@examples(200)
@given(st.data(), texts, st.one_of(st.integers(0, 40), st.integers(0, 20_000)))
def test_words_partition_any_text_and_their_times_rise(
    data: st.DataObject, text: str, duration_ms: int
) -> None:
    text = spoken_text(text)
    words = words_from_timings(text, data.draw(timings(text, duration_ms)), duration_ms)
    if not has_speech(text) or duration_ms == 0:
        assert words == ()
        return
    assert "".join("".join(word.text for word in words).split()) == "".join(text.split())
    assert all(word.start_ms < word.end_ms and has_speech(word.text) for word in words)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(words))
    assert words[0].start_ms >= 0
    assert words[-1].end_ms <= duration_ms
    assert all((word.source == "engine") == (word.confidence == 1.0) for word in words)


def test_an_exact_timing_of_its_own_is_the_words_time() -> None:
    assert figures("Hello, you!", timed((0, 5, 10.4, 300.6), (7, 10, 350, 612)), 700) == [
        ("Hello,", 10, 301, "engine"),
        ("you!", 350, 612, "engine"),
    ]


def test_inexact_times_are_estimates() -> None:
    words = words_from_timings("one two", timed((0, 3, 0, 100), (4, 7, 100, 200), exact=False), 200)
    assert [(word.source, word.confidence) for word in words] == [("estimated", 0.5)] * 2


def test_words_that_share_a_timing_share_its_time_by_length() -> None:
    assert figures("a the house", timed((0, 5, 0, 400), (6, 11, 400, 900)), 900) == [
        ("a", 0, 100, "estimated"),
        ("the", 100, 400, "estimated"),
        ("house", 400, 900, "engine"),
    ]


def test_a_word_without_a_time_takes_the_gap_it_lies_in() -> None:
    assert figures("one four two", timed((0, 3, 0, 100), (9, 12, 500, 800)), 800)[1] == (
        "four", 100, 500, "estimated",
    )  # fmt: skip


def test_a_word_without_a_time_or_a_gap_shares_the_time_of_the_word_before() -> None:
    assert figures("of the cat", timed((0, 2, 0, 500), (7, 10, 500, 900)), 900) == [
        ("of", 0, 200, "estimated"),
        ("the", 200, 500, "estimated"),
        ("cat", 500, 900, "engine"),
    ]


@pytest.mark.parametrize(
    ("text", "spans", "words"),
    [
        ("Wait — what?", [], ["Wait —", "what?"]),
        ("— Hi 😀 there", [], ["— Hi 😀", "there"]),
        ("（你好）世界。", [(1, 3, 0, 400), (4, 6, 400, 900)], ["（你好）", "世界。"]),
        ("私は「猫」です", [(0, 2, 0, 300), (3, 4, 300, 600), (5, 7, 600, 900)], ["私は", "「猫」", "です"]),
        ("你好世界", [(0, 2, 0, 400)], ["你好", "世界"]),
        ("ไทยแล้ว", [(0, 4, 0, 400), (4, 7, 400, 900)], ["ไทย", "แล้ว"]),
        ("well-known (hi)", [(0, 4, 0, 9), (5, 10, 9, 99), (12, 14, 99, 900)], ["well-", "known", "(hi)"]),
        ("1984", [(0, 4, 0, 300), (0, 4, 300, 900)], ["1984"]),
    ],
)  # fmt: skip
def test_where_words_are_cut(text: str, spans: list[tuple[int, int, float, float]], words: list[str]) -> None:
    assert [word.text for word in words_from_timings(text, timed(*spans), 900)] == words


def test_several_timings_of_one_word_are_one_exact_time() -> None:
    assert figures("1984", timed((0, 4, 0, 300), (0, 4, 300, 900)), 950) == [("1984", 0, 900, "engine")]


def test_more_words_than_milliseconds_are_joined() -> None:
    assert figures("a b c d e", [], 2) == [("a b", 0, 1, "estimated"), ("c d e", 1, 2, "estimated")]


def test_times_that_go_back_are_put_in_order() -> None:
    times = [
        (start, end)
        for _, start, end, _ in figures("a b c", timed((0, 1, 50, 90), (2, 3, 20, 30), (4, 5, 40, 60)), 90)
    ]
    assert times == [(50, 51), (51, 52), (52, 60)]


# --- what an aligner adds --------------------------------------------------------------------


def aligned(*spans: tuple[int, int, float, float], exact: bool = True) -> list[Timing]:
    return [replace(one, source="aligned", confidence=0.9) for one in timed(*spans, exact=exact)]


def test_an_aligner_is_asked_when_nothing_was_timed_or_several_words_as_one() -> None:
    assert vague("one two", [])
    assert vague("one two", timed((0, 7, 0, 900), exact=False))
    assert not vague("one two", timed((0, 3, 0, 400), (4, 7, 400, 900), exact=False))
    assert not vague("今日は 良", timed((0, 3, 0, 400), exact=False))
    assert not vague("one — two", timed((0, 5, 0, 400), (6, 9, 400, 900), exact=False))


def test_aligned_words_say_so_and_how_sure_they_are() -> None:
    words = words_from_timings("one two", aligned((0, 3, 0, 400), (4, 7, 400, 900)), 900)
    assert [(word.source, word.confidence) for word in words] == [("aligned", 0.9)] * 2


def test_an_aligners_words_fill_only_what_the_engine_timed_as_a_whole() -> None:
    own = [*timed((0, 3, 0, 100)), *timed((4, 10, 200, 600), exact=False)]
    better = aligned((0, 3, 50, 150), (4, 6, 150, 380), (7, 10, 380, 700))
    words = words_from_timings("one of the", clearer(own, better), 700)
    assert [(w.text, w.start_ms, w.end_ms, w.source) for w in words] == [
        ("one", 0, 100, "engine"), ("of", 200, 380, "aligned"), ("the", 380, 600, "aligned"),
    ]  # fmt: skip
    assert clearer(own, []) == own
    assert clearer([], better) == better
    assert clearer(own, aligned((4, 10, 200, 600), exact=False)) == own


def test_what_an_aligner_timed_as_one_is_estimated_within_it() -> None:
    words = words_from_timings("of the", aligned((0, 6, 0, 600), exact=False), 600)
    assert [(word.source, word.confidence) for word in words] == [("estimated", 0.45)] * 2
