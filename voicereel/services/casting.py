"""Who really speaks: roles and speaker ids of a script become voices of engines that are up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from voicereel.domain.errors import FieldError, InvalidRequest, Unavailable
from voicereel.domain.job import LineRecord
from voicereel.domain.script import Line, Script
from voicereel.domain.speakers import EngineInfo, Speaker, Voice, match_language, split_stock_id
from voicereel.ports import SpeakerRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CastVoice:
    """A voice with the engine that has it and the language it speaks when none is asked for."""

    voice: Voice
    engine: EngineInfo
    language: str
    speaker: Speaker | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a speaker cannot be cast."""

    code: str
    detail: str


class Casting:
    """Resolves the speakers of one script for one tenant, each once."""

    def __init__(
        self, speakers: SpeakerRepository, engines: Sequence[EngineInfo], *, tenant_id: str, now: datetime
    ) -> None:
        if not engines:
            raise Unavailable("No speech engine is up; try again shortly.", code="no_engine")
        self._speakers = speakers
        self._engines = {engine.name: engine for engine in engines}
        self._tenant_id = tenant_id
        self._now = now

    def cast(self, script: Script) -> tuple[LineRecord, ...]:
        """A record a line; `InvalidRequest` names every line or role that cannot be spoken."""
        cast = (role.speaker_id for role in script.cast.values())
        voices = {each: self._resolve(each) for each in dict.fromkeys((*cast, *script.speaker_ids()))}
        errors = (*_refusals(script, voices), *self._misfits(script, voices))
        if errors:
            raise InvalidRequest(errors)
        return tuple(_record(index, line, script, voices) for index, line in enumerate(script.lines))

    def _resolve(self, speaker_id: str) -> CastVoice | Refused:
        stock = split_stock_id(speaker_id)
        return self._stock(speaker_id, *stock) if stock else self._enrolled(speaker_id)

    def _stock(self, speaker_id: str, engine_name: str, name: str) -> CastVoice | Refused:
        engine = self._engines.get(engine_name)
        known = engine.stock_voice(name) if engine else None
        if engine is None or known is None:
            return Refused("unknown_speaker", "There is no such stock voice; GET /v1/voices lists them.")
        voice = Voice(speaker_id=speaker_id, speaker_name=known.label or name, engine=engine_name, name=name)
        return CastVoice(voice=voice, engine=engine, language=known.languages[0])

    def _enrolled(self, speaker_id: str) -> CastVoice | Refused:
        speaker = self._speakers.get(speaker_id, tenant_id=self._tenant_id)
        if speaker is None:
            return Refused("unknown_speaker", "There is no such speaker.")
        if speaker.status != "ready":
            return Refused("speaker_not_ready", f"This speaker is {speaker.status}, not ready.")
        if speaker.consent.expires_at and speaker.consent.expires_at <= self._now:
            return Refused("consent_expired", "The consent for this voice has expired.")
        engine = self._engines.get(speaker.engine)
        if engine is None:
            raise Unavailable("The engine of an enrolled speaker is not up; try again.", code="no_engine")
        voice = Voice(
            speaker_id=speaker_id,
            speaker_name=speaker.name,
            engine=speaker.engine,
            profile=dict(speaker.profile or {}),
        )
        return CastVoice(voice=voice, engine=engine, language=speaker.language, speaker=speaker)

    def _misfits(self, script: Script, voices: Mapping[str, CastVoice | Refused]) -> Iterator[FieldError]:
        for index, line in enumerate(script.lines):
            cast = voices[script.role_of(line).speaker_id]
            if isinstance(cast, CastVoice):
                yield from _line_misfits(index, line, script, cast)


def _refusals(script: Script, voices: Mapping[str, CastVoice | Refused]) -> Iterator[FieldError]:
    """Once at the role that names a refused speaker, or at each line that does."""
    for role, entry in script.cast.items():
        refused = voices.get(entry.speaker_id)
        if isinstance(refused, Refused):
            yield FieldError(f"/cast/{escape_pointer(role)}", refused.code, refused.detail)
    for index, line in enumerate(script.lines):
        refused = voices[script.role_of(line).speaker_id]
        if isinstance(refused, Refused) and line.speaker not in script.cast:
            yield FieldError(f"/lines/{index}/speaker", refused.code, refused.detail)


def _line_misfits(index: int, line: Line, script: Script, cast: CastVoice) -> Iterator[FieldError]:
    language = script.controls_of(line).language or cast.language
    if not cast.engine.speaks(language):
        detail = f"The engine '{cast.engine.name}' does not speak '{language}'."
        yield FieldError(f"/lines/{index}/language", "language_not_supported", detail)
    if cast.speaker is None:
        return
    consent = cast.speaker.consent
    if consent.languages and match_language(language, consent.languages) is None:
        detail = f"The consent for this voice does not cover '{language}'."
        yield FieldError(f"/lines/{index}/language", "consent_language", detail)
    if consent.projects and script.metadata.get("project") not in consent.projects:
        detail = "The consent for this voice does not cover this 'metadata.project'."
        yield FieldError(f"/lines/{index}/speaker", "consent_project", detail)


def _record(index: int, line: Line, script: Script, voices: Mapping[str, CastVoice | Refused]) -> LineRecord:
    cast = voices[script.role_of(line).speaker_id]
    if isinstance(cast, Refused):
        raise TypeError("refused speakers were reported before")
    controls = script.controls_of(line)
    # A stock voice has no name a viewer would know: captions show the role it plays.
    is_role = cast.speaker is None and line.speaker in script.cast
    voice = replace(cast.voice, speaker_name=line.speaker) if is_role else cast.voice
    return LineRecord(
        ordinal=index,
        line=line,
        controls=replace(controls, language=controls.language or cast.language),
        voice=voice,
    )


def escape_pointer(token: str) -> str:
    """A key as a token of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")
