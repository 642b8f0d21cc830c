"""Timeline -> mix: takes summed at their places, at the output rate, and measured.

The mix is stored unmastered, as float, with the gain that mastering needs: each delivery file then
applies that one number while it is encoded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import soundfile

from voicereel.domain.job import LineRecord, Result
from voicereel.domain.reel import reel_duration_ms, samples
from voicereel.domain.script import Warn
from workers.audio.clip import Clip, Samples
from workers.audio.loudness import Meter, static_gain_db
from workers.audio.mix import PlacedTake, mix_blocks, resample
from workers.stages.base import StageContext

_BLOCK = 65_536


def run(ctx: StageContext) -> Result:
    """Sum the takes at ``payload["rate"]`` Hz, block by block, and measure the sum."""
    rate: int = ctx.claim.payload["rate"]
    records = ctx.lines(words=False)
    duration_ms = reel_duration_ms([(record.line, record.segment) for record in records])
    total = samples(duration_ms, rate)
    output = ctx.job.output
    path = ctx.scratch / f"mix-{rate}.wav"
    blocks = mix_blocks(_placed(ctx, records, rate), total_samples=total, block=_BLOCK)
    with (
        soundfile.SoundFile(path, "w", rate, 1, subtype="FLOAT", format="RF64") as file,
        Meter(rate, channels=output.channels) as meter,
    ):
        for block in blocks:
            meter.add(block)
            file.write(block)
            ctx.pulse.progress(file.tell() / total)
        measured = meter.result()
    gain_db, limited = static_gain_db(measured, output.loudness_lufs, output.true_peak_dbtp)
    facts = {"rate": rate, "duration_ms": duration_ms, "gain_db": gain_db, **asdict(measured)}
    mix = ctx.keep(path, kind="mix", media_type="audio/wav", facts=facts)
    return Result(artifacts=(mix,), warnings=tuple(_warnings(limited, ctx.claim.shard)))


def _placed(ctx: StageContext, records: Sequence[LineRecord], rate: int) -> Iterator[PlacedTake]:
    """Every take in order of its start; its samples are read only when the mix gets there."""
    files = {artifact.id: ctx.fetch(artifact) for artifact in ctx.artifacts("takes")}
    audible = [r for r in records if r.take and r.take.length_samples and r.segment]
    for record in sorted(audible, key=lambda r: r.segment.start_ms if r.segment else 0):
        if record.segment:
            start = samples(record.segment.start_ms, rate)
            yield PlacedTake(start_sample=start, read=_Reader(record, files, rate))


class _Reader:
    """Reads one take at the output rate and with its line's gain."""

    def __init__(self, record: LineRecord, files: Mapping[str, Path], rate: int) -> None:
        self._record, self._files, self._rate = record, files, rate

    def __call__(self) -> Samples:
        take = self._record.take
        if take is None:
            raise TypeError("only lines with a take are placed")
        with soundfile.SoundFile(self._files[take.artifact_id]) as file:
            file.seek(take.offset_samples)
            heard: Samples = file.read(take.length_samples, dtype="float32")
        gain = 10 ** ((self._record.controls.gain_db or 0.0) / 20)
        louder: Samples = resample(Clip(heard, take.sample_rate), self._rate).samples * gain
        return louder.astype("float32", copy=False)


def _warnings(limited: bool, shard: int) -> Iterator[Warn]:
    if limited and shard == 0:
        detail = "The loudness asked for would pass the true-peak limit; the reel is quieter."
        yield Warn(code="loudness_limited", pointer="/output/loudness_lufs", detail=detail)
