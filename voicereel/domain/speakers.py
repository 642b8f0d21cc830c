"""Voices: speakers a customer enrolled, stock voices, and the facts an engine advertises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from voicereel.domain.script import STOCK_PREFIX

MIN_REFERENCE_SECONDS = 30.0
MIN_SNR_DB = 15.0
MAX_CLIPPING = 0.001

Cloning = Literal["none", "adapted", "cloned"]
SpeakerStatus = Literal["processing", "ready", "rejected"]


# An engine is up as long as a worker has told of it within this time.
ENGINE_UP_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StockVoice:
    """A voice an engine speaks with as it is. ``languages`` are BCP 47 tags, best first."""

    name: str
    languages: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """Facts an engine advertises: callers branch on these, never on an engine's name.

    ``sample_format`` is how the engine's samples are stored without loss.
    ``variants`` may follow any stock voice's name after a ``+``.
    ``ipa``: it can be told the sounds of a word.
    ``seeded``: another seed makes another take.
    """

    name: str
    version: str
    pool: Literal["cpu", "gpu"]
    sample_rate: int
    sample_format: Literal["PCM_16", "FLOAT"]
    cloning: Cloning
    word_times: bool
    languages: tuple[str, ...]
    licence: str
    commercial_use: Literal["yes", "contract", "no"]
    max_characters: int
    voices: tuple[StockVoice, ...] = ()
    variants: tuple[str, ...] = ()
    unsupported_controls: tuple[str, ...] = ()
    ipa: bool = False
    seeded: bool = False

    def stock_voice(self, name: str) -> StockVoice | None:
        """The stock voice called ``voice`` or ``voice+variant``, if this engine has it."""
        base, plus, variant = name.partition("+")
        if plus and variant not in self.variants:
            return None
        return next((voice for voice in self.voices if voice.name == base), None)

    def speaks(self, language: str) -> bool:
        return match_language(language, self.languages) is not None


@lru_cache(maxsize=4096)
def match_language(wanted: str, offered: tuple[str, ...]) -> str | None:
    """The best of the offered BCP 47 tags (RFC 4647 lookup): exact, then ever shorter prefixes.

    When no prefix of ``wanted`` is offered, an offered regional form of its language is taken.
    """
    by_tag = {tag.lower(): tag for tag in reversed(offered)}
    tag = wanted.lower()
    while tag:
        if tag in by_tag:
            return by_tag[tag]
        tag = tag.rpartition("-")[0]
    primary = wanted.lower().split("-")[0]
    return next((by_tag[known] for known in sorted(by_tag) if known.split("-")[0] == primary), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Who agreed to have their voice used, and who vouches for it."""

    subject: str
    attested_by: str
    attested_at: datetime
    languages: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """An enrolled voice. ``profile`` is the engine's own, opaque to everybody else."""

    id: str
    tenant_id: str
    name: str
    language: str
    status: SpeakerStatus
    engine: str
    consent: Consent
    created_at: datetime
    transcript: str | None = None
    profile: Mapping[str, Any] | None = None
    capabilities: Mapping[str, Any] | None = None
    reference: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What an engine needs to speak as somebody: a stock voice's name, or an enrolled profile."""

    speaker_id: str
    speaker_name: str
    engine: str
    name: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


def split_stock_id(speaker_id: str) -> tuple[str, str] | None:
    """``stock:espeak/en-us+m3`` -> ``("espeak", "en-us+m3")``; None for anything else."""
    engine, slash, name = speaker_id.removeprefix(STOCK_PREFIX).partition("/")
    if not speaker_id.startswith(STOCK_PREFIX) or not slash or not engine or not name:
        return None
    return engine, name


_SIGNATURES = (
    ("wav", ((0, b"RIFF"), (8, b"WAVE"))),
    ("wav", ((0, b"RF64"), (8, b"WAVE"))),
    ("flac", ((0, b"fLaC"),)),
    ("ogg", ((0, b"OggS"),)),
    ("mp3", ((0, b"ID3"),)),
    ("m4a", ((4, b"ftyp"),)),
)


def sniff_audio(head: bytes) -> str | None:
    """The kind of audio file its first 12 bytes promise; None for anything we do not take."""
    for kind, parts in _SIGNATURES:
        if all(head[at : at + len(magic)] == magic for at, magic in parts):
            return kind
    is_mpeg_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
    return "mp3" if is_mpeg_frame else None
