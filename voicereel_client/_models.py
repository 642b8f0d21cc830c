"""What the service answers, frozen. Fields it adds later are in ``extra``; unknown states pass through.

Names and meanings are those of ``openapi.yaml``. A field that is absent or null has its default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

M = TypeVar("M", bound="Model")
Raw = Mapping[str, Any]

Converters = Mapping[str, Callable[[Any], Any]]

_CONVERTERS: dict[type, Converters] = {}
_FINISHED = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, kw_only=True)
class Model:
    """``raw`` is the JSON object as it came."""

    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls: type[M], raw: Raw) -> M:
        given = {
            name: convert(raw[_key(name)])
            for name, convert in _converters(cls).items()
            if raw.get(_key(name)) is not None
        }
        return cls(raw=raw, **given)

    @property
    def extra(self) -> dict[str, Any]:
        """The fields this version of the client does not know."""
        known = {_key(name) for name in _converters(type(self))}
        return {name: value for name, value in self.raw.items() if name not in known}


def _key(name: str) -> str:
    """A field of the JSON that is a word of Python has an underscore here."""
    return name.removesuffix("_")


def _converters(model: type[Model]) -> Converters:
    if model not in _CONVERTERS:
        hints = get_type_hints(model)
        public = (known.name for known in fields(model) if known.name != "raw" and known.name[0] != "_")
        _CONVERTERS[model] = {name: _converter(hints[name]) for name in public}
    return _CONVERTERS[model]


def _converter(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any annotation
    """From JSON to what the annotation says; what needs no conversion is believed."""
    origin, inner = get_origin(hint), [arg for arg in get_args(hint) if arg not in (type(None), ...)]
    if origin is tuple:
        each = _converter(inner[0])
        return lambda items: tuple(map(each, items))
    if origin is Mapping:
        each = _converter(inner[1])
        return lambda items: {name: each(item) for name, item in items.items()}
    if origin in (Union, UnionType):
        return _converter(inner[0])
    if hint in _PARSERS:
        return _PARSERS[hint]
    if isinstance(hint, type) and issubclass(hint, Model):
        return hint.parse
    return _same


def _same(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return value


def parse_moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None


def _parse_day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _parse_amount(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return Decimal("NaN")


_PARSERS: Mapping[Any, Callable[[Any], Any]] = {
    datetime: parse_moment,
    date: _parse_day,
    Decimal: _parse_amount,
}


@dataclass(frozen=True, kw_only=True)
class Failure(Model):
    code: str = ""
    detail: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Capabilities(Model):
    cloning: str = "none"
    word_times: bool = False
    ipa: bool = False


@dataclass(frozen=True, kw_only=True)
class Reference(Model):
    """Figures measured on the decoded recordings."""

    seconds: float | None = None
    snr_db: float | None = None
    clipping: float | None = None
    loudness_lufs: float | None = None
    voices_heard: int | None = None


@dataclass(frozen=True, kw_only=True)
class Consent(Model):
    subject: str = ""
    attested_by: str = ""
    attested_at: datetime | None = None
    languages: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Speaker(Model):
    id: str = ""
    name: str = ""
    language: str = ""
    status: str = ""
    engine: str = ""
    capabilities: Capabilities = field(default_factory=Capabilities)
    reference: Reference | None = None
    error: Failure | None = None
    consent: Consent = field(default_factory=Consent)
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Source(Model):
    """An uploaded file, for scripts to name."""

    id: str = ""
    name: str = ""
    format: str = ""
    bytes: int = 0
    sha256: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Voice(Model):
    id: str = ""
    name: str = ""
    engine: str = ""
    languages: tuple[str, ...] = ()
    sample_rate: int = 0
    capabilities: Capabilities = field(default_factory=Capabilities)
    variants: tuple[str, ...] = ()
    licence: str = ""
    commercial_use: str = ""


@dataclass(frozen=True, kw_only=True)
class JobWarning(Model):
    code: str = ""
    pointer: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage(Model):
    name: str = ""
    status: str = ""
    attempt: int = 0
    progress: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Progress(Model):
    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class File(Model):
    url: str = field(default="", repr=False)
    expires_at: datetime | None = None
    sha256: str = ""
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class AudioFile(File):
    format: str = ""
    duration_ms: int = 0
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    gain_db: float | None = None
    limiting_db: float | None = None


@dataclass(frozen=True, kw_only=True)
class NamedFile(File):
    """``name`` is a file name that is safe on any file system."""

    name: str = ""
    format: str = ""


@dataclass(frozen=True, kw_only=True)
class Stem(NamedFile):
    """``role`` is None for the bed."""

    role: str | None = None
    duration_ms: int = 0
    gain_db: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Clip(File):
    """One line's file. ``in_ms`` and ``out_ms`` are its place in the reel."""

    line_id: str = ""
    role: str = ""
    name: str = ""
    in_ms: int = 0
    out_ms: int = 0
    duration_ms: int = 0
    in_timecode: str | None = None
    out_timecode: str | None = None
    samples: int = 0


@dataclass(frozen=True, kw_only=True)
class LineAudio(Model):
    """The take of one line as a WAV file, before levels are matched and before mastering."""

    url: str = field(default="", repr=False)
    expires_at: datetime | None = None
    duration_ms: int = 0
    bytes: int = 0
    media_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Pronunciation(Model):
    """A word, and how to say it: another spelling, IPA, or both."""

    grapheme: str = ""
    alias: str | None = None
    ipa: str | None = None
    language: str | None = None
    case_sensitive: bool = False
    whole_word: bool = True


@dataclass(frozen=True, kw_only=True)
class Lexicon(Model):
    """``entries`` are those of this version, and none in lists."""

    id: str = ""
    name: str = ""
    version: int = 0
    default: bool = False
    entry_count: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    entries: tuple[Pronunciation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LexiconRef(Model):
    """A version of a lexicon."""

    id: str = ""
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class Outputs(Model):
    """``clips`` are ``clips.zip`` and its manifest ``clips.json``; one by one: ``jobs.clips``."""

    audio: tuple[AudioFile, ...] = ()
    captions: Mapping[str, File] = field(default_factory=dict)
    reel: File | None = None
    preview: File | None = None
    stems: tuple[Stem, ...] = ()
    clips: tuple[NamedFile, ...] = ()
    cue_sheets: Mapping[str, File] = field(default_factory=dict)
    certificate: File | None = None


@dataclass(frozen=True, kw_only=True)
class JobRecord(Model):
    """What is known of a job at one moment."""

    id: str = ""
    kind: str = ""
    status: str = ""
    stale: bool = False
    revision: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    stages: tuple[Stage, ...] = ()
    warnings: tuple[JobWarning, ...] = ()
    error: Failure | None = None
    outputs: Outputs | None = None
    billable_ms: int | None = None
    lexicons: tuple[LexiconRef, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.status in _FINISHED

    @property
    def at_rest(self) -> bool:
        """Finished, or waiting for a person: nothing more happens by itself."""
        return self.finished or self.status == "needs_review"


@dataclass(frozen=True, kw_only=True)
class Pool(Model):
    pool: str = ""
    waiting: int = 0
    running: int = 0
    workers: int = 0
    oldest_due_ms: int = 0
    expected_wait_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Queue(Model):
    pools: tuple[Pool, ...] = ()


@dataclass(frozen=True)
class Event:
    """One thing that happened to a job. ``id`` is None where the client found out by polling."""

    id: int | None
    type: str
    data: Raw

    @property
    def audio(self) -> LineAudio | None:
        """What was spoken of a line that is finished; None of other events, and where that is nothing."""
        found = self.data.get("audio") if self.type == "line.finished" else None
        return LineAudio.parse(found) if isinstance(found, Mapping) else None
