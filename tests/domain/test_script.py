"""Rules of a script that need more than one field."""

import pytest

from voicereel.domain.script import (
    Controls,
    Line,
    Role,
    Script,
    check,
    has_speech,
    spoken_text,
    without_emoji,
)


def line(number: int, text: str = "Hello.", **changes: object) -> Line:
    return Line(**{"id": f"l{number}", "speaker": "A", "text": text, **changes})  # type: ignore[arg-type]


CAST = {"A": Role(speaker_id="stock:fake/a")}


def problems(*lines: Line | None) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in check(lines, CAST)]


def test_a_good_script_has_no_problems() -> None:
    assert problems(line(1), line(2, speaker="spk_01JB8Z7W3V5K6Q2N4M8T0R1S2X", overlap_ms=10)) == []


def test_every_problem_is_named_even_beside_broken_lines() -> None:
    found = problems(line(1, overlap_ms=5), None, line(1), line(3, speaker="NOBODY"))
    assert found == [
        ("/lines/2/id", "duplicate_line_id"),
        ("/lines/3/speaker", "unknown_speaker"),
        ("/lines/0/overlap_ms", "overlap_too_long"),
    ]


def test_a_line_with_no_sound_cannot_be_overlapped() -> None:
    assert problems(line(1, text="…"), line(2, overlap_ms=1)) == [("/lines/1/overlap_ms", "overlap_too_long")]


def test_controls_come_from_line_then_role_then_script() -> None:
    role = Role(speaker_id="stock:fake/a", controls=Controls(speed=1.2, gain_db=-3.0))
    script = Script(lines=(line(1, controls=Controls(speed=0.9)),), cast={"A": role}, language="es", seed=7)
    controls = script.lines[0].controls.over(script.controls_of_role("A"))
    assert (controls.speed, controls.gain_db, controls.pitch_st) == (0.9, -3.0, 0.0)
    assert (controls.language, controls.seed) == ("es", 7)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("  a \t b\n\nc ", "a b c"),
        ("a\x00b\x1b[31m\x7f", "ab[31m"),
        ("\u202bשלום\u202c", "\u202bשלום\u202c"),
        ("<speak>hi</speak>", "<speak>hi</speak>"),
    ],
)
def test_control_characters_and_runs_of_space_are_not_spoken(text: str, spoken: str) -> None:
    assert spoken_text(text) == spoken


@pytest.mark.parametrize(
    ("text", "heard"),
    [("…?!", False), ("😀 👍🏽", False), ("—", False), ("7", True), ("안", True), ("ß!", True)],
)
def test_only_letters_and_digits_are_heard(text: str, heard: bool) -> None:
    assert has_speech(text) is heard


def test_emoji_are_seen_and_not_spoken_and_positions_stay() -> None:
    text = "Hi 👋🏽 all 👩\u200d👩\u200d👧 of ☀️ you © 20 °C"
    assert without_emoji(text) == "Hi    all       of    you © 20 °C"
    assert len(without_emoji(text)) == len(text)
