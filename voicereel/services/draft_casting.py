"""Who speaks a line that was edited: casting as of a new script, for these lines alone.

A line that nobody touched keeps who spoke it: what became of its speaker since is no matter to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from voicereel.domain.errors import FieldError, InvalidRequest
from voicereel.domain.job import Job, LineRecord
from voicereel.domain.script import Line, Role, Script, Warn, is_speaker_id
from voicereel.domain.speakers import EngineInfo
from voicereel.ports import Clock, Transaction
from voicereel.services.casting import Casting, escape_pointer
from voicereel.services.limits import ScriptLimits, check_spoken
from voicereel.services.pronouncing import Pronouncing, unused, with_readings


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCasting:
    engines: Callable[[], Sequence[EngineInfo]]
    pronouncing: Pronouncing
    limits: ScriptLimits
    now: Clock

    def cast_line(self, tx: Transaction, job: Job, line: Line, cast: Mapping[str, Role]) -> LineRecord:
        """One line as it is to be spoken; `InvalidRequest` points at its own fields."""
        if line.speaker not in cast and not is_speaker_id(line.speaker):
            detail = "Not a role of 'cast', nor a speaker id."
            raise InvalidRequest((FieldError("/speaker", "unknown_speaker", detail),))
        (record,) = self._cast(tx, job, [line], cast, lambda _, rest: f"/{rest}")
        return record

    def cast_all(
        self, tx: Transaction, job: Job, records: Sequence[LineRecord], cast: Mapping[str, Role]
    ) -> tuple[LineRecord, ...]:
        """Some lines of a job's script, each at its ordinal; `InvalidRequest` points into the script."""
        ordinals = [record.ordinal for record in records]
        lines = [record.line for record in records]
        found = self._cast(tx, job, lines, cast, lambda at, rest: f"/lines/{ordinals[at]}/{rest}")
        return tuple(replace(record, ordinal=at) for record, at in zip(found, ordinals, strict=True))

    def unused(self, job: Job, records: Sequence[LineRecord]) -> tuple[Warn, ...]:
        """A warning for each of the script's own pronunciations that no line has a use for."""
        if not job.pronunciations:
            return ()
        return unused(job.pronunciations, records, self.pronouncing.books(job.pronunciations, job.lexicons))

    def pools(self) -> Mapping[str, str]:
        """Which pool's workers have each engine that is up."""
        return {engine.name: engine.pool for engine in self.engines()}

    def _cast(
        self,
        tx: Transaction,
        job: Job,
        lines: Sequence[Line],
        cast: Mapping[str, Role],
        pointer: Callable[[int, str], str],
    ) -> tuple[LineRecord, ...]:
        needed = {line.speaker: cast[line.speaker] for line in lines if line.speaker in cast}
        script = Script(
            lines=tuple(lines),
            language=job.script_language if job.cast is not None else job.language,
            seed=job.seed,
            cast=needed,
            metadata=job.metadata,
        )
        casting = Casting(
            partial(tx.speakers.get, tenant_id=job.tenant_id),
            self.engines(),
            now=self.now(),
            tenant_fallback=job.fallback.voice.speaker_id if job.fallback else None,
        )
        try:
            records = casting.cast(script)[0]
            said = self._said(job, records)
            check_spoken(said, self.limits)
        except InvalidRequest as error:
            raise InvalidRequest(tuple(_errors(error.errors, lines, pointer))) from None
        return said

    def _said(self, job: Job, records: Sequence[LineRecord]) -> tuple[LineRecord, ...]:
        """With their words said as the job's own lexicons have it, each at its version."""
        if not job.lexicons and not job.pronunciations:
            return tuple(records)
        books = self.pronouncing.books(job.pronunciations, job.lexicons)
        return tuple(with_readings(record, books) for record in records)


def _errors(
    found: Sequence[FieldError], lines: Sequence[Line], pointer: Callable[[int, str], str]
) -> Sequence[FieldError]:
    """Each error at the lines it is about: an edit names no cast of its own."""
    errors: list[FieldError] = []
    for error in found:
        place, name, *rest = error.pointer.removeprefix("/").split("/")
        if place == "lines":
            errors.append(FieldError(pointer(int(name), "/".join(rest)), error.code, error.detail))
        else:
            at = (index for index, line in enumerate(lines) if escape_pointer(line.speaker) == name)
            errors += [FieldError(pointer(index, "speaker"), error.code, error.detail) for index in at]
    return errors
