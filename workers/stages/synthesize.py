"""Lines -> takes: each line of a shard is spoken, trimmed and written to one file of takes.

A line that was spoken before, for the same tenant and with the same words, is copied: so no job depends
on another's files. What sounds bad is spoken again where that can help, and the rest is named.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from voicereel.domain.checks import LINE_SUSPECT, SpokenCheck
from voicereel.domain.drafts import pointed
from voicereel.domain.errors import VoiceReelError
from voicereel.domain.fingerprint import fingerprint_of
from voicereel.domain.forecast import heard
from voicereel.domain.job import Artifact, LineRecord, Result, Take, TakeSource
from voicereel.domain.pronunciation import SpokenForm, ignored_warning, spoken_form
from voicereel.domain.reel import Word
from voicereel.domain.script import Warn, has_speech, spoken_text
from voicereel.domain.speakers import EngineInfo
from voicereel.domain.waves import Layout, first_byte_of
from voicereel.domain.words import Timing, clearer, vague, words_from_timings
from voicereel.services.casting import FALLBACK_WARNING
from voicereel.telemetry import metrics
from workers.audio.clip import Clip, Samples
from workers.audio.timing import trim
from workers.engines.base import Aligner, EngineTake, Synthesizer
from workers.engines.requests import request_of
from workers.stages.base import StageContext
from workers.stages.listening import Attempt, Listener, can_retry, spoken_again


def run(ctx: StageContext) -> Result:
    """Speak lines ``[first, last)`` of the script, or ``only`` some of them.

    Every line has its take: one that fails does not fail its shard, whether or not it may be retried.
    """
    records = _records(ctx)
    engine = ctx.engine(ctx.claim.payload["engine"])
    cache = _Cache(ctx, engine.info, records)
    again = frozenset(ctx.claim.payload.get("again", ()))
    path = ctx.scratch / "takes.wav"
    aligner = ctx.engines.aligner(watch=ctx.pulse.check)
    listener = Listener(ctx.job.qa, engine.info, ctx.engines.recognizer(watch=ctx.pulse.check))
    with _Takes(path, engine.info, aligner, listener, again) as takes:
        bad: list[tuple[LineRecord, Attempt]] = []
        for done, (record, spoken) in enumerate(_spoken(engine, records, cache), 1):
            if isinstance(spoken, _Copied):
                takes.copy(record, spoken)
            else:
                attempt = listener.attempt(record, spoken) if spoken else None
                if attempt and not attempt.is_good(ctx.job.qa) and can_retry(engine.info, ctx.job.qa):
                    bad.append((record, attempt))
                else:
                    takes.add(record, attempt)
            ctx.pulse.progress(done / len(records))
        for record, attempt in spoken_again(engine, listener, bad):
            takes.add(record, attempt)
    by_line = {take.line_id: take for take in takes.finished()}
    facts = _layout(path, engine.info).facts
    artifact = ctx.keep(path, kind="takes", media_type="audio/wav", facts=facts)
    made = tuple(replace(by_line[record.line.id], artifact_id=artifact.id) for record in records)
    spoken_now = ((r, take) for r, take in zip(records, made, strict=True) if take.source != "cached")
    told = heard(ctx.claim.tenant_id, spoken_now)
    return Result(artifacts=(artifact,), takes=made, warnings=tuple(listener.warnings()), heard=told)


def _records(ctx: StageContext) -> Sequence[LineRecord]:
    payload = ctx.claim.payload
    records = ctx.lines(first=payload["first"], last=payload["last"], words=False)
    only = payload.get("only")
    return records if only is None else [record for record in records if record.ordinal in only]


class _Copied:
    """A take that was made before: its record, and its samples."""

    def __init__(self, take: Take, samples: Samples) -> None:
        self.take, self.samples = take, samples


class _Cache:
    """Takes that can be used in place of new ones. One that cannot be had is a miss, and no failure."""

    def __init__(self, ctx: StageContext, engine: EngineInfo, records: Sequence[LineRecord]) -> None:
        self._ctx, self._engine = ctx, engine
        self._files: dict[str, Path | None] = {}
        wanted = {r.line.id: self._fingerprint(r) for r in records if has_speech(r.line.text)}
        known = ctx.work.cached(ctx.claim, frozenset(wanted.values()))
        self._found = {
            line_id: copied
            for line_id, fingerprint in wanted.items()
            if fingerprint in known
            and (copied := self._copied(known[fingerprint].take, known[fingerprint].file))
        }
        metrics.take_cache(hits=len(self._found), misses=len(wanted) - len(self._found))

    def get(self, record: LineRecord) -> _Copied | None:
        return self._found.get(record.line.id)

    def _fingerprint(self, record: LineRecord) -> str:
        return fingerprint_of(record, engine_version=self._engine.version, ipa=self._engine.ipa)

    def _copied(self, take: Take, file: Artifact) -> _Copied | None:
        path = self._file(file)
        samples = _read(path, take, self._engine) if path else None
        if samples is None or _sha256(samples) != take.sha256:
            return None
        return _Copied(replace(take, copied_from=file.id), samples)

    def _file(self, file: Artifact) -> Path | None:
        if file.id not in self._files:
            try:
                self._files[file.id] = self._ctx.fetch(file)
            except (VoiceReelError, OSError):
                self._files[file.id] = None
        return self._files[file.id]


def _read(path: Path, take: Take, engine: EngineInfo) -> Samples | None:
    """A take's samples; None where the file is not what this engine makes."""
    try:
        with soundfile.SoundFile(path) as file:
            if (file.samplerate, file.subtype) != (engine.sample_rate, engine.sample_format):
                return None
            file.seek(take.offset_samples)
            samples: Samples = file.read(take.length_samples, dtype="float32")
    except (OSError, soundfile.SoundFileError):
        return None
    return samples


def _sha256(samples: Samples) -> str:
    """Of samples as float32, little endian."""
    return hashlib.sha256(samples.astype("<f4", copy=False).tobytes()).hexdigest()


def _spoken(
    engine: Synthesizer, records: Sequence[LineRecord], cache: _Cache
) -> Iterator[tuple[LineRecord, EngineTake | _Copied | None]]:
    """Each record with what was made of it; None where there is nothing to speak."""
    to_speak = [r for r in records if has_speech(r.line.text) and cache.get(r) is None]
    takes = engine.synthesize([request_of(record, engine.info) for record in to_speak])
    for record in records:
        yield record, cache.get(record) or (next(takes) if has_speech(record.line.text) else None)


def form_of(record: LineRecord, engine: EngineInfo) -> SpokenForm:
    return spoken_form(record.line.text, record.readings, ipa=engine.ipa)


class _Takes:
    """The file of a shard's takes, one after another, and their records."""

    def __init__(
        self, path: Path, engine: EngineInfo, aligner: Aligner, listener: Listener, again: Collection[int]
    ) -> None:
        self._path, self._engine = path, engine
        self._aligner, self._listener = aligner, listener
        self._again = again
        self._file = soundfile.SoundFile(
            path, "w", engine.sample_rate, 1, subtype=engine.sample_format, format="RF64"
        )
        self._takes: list[Take] = []
        self._offset = 0

    def __enter__(self) -> "_Takes":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def copy(self, record: LineRecord, copied: _Copied) -> None:
        """A take as it was made before, with what its engine had to say of it."""
        self._file.write(copied.samples)
        check = self._listener.check(
            record, Clip(copied.samples, self._engine.sample_rate), known=copied.take.check or SpokenCheck()
        )
        made = replace(
            copied.take,
            line_id=record.line.id,
            artifact_id="",
            offset_samples=self._offset,
            warnings=(
                *_of_casting(record),
                *_of_engine(copied.take, record),
                *self._listener.suspicions(record, check),
            ),
            source="cached",
            check=check,
        )
        self._takes.append(made)
        self._offset += made.length_samples

    def add(self, record: LineRecord, attempt: Attempt | None) -> None:
        """What was made of a line, with what was heard of that; None where there is nothing to speak."""
        spoken, check = (attempt.take, attempt.check) if attempt else (None, None)
        source: TakeSource = "again" if record.ordinal in self._again else "rendered"
        clip, first = _trimmed(spoken, self._engine)
        self._file.write(clip.samples)
        error = _error(spoken, clip)
        self._takes.append(
            Take(
                line_id=record.line.id,
                fingerprint=fingerprint_of(record, engine_version=self._engine.version, ipa=self._engine.ipa),
                artifact_id="",
                offset_samples=self._offset,
                length_samples=len(clip.samples),
                sample_rate=clip.rate,
                duration_ms=clip.duration_ms,
                words=() if error or not spoken else self._words(record, spoken.marks, clip, first),
                warnings=(
                    *_of_casting(record),
                    *_warnings(record, self._engine, spoken),
                    *self._listener.suspicions(record, check),
                ),
                error=error,
                retryable=bool(spoken and spoken.error and spoken.error.retryable),
                source=source,
                engine_version=self._engine.version,
                check=check,
            )
        )
        self._offset += len(clip.samples)

    def _words(self, record: LineRecord, marks: Sequence[Timing], clip: Clip, first: int) -> tuple[Word, ...]:
        offset_ms = first * 1000 / clip.rate
        moved = [
            replace(mark, start_ms=mark.start_ms - offset_ms, end_ms=mark.end_ms - offset_ms)
            for mark in marks
        ]
        request = request_of(record, self._engine)
        if vague(request.text, moved):
            moved = clearer(moved, self._aligner.align(clip, request.text, request.language))
        shown = form_of(record, self._engine).written(moved)
        return words_from_timings(spoken_text(record.line.text), shown, clip.duration_ms)

    def finished(self) -> tuple[Take, ...]:
        """The takes with the SHA-256 of what a reader of the file, which is closed, will have."""
        with soundfile.SoundFile(self._path) as file:
            return tuple(
                replace(take, sha256=_sha256(file.read(take.length_samples, dtype="float32")))
                for take in self._takes
            )


def _layout(path: Path, engine: EngineInfo) -> Layout:
    """Where a take's samples are found by those who have no decoder."""
    with path.open("rb") as file:
        first_byte = first_byte_of(file)
    return Layout(sample_rate=engine.sample_rate, sample_format=engine.sample_format, first_byte=first_byte)


def _trimmed(spoken: EngineTake | None, engine: EngineInfo) -> tuple[Clip, int]:
    """The sound without its silent edges, and the sample it began at."""
    if spoken is None or spoken.error:
        return Clip(np.zeros(0, np.float32), engine.sample_rate), 0
    start, end = trim(spoken.clip)
    return Clip(spoken.clip.samples[start:end], spoken.clip.rate), start


def _error(spoken: EngineTake | None, clip: Clip) -> dict[str, str] | None:
    if spoken is None:
        return None
    if spoken.error:
        return {"code": spoken.error.code, "detail": spoken.error.detail}
    if not len(clip.samples):
        return {"code": "no_sound", "detail": "The engine made no sound of this line."}
    return None


def _of_casting(record: LineRecord) -> Iterator[Warn]:
    """What was said of a line before it was spoken, and is so still."""
    return (warning for warning in record.warnings if warning.code == FALLBACK_WARNING)


def _of_engine(take: Take, record: LineRecord) -> Iterator[Warn]:
    """What is to be heard of it is judged anew: by what this job asks."""
    said = (warning for warning in take.warnings if warning.code not in (FALLBACK_WARNING, LINE_SUSPECT))
    return (pointed(warning, record.ordinal) for warning in said)


def _warnings(record: LineRecord, engine: EngineInfo, spoken: EngineTake | None) -> Iterator[Warn]:
    """What the take's own engine could not honour, which need not be the one that the line was cast with."""
    pointer = f"/lines/{record.ordinal}"
    if spoken is None:
        detail = "The line has no letter or digit: it is kept, with no sound and no caption."
        yield Warn(code="nothing_to_speak", pointer=f"{pointer}/text", detail=detail)
        return
    if form_of(record, engine).ignored:
        yield ignored_warning(record.ordinal)
    for code, detail in spoken.warnings:
        yield Warn(code=code, pointer=pointer, detail=detail)
