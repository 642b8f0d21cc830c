"""Adapting espeak to a reference: its pitch, how far that moves, its pace, and the colour of its voice.

espeak itself is measured with the trackers that measured the reference, so their faults cancel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from workers.audio.clip import Clip
from workers.audio.features import Floats, f0, syllable_rate
from workers.audio.timbre import CENTRES_HZ, gains_towards, reshaped, warp_towards
from workers.engines.base import EngineError
from workers.engines.tts.espeak_voices import Pitch, Variant

MALE, FEMALE = "m3", "f2"

# about halfway, in semitones, between the usual means of men (110 Hz) and women (210 Hz)
_FEMALE_FROM_HZ = 155.0
_EXCERPT_SECONDS = 45
_ROUNDS = 3
_MAX_TEXT = 500
_MIN_VOICED_FRAMES = 50
# what espeak is measured on when there is no transcript: prose, for its pace (the opening of the
# fable that the International Phonetic Association uses); numbers can be read in every language
_PROSE = {
    "de": "Einst stritten sich Nordwind und Sonne, wer von ihnen beiden wohl der Stärkere wäre, "
    "als ein Wanderer, der in einen warmen Mantel gehüllt war, des Weges daherkam.",
    "en": "The North Wind and the Sun were disputing which was the stronger, when a traveler came "
    "along wrapped in a warm cloak. They agreed that the one who first made him take it off should win.",
    "es": "El viento norte y el sol discutían sobre cuál de ellos era el más fuerte, cuando pasó un "
    "viajero envuelto en una ancha capa.",
    "fr": "La bise et le soleil se disputaient, chacun assurant qu'il était le plus fort, quand ils "
    "ont vu un voyageur qui s'avançait, enveloppé dans son manteau.",
    "it": "Si bisticciavano un giorno il vento di tramontana e il sole, l'uno pretendendo d'essere più "
    "forte dell'altro, quando videro un viaggiatore avvolto nel mantello.",
    "pt": "O vento norte e o sol discutiam qual dos dois era o mais forte, quando passou um viajante "
    "envolto numa capa.",
    "ru": "Однажды северный ветер и солнце поспорили, кто из них сильнее. В это время мимо проходил "
    "путник, закутанный в тёплый плащ.",
}
_NUMBERS = "12, 345, 67. 89, 1002, 43. 56, 78 90, 21. 365, 24, 7, 60."


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak, before a line's own speed and pitch."""

    variant: Variant
    pitch: Pitch
    rate_wpm: float


@dataclass(frozen=True, slots=True)
class Timbre:
    """How a spoken take is changed: where its resonances lie, and its bands (`CENTRES_HZ`) in dB."""

    warp: float
    gains_db: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0.5 < self.warp < 2 or len(self.gains_db) != len(CENTRES_HZ):
            raise ValueError("not a timbre")

    def of(self, clip: Clip) -> Clip:
        return reshaped(clip, warp=self.warp, gains_db=np.array(self.gains_db))


@dataclass(frozen=True, slots=True)
class Measured:
    """``contour_hz`` are the voiced frames' pitches, of shape (k,)."""

    contour_hz: Floats
    syllables_per_s: float

    @property
    def f0_hz(self) -> float:
        return float(np.exp(np.log(self.contour_hz).mean()))

    @property
    def range_st(self) -> float:
        return _range_st(self.contour_hz)


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How to speak like a reference, and what was measured in it."""

    manner: Manner
    timbre: Timbre
    wanted: Measured


# Some five seconds of speech: below that, one word's melody passes for a voice's.
_MIN_TRANSCRIPT_LETTERS = 60

Speak = Callable[[str, Manner], Clip]


def measure(clip: Clip) -> Measured:
    """Pitch and pace of the first 45 seconds; `EngineError` when no voice is heard in it."""
    excerpt = clip.samples[: _EXCERPT_SECONDS * clip.rate]
    contour = f0(excerpt, clip.rate)
    voiced = contour[contour > 0]
    if len(voiced) < _MIN_VOICED_FRAMES:
        raise EngineError("No voice is heard in the reference.", code="no_voice")
    # a tracker's octave errors lie far from the middle
    middle = np.median(voiced)
    return Measured(
        voiced[(voiced > middle / 1.8) & (voiced < middle * 1.8)], syllable_rate(excerpt, clip.rate)
    )


def adapt(
    reference: Clip, *, language: str, transcript: str | None, variants: Mapping[str, Variant], speak: Speak
) -> Adaptation:
    """What brings espeak closest to the first 45 seconds of a reference."""
    excerpt = Clip(reference.samples[: _EXCERPT_SECONDS * reference.rate], reference.rate)
    wanted = measure(excerpt)
    text = _calibration_text(transcript, language)
    variant = variants[FEMALE if wanted.f0_hz >= _FEMALE_FROM_HZ else MALE]
    manner = Manner(variant, variant.pitch, 175.0)
    for _ in range(_ROUNDS):
        manner = _nearer(manner, measure(speak(text, manner)), wanted)
    timbre = _timbre_towards(excerpt, speak(text, manner))
    # the colour of a sound changes what counts as a syllable in it
    manner = _nearer(manner, measure(timbre.of(speak(text, manner))), wanted)
    return Adaptation(manner, timbre, wanted)


def _nearer(manner: Manner, heard: Measured, wanted: Measured) -> Manner:
    rate_wpm = manner.rate_wpm * wanted.syllables_per_s / heard.syllables_per_s
    return replace(
        manner, pitch=_corrected(manner.pitch, heard, wanted), rate_wpm=float(np.clip(rate_wpm, 80, 450))
    )


def _timbre_towards(wanted: Clip, own: Clip) -> Timbre:
    warp = warp_towards(own, wanted)
    moved = reshaped(own, warp=warp, gains_db=np.zeros(len(CENTRES_HZ)))
    return Timbre(warp, tuple(round(float(gain), 1) for gain in gains_towards(moved, wanted)))


def _calibration_text(transcript: str | None, language: str) -> str:
    """What was said in the reference, if it is enough to tell pitch and pace by; else our own text."""
    text = (transcript or "")[:_MAX_TEXT]
    enough = sum(character.isalnum() for character in text) >= _MIN_TRANSCRIPT_LETTERS
    return text if enough else _sample_text(language)


def _sample_text(language: str) -> str:
    """Long phrases and short ones: espeak's melody falls differently over each."""
    prose = _PROSE.get(language.lower().partition("-")[0], "")
    return f"{prose} {_NUMBERS}"


def _corrected(pitch: Pitch, heard: Measured, wanted: Measured) -> Pitch:
    """The pitch by which the heard contour gets the wanted mean and range.

    espeak's contour is ``floor + span * x(t)``, where ``x`` depends on the text alone.
    """
    x = (heard.contour_hz - pitch.floor_hz) / max(pitch.span_hz, 1.0)
    ratio = _ratio_for(np.maximum(x, 0.0), wanted.range_st)
    floor = wanted.f0_hz / float(np.exp(np.log1p(ratio * np.maximum(x, 0.0)).mean()))
    return Pitch(floor, floor * ratio)


def _ratio_for(x: Floats, range_st: float) -> float:
    """The span, as a share of the floor, that gives a contour this range: found by halving."""
    low, high = 0.0, 8.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if _range_st(1 + middle * x) < range_st else (low, middle)
    return (low + high) / 2


def _range_st(contour_hz: Floats) -> float:
    """Semitones between the 10th and the 90th percentile."""
    low, high = np.percentile(contour_hz, (10, 90))
    return float(12 * np.log2(high / low))
