"""Sharing a reel's length out among those who spoke it, and what each share costs."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicereel.domain.errors import NoPrice
from voicereel.domain.prices import Charge, PriceTable, Spoken, amount_text, itemise, parse_amount

RATES = {("*", "render"): 100, ("fast", "render"): 7, ("free", "render"): 0}


def prices(rates: dict[tuple[str, str], int] | None = None) -> PriceTable:
    valid_from = datetime(2026, 1, 1, tzinfo=UTC)
    return PriceTable(
        version=3, currency="USD", valid_from=valid_from, rates=RATES if rates is None else rates
    )


def spoke(speaker_id: str, duration_ms: int, engine: str = "slow") -> Spoken:
    return Spoken(speaker_id=speaker_id, engine=engine, duration_ms=duration_ms)


def shares(charges: tuple[Charge, ...]) -> list[tuple[str, str, int, int]]:
    return [(c.speaker_id, c.engine, c.billable_ms, c.amount_micros) for c in charges]


SPOKEN = st.lists(
    st.builds(
        Spoken,
        speaker_id=st.sampled_from(["spk_a", "spk_b", "spk_c", "spk_d"]),
        engine=st.sampled_from(["slow", "fast", "free"]),
        duration_ms=st.integers(0, 10**7),
    ),
    max_size=30,
)


@given(spoken=SPOKEN, billable_ms=st.integers(0, 10**8))
def test_the_shares_are_exact_and_in_proportion(spoken: list[Spoken], billable_ms: int) -> None:
    charges = itemise(spoken, billable_ms=billable_ms, prices=prices())
    assert sum(charge.billable_ms for charge in charges) == billable_ms
    total = sum(line.duration_ms for line in spoken)
    for charge in charges if total else ():
        theirs = sum(
            line.duration_ms
            for line in spoken
            if (line.speaker_id, line.engine) == (charge.speaker_id, charge.engine)
        )
        assert theirs > 0
        assert abs(charge.billable_ms - Fraction(billable_ms * theirs, total)) < 1


@given(spoken=SPOKEN, billable_ms=st.integers(0, 10**8), seed=st.randoms())
def test_the_order_of_lines_changes_nothing(spoken: list[Spoken], billable_ms: int, seed: object) -> None:
    shuffled = list(spoken)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (itemise(lines, billable_ms=billable_ms, prices=prices()) for lines in (spoken, shuffled))
    assert one == other


@given(billable_ms=st.integers(0, 10**8), rate=st.integers(0, 10**7))
def test_an_amount_is_the_exact_one_rounded_half_up(billable_ms: int, rate: int) -> None:
    (charge,) = itemise([spoke("a", 5)], billable_ms=billable_ms, prices=prices({("*", "render"): rate}))
    assert -Fraction(1, 2) < Fraction(billable_ms * rate, 1000) - charge.amount_micros < Fraction(1, 2) or (
        charge.amount_micros - Fraction(billable_ms * rate, 1000) == Fraction(1, 2)
    )


def test_each_speaker_is_charged_at_the_rate_of_their_engine() -> None:
    spoken = [spoke("b", 3000), spoke("a", 500), spoke("a", 500, "fast"), spoke("quiet", 0)]
    assert shares(itemise(spoken, billable_ms=8000, prices=prices())) == [
        ("a", "fast", 1000, 7),
        ("a", "slow", 1000, 100),
        ("b", "slow", 6000, 600),
    ]


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    spoken = [spoke("a", 1), spoke("b", 1), spoke("c", 1)]
    assert [ms for _, _, ms, _ in shares(itemise(spoken, billable_ms=8, prices=prices()))] == [3, 3, 2]


def test_a_reel_in_which_nothing_is_spoken_is_one_charge_of_nobody() -> None:
    assert shares(itemise([spoke("a", 0)], billable_ms=1500, prices=prices())) == [("", "*", 1500, 150)]


def test_half_a_micro_is_rounded_up() -> None:
    rates = {("*", "render"): 1}
    amounts = [itemise([], billable_ms=ms, prices=prices(rates))[0].amount_micros for ms in (499, 500, 1500)]
    assert amounts == [0, 1, 2]


def test_an_engine_without_a_rate_needs_one_for_all() -> None:
    assert prices().per_second_micros("slow") == 100
    with pytest.raises(NoPrice):
        prices({("fast", "render"): 7}).per_second_micros("slow")
    with pytest.raises(NoPrice):
        prices().per_second_micros("fast", "transcribe")


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_an_amount_is_read_back_as_it_was_written(micros: int) -> None:
    assert parse_amount(amount_text(micros)) == micros


@pytest.mark.parametrize(
    ("text", "micros"), [("-0.05", -50_000), ("0.0001", 100), ("3", 3_000_000), ("-0", 0)]
)
def test_amounts_as_people_write_them(text: str, micros: int) -> None:
    assert parse_amount(text) == micros


@pytest.mark.parametrize("text", ["", "-", ".5", "1.", "1e3", "0.0000001", "1,5", "٣", " 1", "1\n", "nan"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(text)
