"""Lines -> takes: each line of a shard is spoken, trimmed and written to one file of takes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from voicereel.domain.fingerprint import take_fingerprint
from voicereel.domain.job import LineRecord, Result, Take
from voicereel.domain.reel import Word
from voicereel.domain.script import Warn, has_speech, spoken_text, without_emoji
from voicereel.domain.speakers import EngineInfo
from voicereel.domain.words import Timing, words_from_timings
from workers.audio.clip import Clip
from workers.audio.timing import trim
from workers.engines.base import EngineTake, Synthesizer, TakeRequest
from workers.stages.base import StageContext


def run(ctx: StageContext) -> Result:
    """Speak lines ``[first, last)`` of the script, or ``only`` some of them.

    Every line has its take: one that fails does not fail its shard, whether or not it may be retried.
    """
    records = _records(ctx)
    engine = ctx.engine(ctx.claim.payload["engine"])
    path = ctx.scratch / "takes.wav"
    with _Takes(path, engine.info) as takes:
        for done, (record, spoken) in enumerate(_spoken(engine, records), 1):
            takes.add(record, spoken)
            ctx.pulse.progress(done / len(records))
    artifact = ctx.keep(path, kind="takes", media_type="audio/wav")
    return Result(artifacts=(artifact,), takes=takes.finished(artifact.id))


def _records(ctx: StageContext) -> Sequence[LineRecord]:
    payload = ctx.claim.payload
    records = ctx.lines(first=payload["first"], last=payload["last"], words=False)
    only = payload.get("only")
    return records if only is None else [record for record in records if record.ordinal in only]


def _spoken(
    engine: Synthesizer, records: Sequence[LineRecord]
) -> Iterator[tuple[LineRecord, EngineTake | None]]:
    """Each record with what the engine made of it; None where there is nothing to speak."""
    speakable = [record for record in records if has_speech(record.line.text)]
    takes = engine.synthesize([request_of(record) for record in speakable])
    for record in records:
        yield record, next(takes) if has_speech(record.line.text) else None


def request_of(record: LineRecord) -> TakeRequest:
    controls = record.controls
    return TakeRequest(
        text=without_emoji(spoken_text(record.line.text)),
        language=controls.language or "",
        voice=record.voice.name,
        profile=record.voice.profile,
        speed=controls.speed or 1.0,
        pitch_st=controls.pitch_st or 0.0,
        style=controls.style,
        seed=controls.seed or 0,
    )


class _Takes:
    """The file of a shard's takes, one after another, and their records."""

    def __init__(self, path: Path, engine: EngineInfo) -> None:
        self._engine = engine
        self._file = soundfile.SoundFile(
            path, "w", engine.sample_rate, 1, subtype=engine.sample_format, format="RF64"
        )
        self._takes: list[Take] = []
        self._offset = 0

    def __enter__(self) -> "_Takes":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, record: LineRecord, spoken: EngineTake | None) -> None:
        clip, first = _trimmed(spoken, self._engine)
        self._file.write(clip.samples)
        error = _error(spoken, clip)
        self._takes.append(
            Take(
                line_id=record.line.id,
                fingerprint=_fingerprint(record, self._engine),
                artifact_id="",
                offset_samples=self._offset,
                length_samples=len(clip.samples),
                sample_rate=clip.rate,
                duration_ms=clip.duration_ms,
                words=() if error or not spoken else _words(record, spoken.marks, clip, first),
                warnings=tuple(_warnings(record, spoken)),
                error=error,
                retryable=bool(spoken and spoken.error and spoken.error.retryable),
            )
        )
        self._offset += len(clip.samples)

    def finished(self, artifact_id: str) -> tuple[Take, ...]:
        return tuple(replace(take, artifact_id=artifact_id) for take in self._takes)


def _trimmed(spoken: EngineTake | None, engine: EngineInfo) -> tuple[Clip, int]:
    """The sound without its silent edges, and the sample it began at."""
    if spoken is None or spoken.error:
        return Clip(np.zeros(0, np.float32), engine.sample_rate), 0
    start, end = trim(spoken.clip)
    return Clip(spoken.clip.samples[start:end], spoken.clip.rate), start


def _words(record: LineRecord, marks: Sequence[Timing], clip: Clip, first: int) -> tuple[Word, ...]:
    offset_ms = first * 1000 / clip.rate
    moved = [
        replace(mark, start_ms=mark.start_ms - offset_ms, end_ms=mark.end_ms - offset_ms) for mark in marks
    ]
    return words_from_timings(spoken_text(record.line.text), moved, clip.duration_ms)


def _error(spoken: EngineTake | None, clip: Clip) -> dict[str, str] | None:
    if spoken is None:
        return None
    if spoken.error:
        return {"code": spoken.error.code, "detail": spoken.error.detail}
    if not len(clip.samples):
        return {"code": "no_sound", "detail": "The engine made no sound of this line."}
    return None


def _warnings(record: LineRecord, spoken: EngineTake | None) -> Iterator[Warn]:
    pointer = f"/lines/{record.ordinal}"
    if spoken is None:
        detail = "The line has no letter or digit: it is kept, with no sound and no caption."
        yield Warn(code="nothing_to_speak", pointer=f"{pointer}/text", detail=detail)
        return
    for code, detail in spoken.warnings:
        yield Warn(code=code, pointer=pointer, detail=detail)


def _fingerprint(record: LineRecord, engine: EngineInfo) -> str:
    request = request_of(record)
    return take_fingerprint(
        engine=engine.name,
        engine_version=engine.version,
        voice={"name": request.voice, "profile": request.profile},
        text=request.text,
        language=request.language,
        speed=request.speed,
        pitch_st=request.pitch_st,
        style=request.style,
        seed=request.seed,
    )
