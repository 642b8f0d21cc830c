"""What a reel is made of, as files of its own: a stem a role and one of the bed, a clip a line.

Both hold the very samples that the mix sums, each mastered as the reel is at that moment: put back in
their places, they add up to it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from voicereel.domain.delivery import roles_of, safe_names
from voicereel.domain.job import Artifact, Job, LineRecord, Result
from voicereel.domain.reel import samples
from voicereel.domain.script import Warn
from workers.audio.broadcast import Bext
from workers.audio.clip import Samples
from workers.audio.encode import encode
from workers.audio.envelope import Envelope
from workers.audio.limiter import Limiter
from workers.audio.mastering import Master, master, master_at
from workers.audio.mix import mix_blocks
from workers.audio.placing import PreparedTake, prepare_takes
from workers.sheets.clock import FrameClock
from workers.stages.base import StageContext

_BLOCK = 65_536
_ORIGINATOR = "VoiceReel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A reel's takes in order of their start, and what their files share: rate, gain, ``bext`` chunk."""

    mix: Artifact
    records: tuple[LineRecord, ...]
    takes: tuple[PreparedTake, ...]
    rate: int
    duration_ms: int
    gain_db: float
    limiter: Limiter
    bext: Bext | None

    def mastered(self, blocks: Iterable[Samples], peak: "Peak", *, first: int = 0) -> Iterator[Samples]:
        """The blocks, which begin at sample ``first`` of the reel, as loud as the reel is there."""
        for block in blocks:
            louder = self.limiter.apply(block, first=first)
            first += len(block)
            peak.add(louder)
            yield louder


@dataclass(slots=True)
class Peak:
    """The largest magnitude that passed by."""

    magnitude: float = field(default=0.0)

    def add(self, block: Samples) -> None:
        if len(block):
            self.magnitude = max(self.magnitude, float(block.max()), -float(block.min()))

    def warnings(self, bit_depth: int, pointer: str) -> Iterator[Warn]:
        """A part may be louder than the sum, where the others cancel it; whole numbers cannot hold that."""
        if self.magnitude > 1.0 and bit_depth != 32:
            detail = "A file of one part of the reel passes full scale and is clipped; 32-bit float holds it."
            yield Warn(code="over_full_scale", pointer=pointer, detail=detail)


def parts_of(ctx: StageContext) -> Parts:
    """The parts of the job's reel at the rate of its stems and clips; nothing is read yet."""
    rate = ctx.job.output.parts_rate
    notes = ctx.artifacts("mix")
    mix = mix_of(ctx, rate)
    envelope = next(a for a in notes if a.facts.get("envelope") == rate)
    levels = next(a for a in notes if "levels" in a.facts)
    how = _master(ctx, Envelope.load(ctx.fetch(envelope), rate=rate))
    records = ctx.lines(words=False)
    files = ctx.take_files(records)
    return Parts(
        mix=mix,
        records=records,
        takes=prepare_takes(records, files, rate=rate, matching_db=matching_by_line(ctx.fetch(levels))),
        rate=rate,
        duration_ms=mix.facts["duration_ms"],
        gain_db=how.gain_db,
        limiter=how.limiter(),
        bext=bext_of(ctx.job, rate),
    )


def mix_of(ctx: StageContext, rate: int) -> Artifact:
    return next(a for a in ctx.artifacts("mix") if a.facts.get("rate") == rate)


def _master(ctx: StageContext, envelope: Envelope) -> Master:
    """As the lossless file of the reel was mastered; where there is none, as it would have been."""
    output = ctx.job.output
    files = {a.facts["format"]: a.facts for a in ctx.artifacts("audio")}
    made = files.get("wav") or files.get("flac") or {}
    lufs, dbtp = made.get("mastered_to", (output.loudness_lufs, output.true_peak_dbtp))
    if made.get("pinned"):
        return master_at(envelope, gain_db=made["gain_db"], dbtp=dbtp, channels=output.channels)
    return master(envelope, lufs=lufs, dbtp=dbtp, channels=output.channels)


def matching_by_line(levels: Path) -> dict[str, float]:
    """What level matching adds to each line, as the mix noted it."""
    return {row["line_id"]: row["matching_db"] for row in json.loads(levels.read_text(encoding="utf-8"))}


def bext_of(job: Job, rate: int) -> Bext | None:
    """The chunk of a Broadcast Wave file that begins with the reel; None where none was asked for."""
    output = job.output
    if not output.bwf:
        return None
    clock = FrameClock(output.fps, output.start_timecode) if output.fps else None
    return Bext(
        description=job.title,
        originator=_ORIGINATOR,
        originator_reference=job.id,
        date=f"{job.created_at:%Y-%m-%d}",
        time=f"{job.created_at:%H:%M:%S}",
        time_reference=clock.samples_since_midnight(rate) if clock else 0,
    )


def run_stem(ctx: StageContext) -> Result:
    """The stem of the role ``payload["stem"]``: its lines in their places, as long as the reel.

    None is the bed, faded and ducked.
    """
    role: str | None = ctx.claim.payload["stem"]
    parts, output, peak = parts_of(ctx), ctx.job.output, Peak()
    total = samples(parts.duration_ms, parts.rate)
    sound = _bed(parts, ctx.fetch(parts.mix), total) if role is None else _voice(parts, role, total)
    path = ctx.scratch / "stem.wav"
    encode(
        path,
        "wav",
        rate=parts.rate,
        channels=output.channels,
        blocks=_told(ctx, parts.mastered(sound, peak), total),
        total_samples=total,
        bit_depth=output.bit_depth,
        bext=parts.bext,
    )
    roles = roles_of([record.line for record in parts.records])
    place = len(roles) if role is None else roles.index(role)
    facts = {
        "role": role,
        "place": place,
        "format": "wav",
        "duration_ms": parts.duration_ms,
        "gain_db": round(parts.gain_db, 4),
    }
    name = f"{safe_names((*roles, 'bed'))[place]}.wav"
    stem = ctx.keep(path, kind="stem", media_type="audio/wav", facts=facts, name=name)
    return Result(artifacts=(stem,), warnings=tuple(peak.warnings(output.bit_depth, "/output/stems")))


def _voice(parts: Parts, role: str, total: int) -> Iterator[Samples]:
    takes = (take.placed for take in parts.takes if take.role == role)
    return mix_blocks(takes, total_samples=total, block=_BLOCK)


def _bed(parts: Parts, mix: Path, total: int) -> Iterator[Samples]:
    """What of the mix is no voice: it need not be decoded, looped, faded and ducked again."""
    takes = (take.placed for take in parts.takes)
    with soundfile.SoundFile(mix) as source:
        for voices in mix_blocks(takes, total_samples=total, block=_BLOCK):
            whole: Samples = source.read(len(voices), dtype="float32")
            yield whole - voices


def _told(ctx: StageContext, blocks: Iterable[Samples], total: int) -> Iterator[Samples]:
    """The same blocks; the stage says how far it is."""
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        ctx.pulse.progress(done / total)
