"""The request bodies of openapi.yaml as strict models, and their way into the domain.

An optional field without a default in the spec is None when absent, and refuses null: hence
``ABSENT`` on types that do not admit None.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from voicereel.api import fields
from voicereel.api.fields import ABSENT, WHOLE, Strict, unique
from voicereel.domain.script import CaptionRequest, Controls, Line, Output, Role, Script, Segment
from voicereel.domain.speakers import Consent

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)

AudioFormat = Literal["wav", "mp3", "flac", "ogg", "m4a"]
CaptionFormat = Literal["json", "vtt", "srt"]
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

    def line(self, index: int) -> Line:
        return Line(
            id=self.id or f"l{index + 1}",
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
        )


class CaptionsBody(Strict):
    formats: Annotated[
        list[CaptionFormat], Field(max_length=3, json_schema_extra=_UNIQUE), AfterValidator(unique)
    ] = Field(["json", "vtt", "srt"])
    style: Literal["default"] = "default"

    def request(self) -> CaptionRequest:
        return CaptionRequest(formats=tuple(self.formats), style=self.style)


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
    retention_hours: fields.RetentionHours = 168
    fallback: fields.SpeakerRef = ABSENT
    metadata: Annotated[dict[fields.MetadataKey, fields.MetadataValue], Field(max_length=20)] = Field({})

    def script(self) -> Script:
        return Script(
            lines=tuple(line.line(index) for index, line in enumerate(self.lines)),
            title=self.title,
            language=self.language,
            seed=self.seed,
            cast={name: _role(entry) for name, entry in self.cast.items()},
            output=self.output.output(),
            captions=self.captions.request(),
            retention_hours=self.retention_hours,
            fallback=self.fallback,
            metadata=self.metadata,
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
