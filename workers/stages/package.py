"""Mix -> delivery: one audio file a shard, mastered while it is encoded; and the captions."""

import json
from collections.abc import Iterator
from pathlib import Path

import soundfile

from voicereel.captions.formats import LineNotes, reel_document, to_srt, to_vtt
from voicereel.captions.segmenter import segment
from voicereel.captions.style import STYLES
from voicereel.domain.job import Artifact, Job, LineRecord, Result
from voicereel.domain.reel import Placement, Reel, reel_duration_ms
from voicereel.domain.script import Warn
from workers.audio.clip import Samples
from workers.audio.encode import encode
from workers.stages.base import StageContext

_BLOCK = 65_536
AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
}


def run(ctx: StageContext) -> Result:
    """The captions (shard 0), or one audio format (the others)."""
    if ctx.claim.payload.get("captions"):
        return Result(artifacts=tuple(_captions(ctx)))
    return Result(artifacts=(_audio(ctx, ctx.claim.payload["format"]),))


def _audio(ctx: StageContext, audio_format: str) -> Artifact:
    rate = ctx.job.output.rate_for(audio_format)
    mix = next(a for a in ctx.artifacts("mix") if a.facts["rate"] == rate)
    path = ctx.scratch / f"reel.{audio_format}"
    with soundfile.SoundFile(ctx.fetch(mix)) as source:
        encode(
            path,
            audio_format,
            rate=rate,
            channels=ctx.job.output.channels,
            blocks=_mastered(ctx, source, mix.facts["gain_db"]),
            total_samples=source.frames,
        )
    facts = {"format": audio_format, "duration_ms": mix.facts["duration_ms"], **_levels(mix)}
    return ctx.keep(path, kind="audio", media_type=AUDIO_TYPES[audio_format], facts=facts)


def _mastered(ctx: StageContext, source: soundfile.SoundFile, gain_db: float) -> Iterator[Samples]:
    gain, total = 10 ** (gain_db / 20), max(source.frames, 1)
    while len(block := source.read(_BLOCK, dtype="float32")):
        yield block * block.dtype.type(gain)
        ctx.pulse.progress(source.tell() / total)


def _levels(mix: Artifact) -> dict[str, float | None]:
    """The mix's levels after mastering: one gain moves both alike."""
    gain = mix.facts["gain_db"]
    names = {"loudness_lufs": "integrated_lufs", "true_peak_dbtp": "true_peak_dbtp"}
    return {
        name: None if mix.facts[measured] is None else round(mix.facts[measured] + gain, 2)
        for name, measured in names.items()
    }


def _captions(ctx: StageContext) -> Iterator[Artifact]:
    """The reel as JSON, always; VTT and SRT where asked for."""
    records = ctx.lines()
    reel = _reel(ctx, records)
    style = STYLES[ctx.job.captions.style]
    cues = segment(reel, style)
    notes = {r.line.id: LineNotes(warnings=_warnings_of(r, ctx.job), error=r.error) for r in records}
    document = reel_document(reel, cues, style=style, notes=notes)
    yield _text(ctx, "reel.json", json.dumps(document, ensure_ascii=False, indent=1), kind="reel")
    wanted = ctx.job.captions.formats
    if "vtt" in wanted:
        yield _text(ctx, "reel.vtt", to_vtt(cues), kind="caption")
    if "srt" in wanted:
        yield _text(ctx, "reel.srt", to_srt(cues), kind="caption")


def _warnings_of(record: LineRecord, job: Job) -> tuple[Warn, ...]:
    """All that was said of a line, by whichever stage."""
    pointer = f"/lines/{record.ordinal}"
    return tuple(w for w in job.warnings if w.pointer == pointer or w.pointer.startswith(f"{pointer}/"))


_TEXT_TYPES = {"json": "application/json", "vtt": "text/vtt", "srt": "application/x-subrip"}


def _text(ctx: StageContext, name: str, text: str, *, kind: str) -> Artifact:
    path: Path = ctx.scratch / name
    path.write_text(text, encoding="utf-8")
    extension = path.suffix[1:]
    return ctx.keep(path, kind=kind, media_type=_TEXT_TYPES[extension], facts={"format": extension})


def _reel(ctx: StageContext, records: tuple[LineRecord, ...]) -> Reel:
    return Reel(
        title=ctx.job.title,
        language=ctx.job.language,
        duration_ms=reel_duration_ms([(record.line, record.segment) for record in records]),
        placements=tuple(_placement(record) for record in records),
    )


def _placement(record: LineRecord) -> Placement:
    if record.segment is None:
        raise TypeError("fit places every line")
    start_ms = record.segment.start_ms
    return Placement(
        line_id=record.line.id,
        role=record.line.speaker,
        speaker_id=record.voice.speaker_id,
        speaker_name=record.voice.speaker_name,
        language=record.controls.language or "",
        text=record.line.text,
        start_ms=start_ms,
        end_ms=record.segment.end_ms,
        words=tuple(word.shifted(start_ms) for word in record.take.words) if record.take else (),
    )
