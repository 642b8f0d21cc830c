"""Who really speaks: roles and speaker ids of a script become voices of engines that are up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from voicereel.domain.errors import FieldError, InvalidRequest, Unavailable
from voicereel.domain.job import Fallback, LineRecord
from voicereel.domain.script import Controls, Line, Script, Warn
from voicereel.domain.speakers import EngineInfo, Speaker, Voice, match_language, split_stock_id

FALLBACK_WARNING = "spoken_by_fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class CastVoice:
    """A voice and the language it speaks when none is asked for; ``engine`` None: it is not up."""

    voice: Voice
    engine: EngineInfo | None
    language: str
    speaker: Speaker | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a speaker cannot be cast."""

    code: str
    detail: str


Voices = Mapping[str, CastVoice | Refused]


class Casting:
    """Resolves the speakers of one script for one tenant, each once."""

    def __init__(
        self,
        find: Callable[[str], Speaker | None],
        engines: Sequence[EngineInfo],
        *,
        now: datetime,
        tenant_fallback: str | None = None,
    ) -> None:
        self._find = find
        self._engines = {engine.name: engine for engine in engines}
        self._now = now
        self._tenant_fallback = tenant_fallback

    @property
    def pools(self) -> Mapping[str, str]:
        """Which pool's workers have each engine."""
        return {name: engine.pool for name, engine in self._engines.items()}

    def cast(self, script: Script) -> tuple[tuple[LineRecord, ...], Fallback | None]:
        """A record a line, and who helps out; `InvalidRequest` names all that cannot be spoken."""
        if not self._engines:
            raise Unavailable("No speech engine is up; try again shortly.", code="no_engine")
        cast = (role.speaker_id for role in script.cast.values())
        voices = {each: self.resolve(each) for each in dict.fromkeys((*cast, *script.speaker_ids()))}
        fallback = self._fallback(script)
        errors = [*_refusals(script, voices), *self._misfits(script, voices)]
        if isinstance(fallback, Refused):
            errors.append(FieldError("/fallback", fallback.code, fallback.detail))
        if errors:
            raise InvalidRequest(tuple(errors))
        helper = _helper(fallback)
        return tuple(self._records(script, voices, helper)), helper

    def _records(self, script: Script, voices: Voices, fallback: Fallback | None) -> Iterator[LineRecord]:
        parts = {
            name: _part(name, script, voices) for name in dict.fromkeys(each.speaker for each in script.lines)
        }
        for index, line in enumerate(script.lines):
            record = parts[line.speaker].record(index, line)
            if record.voice.engine in self._engines:
                yield record
            elif fallback is not None and fallback.can_speak(record):
                yield spoken_by(fallback, record)
            else:
                raise Unavailable("The engine of an enrolled speaker is not up; try again.", code="no_engine")

    def resolve(self, speaker_id: str) -> CastVoice | Refused:
        """The voice of a speaker, or why it has none for this tenant now."""
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
        speaker = self._find(speaker_id)
        if speaker is None:
            return Refused("unknown_speaker", "There is no such speaker.")
        if speaker.status != "ready":
            return Refused("speaker_not_ready", f"This speaker is {speaker.status}, not ready.")
        if speaker.consent.expires_at and speaker.consent.expires_at <= self._now:
            return Refused("consent_expired", "The consent for this voice has expired.")
        voice = Voice(
            speaker_id=speaker_id,
            speaker_name=speaker.name,
            engine=speaker.engine,
            profile=dict(speaker.profile or {}),
        )
        engine = self._engines.get(speaker.engine)
        return CastVoice(voice=voice, engine=engine, language=speaker.language, speaker=speaker)

    def _fallback(self, script: Script) -> CastVoice | Refused | None:
        """The script's own, else the tenant's; what the tenant's cannot do is not the script's fault."""
        if script.fallback is not None:
            named = script.cast.get(script.fallback)
            return self._fallback_voice(named.speaker_id if named else script.fallback)
        if self._tenant_fallback is None:
            return None
        found = self._fallback_voice(self._tenant_fallback)
        return None if isinstance(found, Refused) else found

    def _fallback_voice(self, speaker_id: str) -> CastVoice | Refused:
        found = self.resolve(speaker_id)
        if isinstance(found, CastVoice) and found.engine is None:
            return Refused("no_engine", "The engine of this speaker is not up.")
        return found

    def _misfits(self, script: Script, voices: Voices) -> Iterator[FieldError]:
        languages = {line.speaker: script.controls_of_role(line.speaker).language for line in script.lines}
        for index, line in enumerate(script.lines):
            cast = voices[script.role(line.speaker).speaker_id]
            if isinstance(cast, CastVoice):
                language = line.controls.language or languages[line.speaker] or cast.language
                yield from _line_misfits(index, language, script, cast)


def _helper(cast: CastVoice | Refused | None) -> Fallback | None:
    if not isinstance(cast, CastVoice) or cast.engine is None:
        return None
    # A recorded person helps out only in the languages that the consent covers.
    consented = cast.speaker.consent.languages if cast.speaker else ()
    return Fallback(
        voice=cast.voice, pool=cast.engine.pool, languages=tuple(consented) or cast.engine.languages
    )


def spoken_by(fallback: Fallback, record: LineRecord) -> LineRecord:
    """A line as the fallback speaks it, under its own speaker's name, with a warning that says so."""
    warning = Warn(
        code=FALLBACK_WARNING,
        pointer=f"/lines/{record.ordinal}",
        detail="The speaker's engine could not speak this line; the fallback speaker did.",
    )
    voice = replace(fallback.voice, speaker_name=record.voice.speaker_name)
    return replace(
        record, voice=voice, status="queued", error=None, take=None, warnings=(*record.warnings, warning)
    )


def _refusals(script: Script, voices: Voices) -> Iterator[FieldError]:
    """Once at the role that names a refused speaker, or at each line that does."""
    for role, entry in script.cast.items():
        refused = voices.get(entry.speaker_id)
        if isinstance(refused, Refused):
            yield FieldError(f"/cast/{escape_pointer(role)}", refused.code, refused.detail)
    for index, line in enumerate(script.lines):
        refused = voices[script.role(line.speaker).speaker_id]
        if isinstance(refused, Refused) and line.speaker not in script.cast:
            yield FieldError(f"/lines/{index}/speaker", refused.code, refused.detail)


def _line_misfits(index: int, language: str, script: Script, cast: CastVoice) -> Iterator[FieldError]:
    if cast.engine is not None and not cast.engine.speaks(language):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What all lines of one role have in common."""

    voice: Voice
    controls: Controls

    def record(self, index: int, line: Line) -> LineRecord:
        return LineRecord(
            ordinal=index, line=line, controls=line.controls.over(self.controls), voice=self.voice
        )


def _part(name: str, script: Script, voices: Voices) -> _Part:
    cast = voices[script.role(name).speaker_id]
    if isinstance(cast, Refused):
        raise TypeError("refused speakers were reported before")
    controls = script.controls_of_role(name)
    # A stock voice has no name a viewer would know: captions show the role it plays.
    is_role = cast.speaker is None and name in script.cast
    return _Part(
        voice=replace(cast.voice, speaker_name=name) if is_role else cast.voice,
        controls=replace(controls, language=controls.language or cast.language),
    )


def escape_pointer(token: str) -> str:
    """A key as a token of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")
