"""Takes whose word times are known, and what can be done to them without losing those."""

import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import soundfile
import soxr

from workers.audio.clip import Clip
from workers.audio.timing import trim
from workers.engines.base import TakeRequest
from workers.engines.tts.espeak import Espeak

FLITE_VOICES = ("slt", "rms", "awb", "kal")
SPOILED = ("telephone", "noise, 15 dB", "room, 0.4 s", "stretched")


@dataclass(frozen=True)
class Known:
    """A trimmed take; ``starts_ms`` of its words by their first character."""

    source: str
    language: str
    text: str
    clip: Clip
    starts_ms: Mapping[int, float]


@functools.cache
def espeak() -> Espeak:
    engine = Espeak()
    engine.load()
    return engine


def by_espeak(text: str, language: str, *, voice: str, pitch_st: float, speed: float) -> Known:
    """Times are the library's events. Only for measuring what does not read them."""
    request = TakeRequest(text=text, language=language, voice=voice, pitch_st=pitch_st, speed=speed)
    (take,) = espeak().synthesize([request])
    clip, offset_ms = _trimmed(take.clip)
    # a Japanese phrase is one word here: it is not exact, for it might be cut, but its start is known
    sure = [mark for mark in take.marks if mark.exact or language == "ja"]
    starts = {mark.start_char: mark.start_ms - offset_ms for mark in sure}
    return Known("espeak", language, text, clip, starts)


def has_flite() -> bool:
    return shutil.which("flite") is not None


def by_flite(text: str, *, voice: str) -> Known:
    """Times are those flite gave its own segments; a word's are found by how it says the word alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.wav"
        printed = _flite("-voice", voice, "-psdur", "-o", str(path), "-t", text)
        samples, rate = soundfile.read(path, dtype="float32")
    clip, offset_ms = _trimmed(Clip(samples, rate))
    ends = [(part.split(":")[0], float(part.split(":")[1]) * 1000) for part in printed]
    starts = [0.0, *(end for _, end in ends[:-1])]
    segments = [(name, start) for (name, _), start in zip(ends, starts, strict=True) if name != "pau"]
    return Known(f"flite {voice}", "en", text, clip, _matched(text, voice, segments, offset_ms))


def _matched(text: str, voice: str, segments: list[tuple[str, float]], offset_ms: float) -> dict[int, float]:
    names: list[str] = []
    firsts: dict[int, int] = {}
    for match in re.finditer(r"\S+", text):
        firsts[len(names)] = match.start()
        names += _alone(match[0].strip('.,;?!"').lower(), voice)
    starts: dict[int, float] = {}
    matcher = SequenceMatcher(a=names, b=[name for name, _ in segments], autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal" or (tag == "replace" and a2 - a1 == b2 - b1):
            for step in range(a2 - a1):
                if a1 + step in firsts:
                    starts[firsts[a1 + step]] = segments[b1 + step][1] - offset_ms
    return starts


@functools.cache
def _alone(word: str, voice: str) -> tuple[str, ...]:
    return tuple(_flite("-voice", voice, "-ps", "-o", "none", "-t", word)[1:-1])


def _flite(*arguments: str) -> list[str]:
    return subprocess.run(["flite", *arguments], capture_output=True, text=True, check=True).stdout.split()


def spoiled(known: Known, how: str) -> Known:
    """The take after one of `SPOILED`, with the same seed each time; only stretching moves its words."""
    if how == "stretched":
        return _stretched(known)
    clip = known.clip
    sound = {"telephone": _telephone, "noise, 15 dB": _noise, "room, 0.4 s": _room}[how](clip)
    return replace(known, source=f"{known.source}, {how}", clip=Clip(sound.astype(np.float32), clip.rate))


def _telephone(clip: Clip) -> np.ndarray:
    spectrum, hz = np.fft.rfft(clip.samples), np.fft.rfftfreq(len(clip.samples), 1 / clip.rate)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    return np.fft.irfft(spectrum, len(clip.samples))


def _noise(clip: Clip) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal(len(clip.samples))
    return clip.samples + noise * np.sqrt(np.square(clip.samples).mean()) * 10 ** (-15 / 20)


def _room(clip: Clip) -> np.ndarray:
    length = int(0.4 * clip.rate)
    echo = np.random.default_rng(2).standard_normal(length) * np.exp(-6.9 * np.arange(length) / length) * 0.08
    echo[0] = 1
    size = len(clip.samples) + length
    return np.fft.irfft(np.fft.rfft(clip.samples, size) * np.fft.rfft(echo, size), size)[: len(clip.samples)]


def _stretched(known: Known) -> Known:
    """The first half slower by a tenth (and lower), the second faster by a seventh: a known map."""
    clip, half = known.clip, len(known.clip.samples) // 2
    factors = (1.1, 1 / 1.15)
    parts = [
        soxr.resample(part, clip.rate, clip.rate * factor)
        for part, factor in zip((clip.samples[:half], clip.samples[half:]), factors, strict=True)
    ]
    half_ms, turn_ms = half * 1000 / clip.rate, len(parts[0]) * 1000 / clip.rate
    starts = {
        char: ms * factors[0] if ms < half_ms else turn_ms + (ms - half_ms) * factors[1]
        for char, ms in known.starts_ms.items()
    }
    sound = Clip(np.concatenate(parts).astype(np.float32), clip.rate)
    return replace(known, source=f"{known.source}, stretched", clip=sound, starts_ms=starts)


def _trimmed(clip: Clip) -> tuple[Clip, float]:
    first, last = trim(clip)
    return Clip(clip.samples[first:last], clip.rate), first * 1000 / clip.rate
