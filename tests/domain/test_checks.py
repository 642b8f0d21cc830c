"""Texts against what was heard, and when that is bad enough for a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicereel.domain.checks import FAULTS, SpokenCheck, compare
from voicereel.domain.script import Qa

TEXT = ["the", "quick", "brown", "fox"]


@pytest.mark.parametrize(
    ("heard", "missing", "repeated", "wer"),
    [
        ("the quick brown fox", (), (), 0.0),
        ("the quick fox", (3,), (), 0.25),
        ("quick brown fox", (1,), (), 0.25),
        ("the quick brown", (4,), (), 0.25),
        ("the quick quick brown fox", (), (2,), 0.25),
        ("the quick the quick brown fox", (), (1, 2), 0.5),
        ("the quick red fox", (3,), (), 0.25),
        ("the quick red brown fox", (), (), 0.25),
        ("", (1, 2, 3, 4), (), 1.0),
        ("a a a a a a a a", (1, 2, 3, 4), (), 2.0),
    ],
)
def test_words_left_out_and_said_again_are_named(
    heard: str, missing: tuple[int, ...], repeated: tuple[int, ...], wer: float
) -> None:
    found = compare(TEXT, heard.split())
    assert (found.missing, tuple(sorted(found.repeated)), found.wer) == (missing, repeated, wer)


def test_nothing_is_said_of_words_that_cannot_be_told() -> None:
    assert compare(TEXT, ["the", "quick", "fox"], untold={3}).wer == 0
    assert compare(TEXT, ["the", "quick", "quick", "brown", "fox"], untold={2}).wer == 0
    assert compare(TEXT, ["the", "quick", "fox"], untold={2}).missing == (3,)


words = st.lists(st.sampled_from("abc"), max_size=8)


@given(words, words)
def test_the_rate_is_that_of_levenshtein(expected: list[str], heard: list[str]) -> None:
    row = list(range(len(heard) + 1))
    for number, word in enumerate(expected, 1):
        before, row = row, [number]
        for at, other in enumerate(heard, 1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (word != other)))
    assert compare(expected, heard).wer == round(row[-1] / max(len(expected), 1), 3)
    assert compare(expected, expected).wer == 0


def test_a_line_is_judged_by_what_the_customer_allows_else_by_its_recogniser() -> None:
    check = SpokenCheck(recognizer="some", words=4, wer=0.25, limit=0.2, missing=(3,))
    assert not check.is_good(Qa())
    assert check.is_good(Qa(max_wer=0.25))
    assert SpokenCheck(recognizer="some", words=4, wer=0.2, limit=0.2).is_good(Qa())
    assert SpokenCheck().is_good(Qa(max_wer=0))
    assert not SpokenCheck(faults=("truncated",)).is_good(Qa(max_wer=1))


def test_why_is_told_in_figures_and_quotes_nothing() -> None:
    many = SpokenCheck(recognizer="some", words=40, wer=0.5, missing=tuple(range(1, 13)), repeated=(20,))
    assert many.suspicion(Qa()) == (
        "Listen to this line: 12 of 40 words not heard (word 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more);"
        " 1 of 40 words heard again (word 20)."
    )
    assert all(text in SpokenCheck(faults=(name,)).suspicion(Qa()) for name, text in FAULTS.items())
    assert "another text" in SpokenCheck(recognizer="some", words=2, wer=1.5).suspicion(Qa())
