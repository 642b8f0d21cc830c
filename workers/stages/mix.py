"""Timeline -> mix: takes summed at their places, at the output rate, and measured.

The mix is stored unmastered, as float, with its envelope: each delivery file is mastered from the
two while it is encoded.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile

from voicereel.domain.errors import StageFailed
from voicereel.domain.job import Artifact, LineRecord, Result
from voicereel.domain.reel import reel_duration_ms, samples
from voicereel.domain.script import Warn
from workers.audio.bed import PlacedBed, Spoken
from workers.audio.clip import Samples
from workers.audio.envelope import Envelope, EnvelopeMeter
from workers.audio.levels import SpokenLevel, matching_db, take_lufs
from workers.audio.media import DecodeLimits, decode
from workers.audio.mix import mix_blocks
from workers.audio.placing import PreparedTake, prepare_takes, read_take
from workers.stages.base import StageContext
from workers.stages.pinning import pinned_levels, previous_of

_BLOCK = 65_536
# a day: of a source only what the reel needs is decoded, but a bed may begin late in it
_LONGEST_SOURCE_S = 86_400.0


def run(ctx: StageContext) -> Result:
    """Sum the takes at ``payload["rate"]`` Hz, block by block, and measure the sum."""
    rate: int = ctx.claim.payload["rate"]
    records = ctx.lines(words=False)
    duration_ms = reel_duration_ms([(record.line, record.segment) for record in records])
    files = ctx.take_files(records)
    levels = _spoken_levels(records, files)
    matching = matching_db(levels) if ctx.job.output.level_matching == "gentle" else {}
    matching = pinned_levels(matching, records, previous_of(ctx))
    takes = prepare_takes(records, files, rate=rate, matching_db=matching)
    total = samples(duration_ms, rate)
    bed = _place_bed(ctx, rate, total)
    blocks = mix_blocks((take.placed for take in takes), total_samples=total, block=_BLOCK)
    if bed is not None:
        spoken = _spoken(records, levels, takes)
        blocks = map(np.add, blocks, bed.blocks(spoken, block=_BLOCK))
    path = ctx.scratch / f"mix-{rate}.wav"
    meter = EnvelopeMeter(rate, [take.start_sample for take in takes])
    envelope = _write(ctx, path, blocks, meter, rate=rate, total=total)
    mix = ctx.keep(path, kind="mix", media_type="audio/wav", facts={"rate": rate, "duration_ms": duration_ms})
    notes = (_keep_envelope(ctx, envelope), *_keep_levels(ctx, levels, matching))
    warnings = tuple(_bed_warnings(bed, rate, total)) if bed and not ctx.claim.shard else ()
    return Result(artifacts=(mix, *notes), warnings=warnings)


def _write(
    ctx: StageContext, path: Path, blocks: Iterable[Samples], meter: EnvelopeMeter, *, rate: int, total: int
) -> Envelope:
    with soundfile.SoundFile(path, "w", rate, 1, subtype="FLOAT", format="RF64") as file, meter:
        for block in blocks:
            meter.add(block)
            file.write(block)
            ctx.pulse.progress(file.tell() / total)
        return meter.result()


def _place_bed(ctx: StageContext, rate: int, total: int) -> PlacedBed | None:
    bed = ctx.job.bed
    if bed is None:
        return None
    path = ctx.fetch_source(bed.source_id)
    limits = DecodeLimits(max_seconds=_LONGEST_SOURCE_S)
    try:
        return PlacedBed(bed, lambda: decode(path, rate=rate, limits=limits), rate=rate, total_samples=total)
    except StageFailed as error:
        raise StageFailed(f"The bed: {error.detail}", code=error.code, measured=error.measured) from error


def _spoken(
    records: Sequence[LineRecord], levels: Sequence[SpokenLevel], takes: Sequence[PreparedTake]
) -> list[Spoken]:
    """Where each line sounds, and how loud it is in the mix."""
    of_take = {level.line_id: level.take_lufs for level in levels}
    gains = {take.line_id: take.gain_db for take in takes}
    heard = [(r.segment, of_take[r.line.id], gains[r.line.id]) for r in records if r.line.id in gains]
    return [
        Spoken(
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            line_lufs=None if lufs is None else lufs + gain_db,
        )
        for segment, lufs, gain_db in heard
        if segment
    ]


def _bed_warnings(bed: PlacedBed, rate: int, total: int) -> Iterator[Warn]:
    if bed.length < total:
        ends_ms = bed.length * 1000 // rate
        detail = f"The bed ends at {ends_ms} ms, before the reel; give a longer one, or set 'loop'."
        yield Warn(code="bed_ends_early", pointer="/bed", detail=detail)


def _spoken_levels(records: Sequence[LineRecord], files: Mapping[str, Path]) -> tuple[SpokenLevel, ...]:
    """How loud each take is, at its own rate: the same for every mix of a job."""
    return tuple(
        SpokenLevel(
            line_id=record.line.id,
            speaker_id=record.voice.speaker_id,
            take_lufs=take_lufs(read_take(record.take, files[record.take.artifact_id])),
        )
        for record in records
        if record.take and record.take.length_samples
    )


def _keep_envelope(ctx: StageContext, envelope: Envelope) -> Artifact:
    path = ctx.scratch / f"envelope-{envelope.rate}.npy"
    envelope.save(path)
    return ctx.keep(
        path, kind="mix", media_type="application/octet-stream", facts={"envelope": envelope.rate}
    )


def _keep_levels(
    ctx: StageContext, levels: Sequence[SpokenLevel], matching: Mapping[str, float]
) -> tuple[Artifact, ...]:
    """Once a job: for the reel."""
    if ctx.claim.shard:
        return ()
    path = ctx.scratch / "levels.json"
    rows = [{**asdict(level), "matching_db": matching.get(level.line_id, 0.0)} for level in levels]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return (ctx.keep(path, kind="mix", media_type="application/json", facts={"levels": len(rows)}),)
