"""What the aligners find, against times that are known: espeak's voices are unlike those that read."""

import functools
from statistics import median

import numpy as np
import pytest

from voicereel.domain.words import Timing
from workers.audio.clip import Clip
from workers.audio.timing import trim
from workers.engines.alignment.aligners import make_aligner
from workers.engines.alignment.arpabet import arpabet
from workers.engines.alignment.by_dictionary import ByDictionary
from workers.engines.alignment.warping import warp
from workers.engines.base import Aligner, TakeRequest
from workers.engines.tts.espeak import Espeak

PROSE = {
    "en": "The quick brown fox, which was 12 years old, jumps over Xyzzyva the lazy dog.",
    "de": "Wir fahren morgen früh nach Rostock, und du kommst mit.",
    "ko": "안녕하세요, 오늘 날씨가 좋네요. 같이 산책하러 갈까요?",
    "zh": "你好,世界。今天天气很好,我们去公园走走吧。",
}
STORY = "The weather was fine, and nobody had anything to say about it; so we walked home along the river. "


@functools.cache
def espeak() -> Espeak:
    engine = Espeak()
    engine.load()
    return engine


@functools.cache
def aligner() -> Aligner:
    return make_aligner()


def take(text: str, language: str, *, voice: str = "en-us+m7") -> tuple[Clip, dict[int, float]]:
    """A trimmed take, and when its words start: by their first characters, in ms."""
    (spoken,) = espeak().synthesize([TakeRequest(text=text, language=language, voice=voice, speed=1.1)])
    first, last = trim(spoken.clip)
    offset_ms = first * 1000 / spoken.clip.rate
    known = {mark.start_char: mark.start_ms - offset_ms for mark in spoken.marks if mark.exact}
    return Clip(spoken.clip.samples[first:last], spoken.clip.rate), known


def errors_ms(timings: tuple[Timing, ...], known: dict[int, float]) -> list[float]:
    return [
        abs(timing.start_ms - known[timing.start_char]) for timing in timings if timing.start_char in known
    ]


@pytest.mark.parametrize("language", PROSE)
def test_words_are_found_where_the_engine_says_they_are(language: str) -> None:
    """Measured: a median of 2 ms and 58 ms at most; a frame is 10 ms."""
    clip, known = take(PROSE[language], language)
    timings = aligner().align(clip, PROSE[language], language)
    errors = errors_ms(timings, known)
    assert len(errors) >= len(known) - 1
    assert median(errors) < 10
    assert max(errors) < 60
    assert all(timing.source == "aligned" and 0 < timing.confidence <= 1 for timing in timings)
    assert [t.start_ms for t in timings] == sorted(t.start_ms for t in timings)


def test_the_same_question_has_the_same_answer() -> None:
    clip, _ = take(PROSE["en"], "en")
    first = aligner().align(clip, PROSE["en"], "en")
    aligner().align(*_other())
    assert aligner().align(clip, PROSE["en"], "en") == first


def _other() -> tuple[Clip, str, str]:
    clip, _ = take(PROSE["de"], "de")
    return clip, PROSE["de"], "de"


def test_another_text_than_was_spoken_is_not_trusted() -> None:
    clip, _ = take(PROSE["en"], "en")
    right = aligner().align(clip, PROSE["en"], "en")
    wrong = aligner().align(clip, STORY, "en")
    assert median(t.confidence for t in wrong) < 0.8
    assert min(t.confidence for t in right) > 0.9


def test_a_silent_beginning_that_is_not_quite_silent_moves_no_word() -> None:
    clip, known = take(PROSE["de"], "de")
    hiss = 0.002 * np.random.default_rng(1).standard_normal(len(clip.samples) + clip.rate * 3 // 10)
    hiss[clip.rate * 3 // 10 :] += clip.samples
    timings = aligner().align(Clip(hiss.astype(np.float32), clip.rate), PROSE["de"], "de")
    assert timings[0].start_ms == pytest.approx(known[0] + 300, abs=40)


def test_minutes_are_aligned_in_little_memory_and_without_drift() -> None:
    """Beyond 30 s the path is found roughly first: what a whole matrix would take grows with the square."""
    text = PROSE["de"] * 14
    clip, known = take(text, "de")
    assert clip.duration_ms > 35_000
    errors = errors_ms(aligner().align(clip, text, "de"), known)
    assert median(errors) < 10
    assert median(errors[-20:]) < 10


def test_a_language_that_nobody_reads_has_no_times() -> None:
    clip, _ = take(PROSE["en"], "en")
    assert aligner().align(clip, PROSE["en"], "zxx") == ()
    assert aligner().align(Clip(np.zeros(0, np.float32), 22_050), "Hello.", "en") == ()
    assert aligner().align(clip, "…", "en") == ()


def test_the_dictionary_knows_only_english_and_takes_numbers_and_names_from_espeak() -> None:
    asked: list[str] = []

    def pronounce(words: list[str]) -> tuple[tuple[str, ...], ...]:
        asked.extend(words)
        return espeak().pronounce(words, language="en-US")

    by_dictionary = ByDictionary(pronounce)  # type: ignore[arg-type]
    text = "The boy was there when the sun rose in 1999 over Zzyzx road."
    clip, known = take(text, "en", voice="en-us+f2")
    timings = by_dictionary.align(clip, text, "en-GB")
    assert asked == ["1999", "Zzyzx"]
    assert {timing.start_char for timing in timings} >= set(known)
    assert max(errors_ms(timings, known)) < 50
    assert by_dictionary.align(clip, text, "de") == ()
    assert by_dictionary.align(clip, STORY, "en") == ()


def test_pronunciations_are_those_of_the_dictionary() -> None:
    words = ["hello", "river", "judge", "thing"]
    found = [arpabet(phonemes) for phonemes in espeak().pronounce(words, language="en-US")]
    assert found == ["HH AH L OW", "R IH V ER", "JH AH JH", "TH IH NG"]


def test_a_path_follows_a_known_bend() -> None:
    rng = np.random.default_rng(3)
    known = np.cumsum(rng.standard_normal((400, 12)), axis=0)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    bend = np.concatenate([np.arange(0, 200, 0.5), np.arange(200, 400)]).astype(int)
    path = warp(known, known[bend])
    assert path.at(100) == pytest.approx(200, abs=2)
    assert path.at(300) == pytest.approx(500, abs=2)
    assert path.cost.max() < 1e-9
