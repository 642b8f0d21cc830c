"""The request bodies of openapi.yaml as strict models, and their way into the domain.

An optional field without a default in the spec is None when absent, and refuses null: hence
``ABSENT`` on types that do not admit None.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from voicereel.api import fields
from voicereel.api.fields import ABSENT, WHOLE, Strict, unique
from voicereel.api.lexicon_schemas import LexiconRefBody, PronunciationBody, named_once
from voicereel.captions.presets import STYLES, pinned, style_of
from voicereel.domain.drafts import KEPT, LineChange, Place
from voicereel.domain.prices import parse_amount
from voicereel.domain.script import (
    Bed,
    CaptionLimits,
    CaptionRequest,
    Controls,
    Duck,
    Line,
    Output,
    Qa,
    Role,
    Script,
    Segment,
)
from voicereel.domain.speakers import Consent

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)

AudioFormat = Literal["wav", "mp3", "flac", "ogg", "m4a"]
CaptionFormat = Literal["json", "vtt", "srt", "ttml"]
CueSheetFormat = Literal["csv", "otio"]
FrameRateName = Literal["23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60"]
SampleRate = Annotated[Literal[8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000], WHOLE]
_UNIQUE = {"uniqueItems": True}

# Most lines say nothing of how to speak them: they share one value.
_CONTROLS = ("speed", "pitch_st", "gain_db", "language", "style", "seed")
_UNSAID = Controls()


class SlotBody(Strict):
    start_ms: fields.SlotStart
    end_ms: fields.SlotEnd

    @field_validator("end_ms")
    @classmethod
    def _ends_after_start(cls, end_ms: int, info: ValidationInfo) -> int:
        if end_ms <= info.data.get("start_ms", -1):
            raise PydanticCustomError("slot_order", "A slot ends after its start.")
        return end_ms

    def segment(self) -> Segment:
        return Segment(start_ms=self.start_ms, end_ms=self.end_ms)


class CastEntryBody(Strict):
    speaker: fields.SpeakerRef
    speed: fields.Speed = ABSENT
    pitch_st: fields.Pitch = ABSENT
    gain_db: fields.Gain = ABSENT
    language: fields.Language = ABSENT
    style: fields.Style = ABSENT

    def role(self) -> Role:
        controls = Controls(
            speed=self.speed,
            pitch_st=self.pitch_st,
            gain_db=self.gain_db,
            language=self.language,
            style=self.style,
        )
        return Role(speaker_id=self.speaker, controls=controls)


class LineBody(Strict):
    id: fields.LineId = ABSENT
    speaker: fields.SpeakerRef
    text: fields.LineText
    language: fields.Language = ABSENT
    speed: fields.Speed = ABSENT
    pitch_st: fields.Pitch = ABSENT
    gain_db: fields.Gain = ABSENT
    pause_after_ms: fields.Pause = 250
    overlap_ms: fields.Overlap = 0
    style: fields.Style = ABSENT
    seed: fields.Seed = ABSENT
    slot: SlotBody = ABSENT

    def line(self, line_id: str) -> Line:
        return Line(
            id=line_id,
            speaker=self.speaker,
            text=self.text,
            controls=self._controls(),
            pause_after_ms=self.pause_after_ms,
            overlap_ms=self.overlap_ms,
            slot=self.slot.segment() if self.slot else None,
        )

    def _controls(self) -> Controls:
        if self.model_fields_set.isdisjoint(_CONTROLS):
            return _UNSAID
        return Controls(
            speed=self.speed,
            pitch_st=self.pitch_st,
            gain_db=self.gain_db,
            language=self.language,
            style=self.style,
            seed=self.seed,
        )


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


# May be null, and absent: the two are not the same, so there is no default to tell of.
NULLABLE: Any = Field(None, json_schema_extra=_without_default)


def _one_place(before: str, info: ValidationInfo) -> str:
    """A line cannot be told to be at two places."""
    if info.data.get("after") is not None:
        raise PydanticCustomError("two_places", "Give 'after' or 'before', not both.")
    return before


class LineInsertBody(LineBody):
    """A line as in a script, and where it is to be."""

    after: fields.LineId = ABSENT
    before: fields.LineId = ABSENT

    _one_place = field_validator("before")(_one_place)

    def place(self) -> Place:
        return Place(after=self.after, before=self.before)


class RevisionBody(Strict):
    """What may be said of a revision; nothing has to be."""

    max_cost: fields.Cost = ABSENT

    @property
    def max_cost_micros(self) -> int | None:
        return None if self.max_cost is None else parse_amount(self.max_cost)


class LineUpdateBody(Strict):
    """What is to change of a line; a control that is null has its role's value again."""

    speaker: fields.SpeakerRef = ABSENT
    text: fields.LineText = ABSENT
    language: fields.Language | None = NULLABLE
    speed: fields.Speed | None = NULLABLE
    pitch_st: fields.Pitch | None = NULLABLE
    gain_db: fields.Gain | None = NULLABLE
    pause_after_ms: fields.Pause = ABSENT
    overlap_ms: fields.Overlap = ABSENT
    style: fields.Style | None = NULLABLE
    seed: fields.Seed | None = NULLABLE
    slot: SlotBody | None = NULLABLE
    after: fields.LineId = ABSENT
    before: fields.LineId = ABSENT

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    _one_place = field_validator("before")(_one_place)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_said", "Say what is to change.")
        return self

    def change(self) -> LineChange:
        said = self.model_fields_set
        return LineChange(
            text=self.text,
            speaker=self.speaker,
            controls={name: getattr(self, name) for name in _CONTROLS if name in said},
            pause_after_ms=self.pause_after_ms,
            overlap_ms=self.overlap_ms,
            slot=(self.slot.segment() if self.slot else None) if "slot" in said else KEPT,
            place=Place(after=self.after, before=self.before),
        )


class OutputBody(Strict):
    formats: Annotated[
        list[AudioFormat],
        Field(min_length=1, max_length=5, json_schema_extra=_UNIQUE),
        AfterValidator(unique),
    ] = Field(["mp3"])
    sample_rate: SampleRate = ABSENT
    channels: Annotated[Literal[1, 2], WHOLE] = 1
    loudness_lufs: Annotated[float, Field(ge=-40, le=-8)] = -16.0
    true_peak_dbtp: Annotated[float, Field(ge=-9, le=0)] = -1.0
    preview: bool = False
    bit_depth: Annotated[Literal[16, 24, 32], WHOLE] = 16
    stems: bool = False
    clips: bool = False
    cue_sheets: Annotated[
        list[CueSheetFormat], Field(max_length=2, json_schema_extra=_UNIQUE), AfterValidator(unique)
    ] = Field([])
    bwf: bool = False
    fps: FrameRateName = ABSENT
    start_timecode: fields.StartTimecode = ABSENT
    level_matching: Literal["off", "gentle"] = "gentle"

    @field_validator("sample_rate")
    @classmethod
    def _rate_suits_formats(cls, rate: int, info: ValidationInfo) -> int:
        formats = info.data.get("formats", [])
        if "ogg" in formats and rate not in _OPUS_RATES:
            detail = "Opus (ogg) knows 8000, 12000, 16000, 24000 and 48000 Hz only."
            raise PydanticCustomError("sample_rate_not_supported", detail)
        if rate == 12000 and formats and formats != ["ogg"]:
            raise PydanticCustomError("sample_rate_not_supported", "12000 Hz is for ogg alone.")
        return rate

    def output(self) -> Output:
        return Output(
            formats=tuple(self.formats),
            sample_rate=self.sample_rate,
            channels=self.channels,
            loudness_lufs=self.loudness_lufs,
            true_peak_dbtp=self.true_peak_dbtp,
            preview=self.preview,
            bit_depth=self.bit_depth,
            stems=self.stems,
            clips=self.clips,
            cue_sheets=tuple(self.cue_sheets),
            bwf=self.bwf,
            fps=self.fps,
            start_timecode=self.start_timecode,
            level_matching=self.level_matching,
        )


class CaptionLimitsBody(Strict):
    columns: Annotated[int, Field(ge=8, le=80), WHOLE] = ABSENT
    cps: Annotated[float, Field(ge=1, le=100)] = ABSENT
    max_lines: Annotated[Literal[1, 2], WHOLE] = ABSENT
    min_ms: Annotated[int, Field(ge=100, le=5000), WHOLE] = ABSENT
    max_ms: Annotated[int, Field(ge=1000, le=7000), WHOLE] = ABSENT
    gap_ms: Annotated[int, Field(ge=0, le=1000), WHOLE] = ABSENT
    chain_ms: Annotated[int, Field(ge=0, le=3000), WHOLE] = ABSENT
    trail_ms: Annotated[int, Field(ge=0, le=3000), WHOLE] = ABSENT

    def limits(self) -> CaptionLimits:
        return CaptionLimits(**self.model_dump())


def _known_style(name: str) -> str:
    if name not in STYLES:
        names = ", ".join(f"'{each}'" for each in STYLES)
        raise PydanticCustomError("unknown_value", "This must be one of {names}.", {"names": names})
    return name


class DuckBody(Strict):
    depth_db: fields.DuckDepth = ABSENT
    target_snr_db: fields.TargetSnr = 11.0
    attack_ms: fields.Attack = 100
    release_ms: fields.Release = 250

    def duck(self) -> Duck:
        return Duck(**self.model_dump())


class BedBody(Strict):
    source: fields.SourceId
    gain_db: fields.BedGain = 0.0
    duck: DuckBody = Field(default_factory=DuckBody)
    fade_in_ms: fields.BedFade = 0
    fade_out_ms: fields.BedFade = 1000
    offset_ms: fields.BedOffset = 0
    loop: bool = False

    def bed(self) -> Bed:
        return Bed(
            source_id=self.source,
            gain_db=self.gain_db,
            duck=self.duck.duck(),
            fade_in_ms=self.fade_in_ms,
            fade_out_ms=self.fade_out_ms,
            offset_ms=self.offset_ms,
            loop=self.loop,
        )


class QaBody(Strict):
    verify: bool = False
    max_wer: Annotated[float, Field(ge=0, le=1)] = ABSENT
    retries: Annotated[int, Field(ge=0, le=5), WHOLE] = 2

    def qa(self) -> Qa:
        return Qa(**self.model_dump())


class CaptionsBody(Strict):
    formats: Annotated[
        list[CaptionFormat], Field(max_length=4, json_schema_extra=_UNIQUE), AfterValidator(unique)
    ] = Field(["json", "vtt", "srt"])
    style: Annotated[str, Field(json_schema_extra={"enum": [*STYLES]}), AfterValidator(_known_style)] = (
        "default"
    )
    fps: Annotated[float, Field(ge=10, le=120)] = ABSENT
    limits: CaptionLimitsBody = Field(default_factory=CaptionLimitsBody)
    shot_cuts_ms: Annotated[list[fields.Cut], Field(max_length=5000)] = Field([])
    strict: bool = False

    @field_validator("limits")
    @classmethod
    def _can_be_met(cls, limits: CaptionLimitsBody, info: ValidationInfo) -> CaptionLimitsBody:
        known = CaptionRequest(style=info.data.get("style", "default"), limits=limits.limits())
        try:
            style_of(known)
        except ValueError as error:
            raise PydanticCustomError("limits_conflict", "{why}", {"why": str(error)}) from None
        return limits

    def request(self) -> CaptionRequest:
        return CaptionRequest(
            formats=tuple(self.formats),
            style=pinned(self.style),
            fps=self.fps,
            limits=self.limits.limits(),
            shot_cuts_ms=tuple(sorted(set(self.shot_cuts_ms))),
            strict=self.strict,
        )


def _cast_kind(value: object) -> str | None:
    if isinstance(value, str):
        return "cast:speaker"
    return "cast:entry" if isinstance(value, dict | CastEntryBody) else None


CastValue = Annotated[
    Annotated[fields.SpeakerRef, Tag("cast:speaker")] | Annotated[CastEntryBody, Tag("cast:entry")],
    Discriminator(_cast_kind),
]


class ScriptBody(Strict):
    title: fields.Title = ""
    language: fields.Language = ABSENT
    seed: fields.Seed = 0
    cast: Annotated[dict[fields.RoleName, CastValue], Field(max_length=200)] = Field({})
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=2000)]
    output: OutputBody = Field(default_factory=OutputBody)
    captions: CaptionsBody = Field(default_factory=CaptionsBody)
    bed: BedBody = ABSENT
    qa: QaBody = Field(default_factory=QaBody)
    retention_hours: fields.RetentionHours = 168
    fallback: fields.SpeakerRef = ABSENT
    lexicons: Annotated[list[LexiconRefBody], Field(max_length=10), AfterValidator(named_once)] = Field([])
    pronunciations: Annotated[list[PronunciationBody], Field(max_length=500)] = Field([])
    metadata: Annotated[dict[fields.MetadataKey, fields.MetadataValue], Field(max_length=20)] = Field({})
    quote_id: fields.QuoteId = ABSENT
    max_cost: fields.Cost = ABSENT

    def script(self) -> Script:
        return Script(
            lines=tuple(line.line(line.id or f"l{number}") for number, line in enumerate(self.lines, 1)),
            title=self.title,
            language=self.language,
            seed=self.seed,
            cast={name: _role(entry) for name, entry in self.cast.items()},
            output=self.output.output(),
            captions=self.captions.request(),
            bed=self.bed.bed() if self.bed else None,
            qa=self.qa.qa(),
            retention_hours=self.retention_hours,
            fallback=self.fallback,
            lexicons=tuple(each.ref() for each in self.lexicons),
            pronunciations=tuple(each.entry() for each in self.pronunciations),
            metadata=self.metadata,
            quote_id=self.quote_id,
            max_cost_micros=None if self.max_cost is None else parse_amount(self.max_cost),
        )


def _role(entry: str | CastEntryBody) -> Role:
    return Role(speaker_id=entry) if isinstance(entry, str) else entry.role()


class ConsentBody(Strict):
    subject: fields.Name
    attested_by: fields.Name
    attested_at: fields.Moment
    languages: Annotated[list[fields.Language], Field(max_length=50)] = Field([])
    projects: Annotated[list[fields.Name], Field(max_length=50)] = Field([])
    expires_at: fields.Moment | None = None

    def consent(self) -> Consent:
        return Consent(
            subject=self.subject,
            attested_by=self.attested_by,
            attested_at=self.attested_at,
            languages=tuple(self.languages),
            projects=tuple(self.projects),
            expires_at=self.expires_at,
        )


class SpeakerCreateBody(Strict):
    """The fields of the form; ``samples`` are the names of its files, whose bytes go elsewhere."""

    name: fields.Name
    language: fields.Language
    consent: ConsentBody
    samples: Annotated[list[str], Field(min_length=1, max_length=5)]
    transcript: fields.Transcript = ABSENT


class SpeakerUpdateBody(Strict):
    name: fields.Name


class SourceCreateBody(Strict):
    """The fields of the form; ``file`` is the name of its file, whose bytes go elsewhere."""

    name: fields.Name
    file: str
