"""How long texts will sound, by what voices have shown."""

import pytest

from voicereel.domain.forecast import forecast
from voicereel.domain.job import LineRecord
from voicereel.domain.matrices import inverse, times
from voicereel.domain.pace import KEPT_LINES, Belief, Pace, believed, first_belief, pace_of
from voicereel.domain.script import Controls, Line, Segment
from voicereel.domain.speakers import Voice
from voicereel.domain.speech_counts import COUNTS, NOTHING, counts_of

TEXTS = [
    "The harbour was quiet.",
    "Nobody had expected it before noon, and nobody was ready.",
    "Could you hold this line for a moment? I cannot.",
    "It was built in 1703; it stood for four winters.",
    "There are 4 crates, two of them marked fragile. Mind the third.",
    "Every spring the same question is asked, and every spring it is left open.",
    "We will need the long ladder, and someone who is not afraid of it.",
    "Why?",
] * 5
# A voice unlike any table: slower in all, and much slower at stops.
SLOW = (150.0, 45.0, 60.0, 40.0, 500.0, 400.0, 900.0)


def counted(text: str, language: str = "en") -> dict[str, float]:
    return {name: value for name, value in zip(COUNTS, counts_of(text, language), strict=True) if value}


def said_by(ms: tuple[float, ...], text: str) -> float:
    return sum(a * b for a, b in zip(ms, counts_of(text, "en"), strict=True))


def slow_pace(texts: list[str]) -> Pace:
    return pace_of(((counts_of(text, "en"), said_by(SLOW, text)) for text in texts), "en")


@pytest.mark.parametrize(
    ("text", "language", "syllables"),
    [
        ("Tables made of stone ended.", "en", 2 + 1 + 1 + 1 + 2),
        ("naïve", "en", 2),
        ("El día de la cooperación", "es", 1 + 2 + 1 + 1 + 5),
        ("Personne ne parlent", "fr", 2 + 1 + 1),
        ("Молоко и чай", "ru", 3 + 1 + 1),
        ("火车站", "zh", 3),
        ("東京へ", "ja", 2 * 2 + 1),
        ("नमस्ते", "hi", 3),
        ("BBC", "en", 3),
        ("prst", "cs", 1),
    ],
)
def test_syllables_are_counted_by_rules_of_the_language(text: str, language: str, syllables: int) -> None:
    assert counted(text, language)["syllables"] == syllables


def test_pauses_count_inside_a_text_and_once() -> None:
    assert counted("«Wait», he said. Mr. Orr came -- at 7:45 -- back...")["stops"] == 1
    assert "stops" not in counted("Done.")
    assert counted("One, (two) – three!")["commas"] == 2


def test_numbers_count_what_is_said_of_them() -> None:
    assert counted("7")["numbers"] < counted("70 %")["numbers"] < counted("1984")["numbers"]


def test_what_nobody_says_counts_nothing() -> None:
    assert counts_of("… — !", "en") == NOTHING


def test_an_inverse_undoes() -> None:
    matrix = ((4.0, 1.0, 0.5), (1.0, 3.0, 0.2), (0.5, 0.2, 2.0))
    assert times(matrix, times(inverse(matrix), (1.0, 2.0, 3.0))) == pytest.approx((1.0, 2.0, 3.0))


def test_a_voice_is_known_by_its_lines() -> None:
    known = believed("en", of_engine=Pace(), of_voice=slow_pace(TEXTS))
    text = "A second tower followed in 1709. Its keeper, a whaler, wrote every month."
    assert known.expected_ms(counts_of(text, "en")) == pytest.approx(said_by(SLOW, text), rel=0.03)
    unknown = first_belief("en")
    assert unknown.expected_ms(counts_of(text, "en")) < 0.8 * said_by(SLOW, text)
    assert known.doubt_ms2(counts_of(text, "en")) < 0.1 * unknown.doubt_ms2(counts_of(text, "en"))


def test_others_of_the_engine_are_believed_until_a_voice_has_spoken() -> None:
    counts, slow = counts_of(TEXTS[5], "en"), slow_pace(TEXTS)
    table = first_belief("en").expected_ms(counts)
    by_others = believed("en", of_engine=slow, of_voice=Pace())
    assert by_others.expected_ms(counts) == pytest.approx(said_by(SLOW, TEXTS[5]), rel=0.05)
    at_table_pace = pace_of(
        ((counts_of(t, "en"), first_belief("en").expected_ms(counts_of(t, "en"))) for t in TEXTS), "en"
    )
    itself = believed("en", of_engine=slow, of_voice=at_table_pace)
    assert itself.expected_ms(counts) == pytest.approx(table, rel=0.03)


def test_odd_lines_teach_nothing() -> None:
    counts = counts_of(TEXTS[1], "en")
    assert pace_of([(counts, 60_000.0), (counts, 20.0), (NOTHING, 300.0)], "en") == Pace()


def test_old_lines_fade() -> None:
    pace = slow_pace(TEXTS)
    for _ in range(6):
        pace = pace + pace
    faded = pace.faded()
    assert (pace.lines, faded.lines) == (40 * 64, KEPT_LINES)
    assert faded.xy[1] / faded.xx[1][1] == pytest.approx(pace.xy[1] / pace.xx[1][1])


# --- scripts ----------------------------------------------------------------------------------------


def record(text: str, at: int = 0, *, speed: float = 1.0, **changes: object) -> LineRecord:
    line = Line(id=f"l{at}", speaker="A", text=text, **changes)  # type: ignore[arg-type]
    voice = Voice(speaker_id="stock:fake/a", speaker_name="A", engine="fake", name="a")
    return LineRecord(ordinal=at, line=line, controls=Controls(speed=speed, language="en"), voice=voice)


def known(_: object) -> Belief:
    return believed("en", of_engine=Pace(), of_voice=slow_pace(TEXTS))


def test_a_script_is_as_long_as_its_lines_and_pauses() -> None:
    records = [record(text, at, pause_after_ms=300) for at, text in enumerate(TEXTS[:4])]
    found = forecast(records, known, tenant_id="ten_1")
    assert found.reel.ms == sum(found.lines_ms) + 4 * 300
    assert found.reel.low_ms < found.reel.ms < found.at_most_ms <= found.reel.high_ms
    (speech,) = found.speech.values()
    assert speech.ms == pytest.approx(sum(found.lines_ms), abs=2)
    assert forecast([record("…", pause_after_ms=70)], known, tenant_id="ten_1").at_most_ms == 70


def test_speed_shortens_and_a_slot_fixes() -> None:
    one, fast = (forecast([record(TEXTS[1], speed=speed)], known, tenant_id="t") for speed in (1.0, 2.0))
    assert fast.lines_ms[0] == pytest.approx(one.lines_ms[0] / 2, abs=1)
    slot = Segment(start_ms=60_000, end_ms=63_000)
    slotted = forecast([record(TEXTS[1]), record("Why?", 1, slot=slot)], known, tenant_id="t")
    assert slotted.reel.ms == 60_000 + slotted.lines_ms[1] + 250
    # What comes before the last slot adds no doubt.
    alone = forecast([record("Why?", slot=slot)], known, tenant_id="t")
    assert slotted.reel == alone.reel


def test_a_guess_is_quoted_five_percent_above_itself_at_most() -> None:
    records = [record(text, at) for at, text in enumerate(TEXTS)]
    guess = forecast(records, lambda _: first_belief("en"), tenant_id="t")
    assert guess.reel.high_ms > 1.1 * guess.reel.ms
    assert guess.at_most_ms == pytest.approx(1.05 * guess.reel.ms, abs=1)
