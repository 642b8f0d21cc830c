"""A working engine for tests and sketches: every word is a tone, and its times are known exactly.

It can also misbehave, for tests of faults. Words of a line say how:

- ``FAIL``   the line cannot be spoken, however often it is tried
- ``FLAKY``  a failure that may pass: at the first attempt only, which is remembered in the folder that
  ``VOICEREEL_FAKE_STATE`` names (another process may make the second); always, without that folder
- ``HANG``   speaks for ever
- ``CRASH``  the process is gone, with exit code 70
- ``SLOW``   200 ms more for each such word

That folder is the one thing read from the environment outside of the settings: a test's, not a user's.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicereel.domain.speakers import EngineInfo, StockVoice
from workers.audio.clip import Clip, Samples
from workers.engines.base import EngineError, EngineTake, Mark, TakeRequest

SAMPLE_RATE = 24_000
FAIL_WORD = "FAIL"
SLOW_S = 0.2

_WORD = re.compile(r"\S*[^\W_]\S*")
_LANGUAGES = ("en", "es", "de", "fr", "ja", "ko", "zh")
_BASE_HZ: Mapping[str, float] = {"a": 220.0, "b": 330.0, "cloned": 275.0}
_LETTER_MS, _GAP_MS, _EDGE_MS = 40, 60, 50
_AMPLITUDE = 0.3


class Fake:
    """Voices ``a`` and ``b``; a text containing ``fail_word`` cannot be spoken.

    A word lasts 40 ms a letter, a letter more or less at another speed; words are 60 ms apart,
    with 50 ms of silence at both ends.
    """

    def __init__(self, *, fail_word: str = FAIL_WORD) -> None:
        self._fail_word = fail_word

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(
            name="fake",
            version="1",
            pool="cpu",
            sample_rate=SAMPLE_RATE,
            sample_format="FLOAT",
            cloning="cloned",
            word_times=True,
            languages=_LANGUAGES,
            licence="Apache-2.0",
            commercial_use="yes",
            max_characters=5000,
            voices=(StockVoice(name="a", languages=_LANGUAGES), StockVoice(name="b", languages=_LANGUAGES)),
            unsupported_controls=("style",),
            seeded=True,
        )

    def load(self) -> None:
        """Nothing to load."""

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        for request in requests:
            _misbehave(request.text.split())
            error = self._refusal(request)
            yield _silent(error) if error else _take(request)

    def enroll(self, reference: Clip, *, language: str, transcript: str | None) -> Mapping[str, Any]:
        """The profile says nothing of the voice: how much was heard, and how much was written."""
        seconds = len(reference.samples) / reference.rate
        return {
            "kind": "cloned",
            "seconds": seconds,
            "language": language,
            "characters": len(transcript or ""),
        }

    def _refusal(self, request: TakeRequest) -> EngineError | None:
        if self._fail_word in request.text.split():
            return EngineError("The fake engine was told to fail.")
        if "FLAKY" in request.text.split() and _is_first_attempt(request.text):
            return EngineError("The fake engine was told to fail for now.", retryable=True)
        if not request.profile and self.info.stock_voice(request.voice or "") is None:
            return EngineError("There is no such voice.", code="unknown_voice")
        if not self.info.speaks(request.language):
            return EngineError("There is no voice for this language.", code="unsupported_language")
        return None


def _misbehave(words: Sequence[str]) -> None:
    if "CRASH" in words:
        os._exit(70)
    while "HANG" in words:
        time.sleep(60)
    time.sleep(SLOW_S * words.count("SLOW"))


def _is_first_attempt(text: str) -> bool:
    """True once a text where attempts are remembered, and always where they are not."""
    folder = os.environ.get("VOICEREEL_FAKE_STATE")
    if not folder:
        return True
    try:
        (Path(folder) / hashlib.sha256(text.encode()).hexdigest()).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _silent(error: EngineError) -> EngineTake:
    return EngineTake(clip=Clip(np.zeros(0, np.float32), SAMPLE_RATE), error=error)


def _take(request: TakeRequest) -> EngineTake:
    base_hz = _BASE_HZ["cloned" if request.profile else request.voice or "a"]
    hz = base_hz * 2 ** (request.pitch_st / 12) * (1 + request.seed % 16 / 1000)
    sound: list[Samples] = [_silence(_EDGE_MS)]
    marks: list[Mark] = []
    position = len(sound[0])
    for match in _WORD.finditer(request.text):
        tone = _tone(hz, round(len(match[0]) * _LETTER_MS / request.speed))
        marks.append(_mark(match, position, position + len(tone)))
        sound += [tone, _silence(_GAP_MS)]
        position += len(tone) + len(sound[-1])
    return EngineTake(
        clip=Clip(np.concatenate([*sound, _silence(_EDGE_MS)]), SAMPLE_RATE),
        marks=tuple(marks),
        warnings=(("style_not_supported", "This engine has one style."),) if request.style else (),
    )


def _mark(match: re.Match[str], start: int, end: int) -> Mark:
    to_ms = 1000 / SAMPLE_RATE
    return Mark(start_char=match.start(), end_char=match.end(), start_ms=start * to_ms, end_ms=end * to_ms)


def _tone(hz: float, length_ms: int) -> Samples:
    times = np.arange(max(1, length_ms) * SAMPLE_RATE // 1000) / SAMPLE_RATE
    # a cosine, so that the very first and last samples sound and trimming finds the word's edges
    return (_AMPLITUDE * np.cos(2 * np.pi * hz * times)).astype(np.float32)


def _silence(length_ms: int) -> Samples:
    return np.zeros(length_ms * SAMPLE_RATE // 1000, np.float32)
