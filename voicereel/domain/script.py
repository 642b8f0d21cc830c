"""The script a customer sends: who says what, when. Parsed elsewhere, checked here."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from voicereel.domain.errors import FieldError
from voicereel.domain.lexicons import Entry, LexiconRef

DEFAULT_PAUSE_MS = 250
STOCK_PREFIX = "stock:"
LevelMatching = Literal["off", "gentle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A time interval ``[start_ms, end_ms)``."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Warn:
    """Something that was not done as asked. Codes are stable; ``pointer`` is into the script."""

    code: str
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """How a line is to be spoken. ``None`` means not said: the role's value, then the default."""

    speed: float | None = None
    pitch_st: float | None = None
    gain_db: float | None = None
    language: str | None = None
    style: str | None = None
    seed: int | None = None

    def over(self, base: "Controls") -> "Controls":
        """These controls, with gaps filled from ``base``."""
        if self == _UNSAID:  # as most lines are
            return base
        return Controls(
            speed=base.speed if self.speed is None else self.speed,
            pitch_st=base.pitch_st if self.pitch_st is None else self.pitch_st,
            gain_db=base.gain_db if self.gain_db is None else self.gain_db,
            language=base.language if self.language is None else self.language,
            style=base.style if self.style is None else self.style,
            seed=base.seed if self.seed is None else self.seed,
        )


_UNSAID = Controls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A name local to a script, and the speaker cast for it."""

    speaker_id: str
    controls: Controls = field(default_factory=Controls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing to be spoken. ``speaker`` is a role of the cast, or a speaker id."""

    id: str
    speaker: str
    text: str
    controls: Controls = field(default_factory=Controls)
    pause_after_ms: int = DEFAULT_PAUSE_MS
    overlap_ms: int = 0
    slot: Segment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The files wanted. ``loudness_lufs`` is integrated (BS.1770), the peak in dBTP.

    ``preview`` asks for a page to look at and listen to beside them. ``bit_depth`` is of WAV and FLAC, where
    32 is float; stems and clips are WAV. ``fps`` is a name of `FRAME_RATES`.
    ``level_matching``: whether lines are moved towards each other before they are mixed.
    """

    formats: tuple[str, ...] = ("mp3",)
    sample_rate: int | None = None
    channels: int = 1
    loudness_lufs: float = -16.0
    true_peak_dbtp: float = -1.0
    preview: bool = False
    bit_depth: int = 16
    stems: bool = False
    clips: bool = False
    cue_sheets: tuple[str, ...] = ()
    bwf: bool = False
    fps: str | None = None
    start_timecode: str | None = None
    level_matching: LevelMatching = "gentle"

    def rate_for(self, audio_format: str) -> int:
        """The rate of one file: as asked, else 44,100 Hz, and 48,000 Hz for Opus."""
        return self.sample_rate or (48_000 if audio_format == "ogg" else 44_100)

    @property
    def parts_rate(self) -> int:
        """The rate of stems and clips: that of the reel's files; where they differ, not that of Opus."""
        return self.rate_for(next((name for name in self.formats if name != "ogg"), "ogg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionLimits:
    """Limits asked for in place of the style's, for every language; ``None``: the style's own."""

    columns: int | None = None
    cps: float | None = None
    max_lines: int | None = None
    min_ms: int | None = None
    max_ms: int | None = None
    gap_ms: int | None = None
    chain_ms: int | None = None
    trail_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duck:
    """How a bed gives way to lines. ``depth_db`` None: as far as ``target_snr_db`` needs, 12 dB at most."""

    depth_db: float | None = None
    target_snr_db: float = 11.0
    attack_ms: int = 100
    release_ms: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """Music or ambience under a whole script, from ``offset_ms`` of a source on."""

    source_id: str
    gain_db: float = 0.0
    duck: Duck = field(default_factory=Duck)
    fade_in_ms: int = 0
    fade_out_ms: int = 1_000
    offset_ms: int = 0
    loop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRequest:
    """The caption files wanted. ``shot_cuts_ms`` ascend; ``strict``: no files where a cue breaks a limit."""

    formats: tuple[str, ...] = ("json", "vtt", "srt")
    style: str = "default"
    fps: float | None = None
    limits: CaptionLimits = field(default_factory=CaptionLimits)
    shot_cuts_ms: tuple[int, ...] = ()
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Qa:
    """How takes are checked. ``max_wer`` None: what the recogniser allows by itself.

    ``retries``: how often a bad line is spoken again where another seed gives another take.
    """

    verify: bool = False
    max_wer: float | None = None
    retries: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """An ordered list of lines with everything needed to render them."""

    lines: tuple[Line, ...]
    title: str = ""
    language: str | None = None
    seed: int = 0
    cast: Mapping[str, Role] = field(default_factory=dict)
    output: Output = field(default_factory=Output)
    captions: CaptionRequest = field(default_factory=CaptionRequest)
    bed: Bed | None = None
    qa: Qa = field(default_factory=Qa)
    retention_hours: int = 168
    fallback: str | None = None
    lexicons: tuple[LexiconRef, ...] = ()
    pronunciations: tuple[Entry, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    quote_id: str | None = None
    max_cost_micros: int | None = None

    def role(self, name: str) -> Role:
        """The role of this name; a bare speaker id is a role of its own."""
        return self.cast.get(name) or Role(speaker_id=name)

    def controls_of_role(self, name: str) -> Controls:
        """What a role's lines begin from: the role's controls, else the script's, else neutral.

        The language may stay None: then the speaker's own is meant.
        """
        base = Controls(speed=1.0, pitch_st=0.0, gain_db=0.0, language=self.language, seed=self.seed)
        return self.role(name).controls.over(base)

    def speaker_ids(self) -> tuple[str, ...]:
        """Every speaker the script needs, each once, in order of first use."""
        return tuple(dict.fromkeys(self.role(line.speaker).speaker_id for line in self.lines))


def check_fallback(fallback: str | None, cast: Mapping[str, Role]) -> Iterator[FieldError]:
    """Who helps out is named as a line's speaker is."""
    if fallback is not None and fallback not in cast and not is_speaker_id(fallback):
        yield FieldError("/fallback", "unknown_speaker", "Not a role of 'cast', nor a speaker id.")


def is_speaker_id(value: str) -> bool:
    return value.startswith(("spk_", STOCK_PREFIX))


_SPACE = re.compile(r"\s+")


def spoken_text(text: str) -> str:
    """The text as engines and captions see it: no control characters, single spaces.

    Format characters (Cf) that shape text, such as joiners and bidirectional marks, are kept.
    """
    printable = "".join(c for c in text if c.isspace() or unicodedata.category(c) != "Cc")
    return _SPACE.sub(" ", printable).strip()


_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff]"
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\U000e0020-\U000e007f]*"
)


def without_emoji(text: str) -> str:
    """The text with a space for each character of an emoji, so that positions stay.

    Emoji are seen, not spoken: an engine would read out their names.
    """
    return _EMOJI.sub(lambda found: " " * len(found[0]), text)


_SPOKEN = re.compile(r"[^\W_]")


def has_speech(text: str) -> bool:
    """Whether there is anything to say: at least one letter or digit of any script."""
    return _SPOKEN.search(text) is not None


def check(lines: Sequence[Line | None], cast: Mapping[str, Role]) -> Iterator[FieldError]:
    """The rules that need more than one field; ``None`` stands for a line that is itself broken."""
    yield from _check_ids(lines)
    for index, line in enumerate(lines):
        if line is not None and line.speaker not in cast and not is_speaker_id(line.speaker):
            yield FieldError(
                f"/lines/{index}/speaker", "unknown_speaker", "Not a role of 'cast', nor a speaker id."
            )
    for index, (before, line) in enumerate(zip([None, *lines], lines, strict=False)):
        if line is None or line.slot or line.overlap_ms == 0 or (index > 0 and before is None):
            continue
        if before is None or not has_speech(before.text):
            yield FieldError(
                f"/lines/{index}/overlap_ms",
                "overlap_too_long",
                "There is no sound before this line to overlap.",
            )


def _check_ids(lines: Sequence[Line | None]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if line is None:
            continue
        if line.id in seen:
            yield FieldError(f"/lines/{index}/id", "duplicate_line_id", "Another line has this id.")
        seen.add(line.id)
