"""The published rules of captions, on random reels and on sentences a person can judge."""

from itertools import groupby, pairwise

import pytest
from hypothesis import given

from tests.captions.strategies import cuts, examples, reels, styles
from voicereel.captions.cue import Cue
from voicereel.captions.presets import STYLES
from voicereel.captions.segmenter import segment
from voicereel.captions.style import CaptionStyle, width
from voicereel.domain.reel import Placement, Reel, Word
from voicereel.domain.words import words_from_timings

STYLE = STYLES["default"]


def placed(
    text: str, *, start_ms: int = 0, end_ms: int, line_id: str = "l1", language: str = "en"
) -> Placement:
    """A line whose words fill its time evenly, by their length."""
    words = words_from_timings(text, [], end_ms - start_ms)
    return Placement(
        line_id=line_id, role="ANA", speaker_id="spk_1", speaker_name="Ana", language=language, text=text,
        start_ms=start_ms, end_ms=end_ms, words=tuple(word.shifted(start_ms) for word in words),
    )  # fmt: skip


def said(text: str, *times: tuple[int, int]) -> Placement:
    words = tuple(
        Word(text=token, start_ms=start, end_ms=end, source="engine", confidence=1.0)
        for token, (start, end) in zip(text.split(), times, strict=True)
    )
    return Placement(
        line_id="l1", role="ANA", speaker_id="spk_1", speaker_name="Ana", language="en", text=text,
        start_ms=times[0][0], end_ms=times[-1][1], words=words,
    )  # fmt: skip


def reel(*placements: Placement, tail_ms: int = 0) -> Reel:
    duration_ms = max(placement.end_ms for placement in placements) + tail_ms
    return Reel(title="", language="en", duration_ms=duration_ms, placements=placements)


def cues_of(*placements: Placement, tail_ms: int = 0) -> tuple[Cue, ...]:
    return segment(reel(*placements, tail_ms=tail_ms), STYLE)


def squeezed(text: str) -> str:
    return "".join(text.split())


def by_line(cues: tuple[Cue, ...]) -> dict[str, list[Cue]]:
    ordered = sorted(cues, key=lambda cue: cue.line_id)
    return {line_id: list(group) for line_id, group in groupby(ordered, key=lambda cue: cue.line_id)}


@examples(150)
@given(reels())
def test_any_reel_keeps_the_rules(reel: Reel) -> None:
    cues = segment(reel, STYLE)
    check_cues(reel, cues, STYLE)
    lines = by_line(cues)
    for placement in reel.placements:
        if placement.words:
            assert lines[placement.line_id][0].start_ms == placement.words[0].start_ms


@examples(150)
@given(reels(), styles, cuts)
def test_any_style_and_any_shot_cuts_keep_the_rules(
    reel: Reel, style: CaptionStyle, cuts_ms: list[int]
) -> None:
    check_cues(reel, segment(reel, style, cuts_ms), style)


def check_cues(reel: Reel, cues: tuple[Cue, ...], style: CaptionStyle) -> None:
    lines = by_line(cues)
    assert [cue.start_ms for cue in cues] == sorted(cue.start_ms for cue in cues)
    assert set(lines) == {placement.line_id for placement in reel.placements if placement.words}
    for cue in cues:
        assert 0 <= cue.start_ms < cue.end_ms <= min(reel.duration_ms, cue.start_ms + style.max_ms)
        assert squeezed("".join(cue.lines)) == squeezed(cue.text)
        assert all(line == line.strip() != "" for line in cue.lines)
    for placement in reel.placements:
        if placement.words:
            check_line(placement, lines[placement.line_id], style)
    for one, other in pairwise(p for p in reel.placements if p.words):
        if one.words[-1].end_ms <= other.words[0].start_ms:
            assert_gap(lines[one.line_id][-1], lines[other.line_id][0], style)


def check_line(placement: Placement, cues: list[Cue], style: CaptionStyle) -> None:
    assert "".join(cue.text for cue in cues) == placement.spoken
    assert all((cue.role, cue.language) == (placement.role, placement.language) for cue in cues)
    for one, other in pairwise(cues):
        assert_gap(one, other, style)
    # A word of many characters in few milliseconds has no room for a second cue.
    if all(word.end_ms - word.start_ms >= len(word.text) for word in placement.words):
        columns = style.columns_for(placement.language)
        for cue in cues:
            assert len(cue.lines) <= style.max_lines
            assert all(style.measure(line, cue.language) <= columns for line in cue.lines)


def assert_gap(one: Cue, other: Cue, style: CaptionStyle) -> None:
    assert one.end_ms <= max(one.start_ms + 1, other.start_ms - style.gap_ms)


def test_a_line_that_fits_is_one_display_line() -> None:
    (cue,) = cues_of(placed("Did you hear that?", end_ms=1200), tail_ms=250)
    assert (cue.lines, cue.text, cue.start_ms) == (("Did you hear that?",), "Did you hear that?", 0)


def test_cues_end_with_sentences_and_never_with_an_article() -> None:
    text = (
        "I was sitting in the kitchen with the radio on, and I did not hear a thing. "
        "Then the neighbour came in without a word and put the letter on the table."
    )
    assert [cue.lines for cue in cues_of(placed(text, end_ms=10_000))] == [
        ("I was sitting in the kitchen", "with the radio on,"),
        ("and I did not hear a thing.",),
        ("Then the neighbour came in without a word", "and put the letter on the table."),
    ]


@pytest.mark.parametrize(
    ("language", "text", "small"),
    [
        (
            "es",
            "No te muevas de ahí, que el perro de la vecina está en el jardín y no sabemos si muerde "
            "a los niños o solo ladra a la luz de las farolas",
            "de el la en los las y no si a o que",
        ),
        (
            "fr",
            "Je ne sais pas où est le chat de la voisine mais il était dans le jardin avec un oiseau "
            "dans la gueule et il courait vers la maison",
            "je ne le la de mais dans un et vers est",
        ),
        (
            "de",
            "Ich habe den Brief auf dem Tisch gesehen aber der Umschlag war leer und niemand wusste "
            "wer ihn in der Nacht geöffnet hat",
            "ich den auf dem aber der und in",
        ),
        (
            "en-GB",
            "We went to the house of the old man by the river because nobody had seen him in the "
            "village for more than a week",
            "to the of by because in for a had we",
        ),
    ],
)
def test_small_words_stay_with_what_follows(language: str, text: str, small: str) -> None:
    cues = cues_of(placed(text, end_ms=9000, language=language))
    rows = [row for cue in cues for row in cue.lines]
    assert len(rows) > 2
    assert not {row.split()[-1].lower() for row in rows[:-1]} & set(small.split())


def test_the_end_of_a_cue_gives_way_to_the_next_and_words_do_not() -> None:
    cues = cues_of(placed("One.", end_ms=900), placed("Two.", start_ms=900, end_ms=1800, line_id="l2"))
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 820), (900, 1800)]


def test_a_small_gap_is_closed_to_two_frames() -> None:
    cues = cues_of(placed("One.", end_ms=900), placed("Two.", start_ms=1200, end_ms=2100, line_id="l2"))
    assert cues[0].end_ms == 1120


def test_a_short_word_stays_for_the_minimum_where_there_is_room() -> None:
    assert cues_of(said("Yes.", (0, 200)), tail_ms=3000)[0].end_ms == STYLE.min_ms
    assert cues_of(said("Yes.", (0, 200)), tail_ms=300)[0].end_ms == 500


def test_fast_speech_stays_half_a_second_longer_at_most() -> None:
    assert (
        cues_of(placed("Supercalifragilisticexpialidocious now", end_ms=1000), tail_ms=9000)[0].end_ms == 1500
    )


def test_no_cue_outlasts_seven_seconds() -> None:
    slow = said("Nooo stop", (0, 9000), (9500, 10_000))
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in cues_of(slow)] == [
        (0, 7000, "Nooo "),
        (9500, 10_000, "stop"),
    ]


def test_every_word_of_a_slow_line_is_heard_while_it_is_read() -> None:
    cues = cues_of(placed("never gonna give you up", end_ms=9000))
    assert [cue.end_ms - cue.start_ms <= STYLE.max_ms for cue in cues] == [True, True]
    assert cues[0].end_ms == cues[1].start_ms - STYLE.gap_ms


def test_a_long_silence_parts_cues() -> None:
    cues = cues_of(said("I thought maybe", (0, 300), (300, 700), (2200, 2600)), tail_ms=1000)
    assert [cue.text for cue in cues] == ["I thought ", "maybe"]


def test_people_who_talk_at_once_have_cues_at_once() -> None:
    cues = cues_of(
        placed("Listen to me", end_ms=2000), placed("No", start_ms=1500, end_ms=2500, line_id="l2")
    )
    assert [(cue.line_id, cue.start_ms, cue.end_ms) for cue in cues] == [("l1", 0, 2000), ("l2", 1500, 2500)]


def test_a_word_no_line_can_hold_is_cut_and_its_time_shared() -> None:
    cues = cues_of(placed("x" * 300, end_ms=20_000))
    assert [len(line) for cue in cues for line in cue.lines] == [38] * 7 + [34]
    assert [cue.start_ms for cue in cues] == [0, 5066, 10_133, 15_200]


def test_a_long_word_in_no_time_is_one_overfull_cue() -> None:
    (cue,) = cues_of(placed("x" * 300, end_ms=1))
    assert (cue.start_ms, cue.end_ms, "".join(cue.lines)) == (0, 1, "x" * 300)
    assert all(len(line) <= 42 for line in cue.lines)


def test_graphemes_are_not_cut() -> None:
    family = "👨‍👩‍👧‍👦"
    cues = cues_of(placed("go " + family * 41, end_ms=9000))
    assert all(width(line) <= 42 for cue in cues for line in cue.lines)
    assert all(set(line.replace("go", "").split(family)) <= {"", " "} for cue in cues for line in cue.lines)


def test_japanese_without_word_times_breaks_at_its_punctuation() -> None:
    text = "吾輩は猫である。名前はまだ無い。「どこで生れたか」とんと見当がつかぬ。"
    rows = [row for cue in cues_of(placed(text, end_ms=7000, language="ja")) for row in cue.lines]
    assert rows[:2] == ["吾輩は猫である。", "名前はまだ無い。"]
    assert not any(row[0] in "」。、" or row[-1] == "「" for row in rows)


def test_a_line_without_words_has_no_cue() -> None:
    silent = Placement(
        line_id="l1",
        role="ANA",
        speaker_id="s",
        speaker_name="Ana",
        language="en",
        text="…",
        start_ms=0,
        end_ms=0,
    )
    assert cues_of(silent, tail_ms=500) == ()


def test_words_of_another_text_are_refused_without_quoting_it() -> None:
    line = said("Secret words", (0, 100), (100, 200))
    for text in ("Other words", "Secret", "Secret words too"):
        other = Placement(**{**{f: getattr(line, f) for f in Placement.__slots__}, "text": text})
        with pytest.raises(ValueError, match="line l1") as refusal:
            cues_of(other)
        assert "Secret" not in str(refusal.value)
