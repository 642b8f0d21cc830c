"""What is wrong with a take's sound, and what is not."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.workers.engines.alignment.test_aligners import PROSE, espeak
from voicereel.domain.checks import FAULTS
from voicereel.domain.pace import typical_ms
from workers.audio.audibility import faults
from workers.audio.clip import Clip, Samples
from workers.engines.base import TakeRequest

RATE = 24_000
TEXTS = Path(__file__).parents[3] / "benchmarks" / "quality" / "texts" / "readings.json"


def hum(seconds: float, amplitude: float = 0.1) -> Samples:
    """A voiced sound, if a dull one."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * 120 * times)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def found(*parts: Samples, expected_ms: float = 0) -> tuple[str, ...]:
    return faults(Clip(np.concatenate(parts), RATE), expected_ms=expected_ms)


EDGE = silence(0.05)


@pytest.mark.parametrize(
    ("parts", "expected_ms", "wrong"),
    [
        ([hum(2), EDGE], 2000, ()),
        ([silence(2)], 2000, ()),
        ([silence(3), hum(2), silence(3)], 2000, ()),
        ([hum(2, 0.003), EDGE], 2000, ("too_quiet",)),
        ([hum(2, 0.006), EDGE], 2000, ()),
        ([hum(2)], 2000, ("truncated",)),
        ([hum(1), hum(1, 0.01)], 2000, ()),
        ([hum(1), silence(1.4), hum(1), EDGE], 3000, ()),
        ([hum(1), silence(1.6), hum(1), EDGE], 3000, ("long_gap",)),
        ([hum(1), hum(1.6, 0.0015), hum(1), EDGE], 3000, ("long_gap",)),
        ([hum(0.9), EDGE], 4000, ("too_short",)),
        ([hum(1.1), EDGE], 4000, ()),
        ([hum(0.1), EDGE], 550, ()),
        ([hum(8.1), EDGE], 2000, ("too_long",)),
        ([hum(2.1), EDGE], 300, ()),
        ([hum(9), EDGE], 0, ()),
        ([hum(0.004)], 0, ("truncated",)),
    ],
)
def test_what_cannot_be_heard_well_is_named(
    parts: list[Samples], expected_ms: float, wrong: tuple[str, ...]
) -> None:
    assert found(*parts, expected_ms=expected_ms) == wrong
    assert set(wrong) <= FAULTS.keys()


def test_an_engine_that_says_when_its_words_sound_is_believed() -> None:
    abrupt, whole = Clip(hum(2), RATE), Clip(np.concatenate([hum(2), EDGE]), RATE)
    assert faults(abrupt, expected_ms=2000, last_word_ms=2000) == ()
    assert faults(whole, expected_ms=2000, last_word_ms=2300) == ("truncated",)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_the_rate_makes_no_difference(rate: int) -> None:
    sound = np.interp(np.arange(rate) / rate, np.arange(RATE) / RATE, hum(1)).astype(np.float32)
    assert faults(Clip(sound, rate), expected_ms=1000) == ("truncated",)
    whole = np.pad(sound, rate // 20)
    assert faults(Clip(whole, rate), expected_ms=1000) == ()


@pytest.mark.parametrize(("voice", "speed"), [("en-us", 1.0), ("en-us+f4", 1.3), ("en-us+m7", 0.7)])
def test_no_take_of_espeaks_is_blamed(voice: str, speed: float) -> None:
    """Every 3rd text; all of them: benchmarks/quality/verify.py."""
    texts = [(text["language"], line) for text in json.loads(TEXTS.read_text()) for line in text["lines"]]
    some = [*texts[::3], *PROSE.items(), *(("en", text) for text in ("OK.", "Hm?", "Psst!", "7", "1,234"))]
    blamed = []
    for language, text in some:
        request = TakeRequest(text=text, language=language, voice=voice, speed=speed)
        (take,) = espeak().synthesize([request])
        blamed += faults(take.clip, expected_ms=typical_ms(text, language) / speed)
    assert blamed == []
