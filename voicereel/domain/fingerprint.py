"""What makes a take, a fit and a mix the same as one made before: all that each depends on, hashed.

The three are apart: what moves a line in time changes its fit and the mix, never its take.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voicereel.domain.job import LineRecord, Take
from voicereel.domain.lexicons import Reading
from voicereel.domain.pronunciation import spoken_form
from voicereel.domain.script import Line, Output, Segment, spoken_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """What an engine is asked to speak of a line: see `SpokenForm` for ``text`` and ``phonemes``."""

    text: str
    phonemes: tuple[Reading, ...]
    language: str
    voice: str | None
    profile: Mapping[str, Any]
    speed: float
    pitch_st: float
    style: str | None
    seed: int


def speech_of(record: LineRecord, *, ipa: bool) -> Speech:
    """The same for a line that is to be spoken and for one whose take is compared with it.

    ``ipa``: its engine can be told sounds.
    """
    controls, form = record.controls, spoken_form(record.line.text, record.readings, ipa=ipa)
    return Speech(
        text=form.text,
        phonemes=form.phonemes,
        language=controls.language or "",
        voice=record.voice.name,
        profile=record.voice.profile,
        speed=float(controls.speed or 1.0),
        pitch_st=float(controls.pitch_st or 0.0),
        style=controls.style,
        seed=controls.seed or 0,
    )


def fingerprint_of(record: LineRecord, *, engine_version: str, ipa: bool) -> str:
    """The fingerprint of a line's take, as this version of its engine would make it."""
    speech, written = speech_of(record, ipa=ipa), spoken_text(record.line.text)
    return take_fingerprint(
        engine=record.voice.engine,
        engine_version=engine_version,
        voice={"name": speech.voice, "profile": speech.profile},
        text=speech.text,
        language=speech.language,
        speed=speech.speed,
        pitch_st=speech.pitch_st,
        style=speech.style,
        seed=speech.seed,
        phonemes=[(each.start, each.end, each.ipa, each.alias) for each in speech.phonemes],
        written=None if written == speech.text else written,
    )


def is_take_of(record: LineRecord, take: Take) -> bool:
    """Whether a take is of what its line says: by the engine that made it, in whatever form it took that."""
    forms = (True, False) if any(each.ipa for each in record.readings) else (False,)
    return any(
        fingerprint_of(record, engine_version=take.engine_version, ipa=ipa) == take.fingerprint
        for ipa in forms
    )


def take_fingerprint(
    *,
    engine: str,
    engine_version: str,
    voice: Mapping[str, Any],
    text: str,
    language: str,
    speed: float,
    pitch_st: float,
    style: str | None,
    seed: int,
    phonemes: Sequence[object] = (),
    written: str | None = None,
) -> str:
    """A SHA-256 in hex. Gain, pauses and position are not part of it: they belong to the mix.

    ``written`` is what the take's words are of, where that is not the text as it is spoken.
    """
    facts: list[Any] = [engine, engine_version, voice, text, language, speed, pitch_st, style, seed]
    if phonemes:  # takes of before, which had none, keep their name
        facts.append(phonemes)
    if written is not None:
        facts.append({"written": written})
    return hashed(facts)


def fit_fingerprint(
    line: Line, *, take: str, duration_ms: int, placed: Segment, before: Segment | None, after: Segment | None
) -> str:
    """Of a line's place: its take, what its script says of time, and the windows beside it."""
    timing = [line.slot and asdict(line.slot), line.overlap_ms, line.pause_after_ms]
    windows = [each and asdict(each) for each in (before, placed, after)]
    return hashed([take, duration_ms, timing, windows])


def mix_fingerprint(output: Output, *, fits: Sequence[str | None], levels_db: Iterable[float]) -> str:
    """Of the reel's sound: every line's place and level, and what was asked of the files."""
    return hashed([asdict(output), list(fits), list(levels_db)])


def hashed(facts: Sequence[Any]) -> str:
    """A SHA-256 in hex of anything that JSON can say."""
    canonical = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
