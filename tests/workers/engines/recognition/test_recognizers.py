"""What the recognisers hear of takes that were damaged, in voices that are unlike what they know."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.workers.engines.alignment.test_aligners import espeak
from voicereel.domain.checks import Compared, compare
from workers.audio.clip import Clip
from workers.audio.timing import trim
from workers.engines.alignment.entries import Entries
from workers.engines.base import Hearing, Recognizer, TakeRequest
from workers.engines.pool import EnginePool
from workers.engines.recognition import recognizers
from workers.engines.recognition.by_network import ByNetwork
from workers.engines.recognition.recognizers import make_recognizer
from workers.engines.recognition.whisper import ByWhisper, units

FLITE = os.environ.get("VOICEREEL_TEST_FLITE") or shutil.which("flite") or ""
# Words that the readings can tell of, from 1: how many they can is in benchmarks/results/verify.md.
TOLD = {"en": 2, "de": 4, "ko": 5}
TEXTS = {
    "en": "The walled town was seized without a fight before the winter.",
    "de": "Der alte Mann wartete jeden Abend am Fenster auf den Zug.",
    "ko": "할머니 집은 강 옆에 있는 작은 마을에 있었어요.",
}


@functools.cache
def recognizer() -> Recognizer:
    return make_recognizer()


@functools.cache
def network() -> ByNetwork:
    return ByNetwork(lambda words: espeak().pronounce(words, language="en-US"))


def spoken(text: str, language: str) -> tuple[Clip, list[float]]:
    """A take by a voice that reads nothing, and when its words begin, in ms."""
    (take,) = espeak().synthesize([TakeRequest(text=text, language=language, voice="en-us+m7", speed=1.1)])
    first, last = trim(take.clip)
    starts = [mark.start_ms - first * 1000 / take.clip.rate for mark in take.marks]
    return Clip(take.clip.samples[first:last], take.clip.rate), starts


def spoken_by_flite(text: str, voice: str, folder: Path) -> tuple[Clip, list[float]]:
    """By a voice that no recogniser here reads with, and when its words begin, as an alignment says."""
    path = folder / "take.wav"
    subprocess.run([FLITE, "-voice", voice, "-o", path, "-t", text], check=True)
    samples, rate = soundfile.read(path, dtype="float32")
    clip = Clip(samples, rate)
    entries = Entries(lambda words: espeak().pronounce(words, language="en-US"))
    tokens = entries.tokens(clip, text, "en")
    entries.decoder.set_align_text(" ".join(entry for token in tokens for entry in token.entries))
    found = entries.segments(clip) or ()
    return clip, [part.start_frame * 10 - 100 for part in found]


@dataclass(frozen=True)
class Damage:
    """Samples of a take whose word ``at`` is ``[a, b)``; what is to be heard of it."""

    do: Callable[[np.ndarray, int, int], np.ndarray]
    missing: bool


DAMAGES = {
    "left out": Damage(lambda x, a, b: np.delete(x, np.s_[a:b]), missing=True),
    "muted": Damage(
        lambda x, a, b: np.concatenate([x[:a], np.zeros(b - a, np.float32), x[b:]]), missing=True
    ),
    "said again": Damage(lambda x, a, b: np.concatenate([x[:b], x[a:]]), missing=False),
}


def damaged(clip: Clip, starts: list[float], at: int, damage: Damage) -> Clip:
    a, b = (round(starts[each - 1] * clip.rate / 1000) for each in (at, at + 1))
    return Clip(damage.do(clip.samples, a, b).astype(np.float32), clip.rate)


def heard(hearing: Hearing | None) -> Compared:
    assert hearing is not None
    return compare(hearing.expected, hearing.heard)


@pytest.mark.parametrize("language", TEXTS)
def test_what_sounds_like_the_readings_is_judged_in_any_language(language: str) -> None:
    text = TEXTS[language]
    clip, starts = spoken(text, language)
    whole = recognizer().hear(clip, text, language)
    assert heard(whole) == Compared(wer=0, missing=(), repeated=())
    assert whole is not None
    assert (whole.recognizer, len(whole.expected)) == ("readings", len(text.split()))
    for name, damage in DAMAGES.items():
        found = heard(recognizer().hear(damaged(clip, starts, TOLD[language], damage), text, language))
        assert found.missing or found.repeated, name
        if damage.missing:
            assert TOLD[language] in found.missing, name
    cut = Clip(clip.samples[: round(starts[-1] * clip.rate / 1000)], clip.rate)
    assert len(starts) in heard(recognizer().hear(cut, text, language)).missing


@pytest.mark.skipif(not FLITE, reason="no flite: set VOICEREEL_TEST_FLITE")
@pytest.mark.parametrize("voice", ["slt", "rms", "awb"])
def test_other_voices_are_judged_in_english(voice: str, tmp_path: Path) -> None:
    text = TEXTS["en"]
    clip, starts = spoken_by_flite(text, voice, tmp_path)
    whole = recognizer().hear(clip, text, "en-GB")
    assert heard(whole).wer == 0
    assert whole is not None
    assert whole.recognizer == "pocketsphinx"
    for name, damage in DAMAGES.items():
        found = heard(recognizer().hear(damaged(clip, starts, 5, damage), text, "en"))
        assert (found.missing if damage.missing else found.repeated) == (5,), name
    cut = Clip(clip.samples[: round(starts[-1] * clip.rate / 1000)], clip.rate)
    assert heard(recognizer().hear(cut, text, "en")).missing == (len(starts),)


def test_of_other_texts_and_languages_and_of_no_words_nothing_is_said() -> None:
    clip, _ = spoken(TEXTS["en"], "en")
    # wrong everywhere: it may as well be a voice that it cannot hear
    other = "Nobody had anything to say about that, so we walked home."
    assert network().hear(clip, other, "en") is None
    assert network().hear(clip, TEXTS["en"], "de") is None
    assert network().hear(clip, "…", "en") is None
    assert recognizer().hear(clip, TEXTS["de"], "de") is None
    assert recognizer().hear(Clip(np.zeros(0, np.float32), 22_050), "Hallo.", "de") is None
    assert recognizer().hear(clip, "Hello.", "zxx") is None


def test_the_same_question_has_the_same_answer_whatever_came_between() -> None:
    clip, starts = spoken(TEXTS["en"], "en")
    stutter = damaged(clip, starts, 4, DAMAGES["said again"])
    first = network().hear(stutter, TEXTS["en"], "en")
    network().hear(clip, "Another text is asked for.", "en")
    assert network().hear(stutter, TEXTS["en"], "en") == first


def test_it_hears_the_same_in_a_process_of_its_own() -> None:
    clip, starts = spoken(TEXTS["ko"], "ko")
    cut = Clip(clip.samples[: round(starts[-1] * clip.rate / 1000)], clip.rate)
    pool = EnginePool([])
    try:
        found = pool.recognizer().hear(cut, TEXTS["ko"], "ko")
        assert found == recognizer().hear(cut, TEXTS["ko"], "ko")
        assert pool.recognizer().hear(cut, "Hello.", "zxx") is None
        assert pool.aligner().align(clip, TEXTS["ko"], "ko")
    finally:
        pool.close()


# --- whisper ---------------------------------------------------------------------------------


class Model:
    """What is used of a Whisper model: it says what it is told to."""

    supported_languages = ("en", "zh", "no")

    def __init__(self, *segments: str) -> None:
        self._segments = segments
        self.asked: dict[str, Any] = {}

    def transcribe(self, audio: np.ndarray, **options: Any) -> tuple[Iterable[Any], Any]:
        self.asked = {"seconds": len(audio) / 16_000, **options}
        return (SimpleNamespace(text=text) for text in self._segments), SimpleNamespace()


CLIP = Clip(np.zeros(24_000, np.float32), 24_000)


def test_whisper_writes_and_words_are_compared_without_case_and_punctuation() -> None:
    model = Model(" The quick,", " brown box!")
    hearing = ByWhisper(model).hear(CLIP, "The Quick Brown Fox.", "en-GB")  # type: ignore[arg-type]
    assert heard(hearing) == Compared(wer=0.25, missing=(4,), repeated=())
    assert hearing is not None
    assert (hearing.recognizer, hearing.limit) == ("whisper", 0.2)
    assert (model.asked["seconds"], model.asked["language"], model.asked["temperature"]) == (1.0, "en", 0.0)
    assert ByWhisper(model).hear(CLIP, "Tere!", "et") is None  # type: ignore[arg-type]


def test_what_is_written_without_spaces_is_compared_by_character() -> None:
    hearing = ByWhisper(Model("你好世界")).hear(CLIP, "你好,世界。", "cmn-Hans")  # type: ignore[arg-type]
    assert heard(hearing).wer == 0
    assert units("Don’t STOP — 3 naïve cafés", "en") == ("dont", "stop", "3", "naïve", "cafés")
    assert re.fullmatch("[a-z ]+", " ".join(units("A.B, c", "en")))


def test_a_model_that_is_not_there_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recognizers._whisper("no-such-model") == []
    made: list[tuple[Any, ...]] = []

    def whisper_model(*args: Any, **options: Any) -> Model:
        made.append((*args, options["local_files_only"]))
        return Model("hello")

    module = SimpleNamespace(WhisperModel=whisper_model)
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    hearing = make_recognizer("/models/small").hear(CLIP, "Hello.", "en")
    assert hearing is not None
    assert (hearing.recognizer, made) == ("whisper", [("/models/small", True)])
