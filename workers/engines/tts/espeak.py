"""espeak-ng: the embedded engine. Formant synthesis: fast, small, 141 voices, plainly a machine.

Everything goes through one library with global state: instances share it, and are not for
several threads at once (calls would wait for each other). The same request gives the same bytes in
any order and any process.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from voicereel.domain.pronunciation import Changed, changed
from voicereel.domain.speakers import EngineInfo, StockVoice, match_language
from workers.audio.clip import Clip
from workers.engines.base import EngineError, EngineTake, TakeRequest
from workers.engines.tts.espeak_adapt import Manner, Timbre, adapt
from workers.engines.tts.espeak_ipa import Phonemes, phoneme_names, possessive
from workers.engines.tts.espeak_library import (
    SAMPLE_RATE,
    Spoken,
    WordEvent,
    data_folder,
    library,
    library_version,
)
from workers.engines.tts.espeak_marks import marks_of
from workers.engines.tts.espeak_voices import STEADY, Pitch, Variant, read_variants, read_voices

BASE_RATE_WPM = 175
MIN_RATE_WPM, MAX_RATE_WPM = 80, 450
MAX_PITCH_ST = 12.0
# Of what this engine does beside the library: it goes up when takes or their marks change.
_REVISION = 2

Warned = tuple[tuple[str, str], ...]

_LEFT_OUT: Warned = (
    (
        "pronunciation_ignored",
        "This voice has not all the sounds of a pronunciation: give it an 'alias', too.",
    ),
)


class Espeak:
    """Stock voices ``voice`` or ``voice+variant``, and enrolled ones *adapted* to a reference."""

    @functools.cached_property
    def info(self) -> EngineInfo:
        return EngineInfo(
            name="espeak",
            version=f"{library_version()}+{_REVISION}",
            pool="cpu",
            sample_rate=SAMPLE_RATE,
            sample_format="PCM_16",
            cloning="adapted",
            word_times=True,
            languages=tuple(sorted(self._by_language)),
            licence="GPL-3.0-or-later",
            commercial_use="yes",
            max_characters=5000,
            voices=self._voices[0],
            variants=tuple(self._variants),
            unsupported_controls=("style",),
            ipa=True,
        )

    @functools.cached_property
    def _voices(self) -> tuple[tuple[StockVoice, ...], dict[str, str]]:
        return read_voices(data_folder())

    @property
    def _by_language(self) -> Mapping[str, str]:
        return self._voices[1]

    @functools.cached_property
    def _variants(self) -> Mapping[str, Variant]:
        return read_variants(data_folder())

    def load(self) -> None:
        library()

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        for request in requests:
            try:
                yield self._take(request)
            except EngineError as error:
                yield EngineTake(clip=Clip(np.zeros(0, np.float32), SAMPLE_RATE), error=error)

    def enroll(self, reference: Clip, *, language: str, transcript: str | None) -> Mapping[str, Any]:
        """Pitch, its range and pace, as espeak's own settings and as measured in the reference; timbre."""
        voice = self._voice_for(language)

        def speak(text: str, manner: Manner) -> Clip:
            rate_wpm = _rate(manner.rate_wpm)[0]
            return _clip(self._spoken(text, voice=voice, manner=manner, rate_wpm=rate_wpm))

        found = adapt(
            reference, language=language, transcript=transcript, variants=self._variants, speak=speak
        )
        manner, wanted = found.manner, found.wanted
        return {
            "kind": "adapted",
            "variant": manner.variant.name,
            "pitch": round(manner.pitch.floor_hz, 2),
            "range": round(manner.pitch.span_hz, 2),
            "rate_wpm": round(manner.rate_wpm, 1),
            "f0_hz": round(wanted.f0_hz, 1),
            "f0_range_st": round(wanted.range_st, 2),
            "syllables_per_s": round(wanted.syllables_per_s, 2),
            "warp": found.timbre.warp,
            "gains_db": list(found.timbre.gains_db),
        }

    def pronounce(self, words: Sequence[str], *, language: str) -> tuple[tuple[str, ...], ...]:
        """How each word is said by itself: phonemes in IPA, with stress marks."""
        return library().phonemes(words, voice=self._voice_for(language))

    def _take(self, request: TakeRequest) -> EngineTake:
        voice, manner = self._enrolled(request) if request.profile else self._stock(request)
        rate_wpm, slow_fast = _rate(manner.rate_wpm * request.speed)
        pitch, high_low = _shifted(manner.pitch, request.pitch_st)
        manner = replace(manner, pitch=pitch)
        told, left_out = self._told(request, voice)
        spoken = self._spoken(
            told.text,
            voice=voice,
            manner=manner,
            rate_wpm=rate_wpm,
            seed=request.seed,
            phonemes=bool(request.phonemes),
        )
        timbre = _timbre(request.profile)
        return EngineTake(
            clip=timbre.of(_clip(spoken)) if timbre else _clip(spoken),
            marks=marks_of(request.text, _of_text(spoken, told), partial(_phoneme_counts, voice)),
            warnings=slow_fast + high_low + _style(request.style) + left_out,
        )

    def _told(self, request: TakeRequest, voice: str) -> tuple[Changed, Warned]:
        """The text as the library gets it: words by their sounds if it can say them, else by their alias."""
        if not request.phonemes:
            return Changed(request.text), ()
        parts, is_left_out = [], False
        for word in request.phonemes:
            names = self._phonemes(voice).spelled(word.ipa or "")
            if names:
                end, ending = possessive(request.text, word.end, names, voice=voice)
                # What stands right at the brackets, such as a quotation mark, would silence them.
                parts.append((word.start, end, f" [[{names}{ending}]] "))
            elif word.alias:
                parts.append((word.start, word.end, word.alias))
            else:
                is_left_out = True
        text = request.text.replace("[[", "[ ")
        return changed(text, parts), _LEFT_OUT if is_left_out else ()

    def _phonemes(self, voice: str) -> Phonemes:
        if voice not in self._known_phonemes:
            self._known_phonemes[voice] = Phonemes(
                phoneme_names(data_folder()), partial(_heard, voice), voice=voice
            )
        return self._known_phonemes[voice]

    @functools.cached_property
    def _known_phonemes(self) -> dict[str, Phonemes]:
        return {}

    def _spoken(
        self, text: str, *, voice: str, manner: Manner, rate_wpm: int, seed: int = 0, phonemes: bool = False
    ) -> Spoken:
        variant_text = manner.variant.spoken_at(manner.pitch)
        return library().speak(
            text, voice=voice, variant_text=variant_text, rate_wpm=rate_wpm, seed=seed, phonemes=phonemes
        )

    def _stock(self, request: TakeRequest) -> tuple[str, Manner]:
        base, _, variant_name = (request.voice or "").partition("+")
        voice = self.info.stock_voice(request.voice or "")
        if voice is None:
            raise EngineError("espeak has no such voice.", code="unknown_voice")
        variant = self._variants[variant_name or STEADY]
        name = (
            base if _same_language(request.language, voice.languages) else self._voice_for(request.language)
        )
        return name, Manner(variant, variant.pitch, BASE_RATE_WPM)

    def _enrolled(self, request: TakeRequest) -> tuple[str, Manner]:
        profile = request.profile
        try:
            variant = self._variants[profile["variant"]]
            pitch = Pitch(float(profile["pitch"]), float(profile["range"]))
            manner = Manner(variant, pitch, float(profile["rate_wpm"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError("This is not an espeak profile.", code="bad_profile") from error
        return self._voice_for(request.language), manner

    def _voice_for(self, language: str) -> str:
        tag = match_language(language, tuple(self._by_language))
        if tag is None:
            raise EngineError("espeak does not speak this language.", code="unsupported_language")
        return self._by_language[tag]


def _phoneme_counts(voice: str, words: Sequence[str]) -> list[int]:
    return [len(phonemes) for phonemes in library().phonemes(words, voice=voice)]


def _timbre(profile: Mapping[str, Any]) -> Timbre | None:
    """None for a stock voice, and for one that was enrolled before timbre was adapted."""
    if "warp" not in profile:
        return None
    try:
        return Timbre(float(profile["warp"]), tuple(map(float, profile["gains_db"])))
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("This is not an espeak profile.", code="bad_profile") from error


def _heard(voice: str, names: Sequence[str]) -> list[str]:
    return library().heard([f"[[{name}]]" for name in names], voice=voice)


def _of_text(spoken: Spoken, told: Changed) -> Spoken:
    """With its words where they stand in the text as it was before parts of it were replaced."""
    if not told.swaps:
        return spoken
    events = (
        replace(event, char=told.start_of(event.char)) if isinstance(event, WordEvent) else event
        for event in spoken.events
    )
    return replace(spoken, events=tuple(events))


def _clip(spoken: Spoken) -> Clip:
    return Clip(spoken.pcm.astype(np.float32) / np.float32(32768), SAMPLE_RATE)


def _same_language(wanted: str, spoken: Sequence[str]) -> bool:
    return _primary(wanted) in map(_primary, spoken)


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]


def _rate(wanted_wpm: float) -> tuple[int, Warned]:
    rate = round(min(max(wanted_wpm, MIN_RATE_WPM), MAX_RATE_WPM))
    if abs(rate - wanted_wpm) <= 1:
        return rate, ()
    return rate, (("speed_clamped", f"Spoken at {rate / wanted_wpm:.2f} of the speed asked for."),)


def _shifted(pitch: Pitch, shift_st: float) -> tuple[Pitch, Warned]:
    shift = min(max(shift_st, -MAX_PITCH_ST), MAX_PITCH_ST)
    factor = 2 ** (shift / 12)
    shifted = Pitch(pitch.floor_hz * factor, pitch.span_hz * factor)
    if shift == shift_st:
        return shifted, ()
    return shifted, (("pitch_clamped", f"Shifted by {shift:+.0f} semitones, the most this engine can."),)


def _style(style: str | None) -> Warned:
    return (("style_not_supported", "This engine has one style."),) if style else ()
