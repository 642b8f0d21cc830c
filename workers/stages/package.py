"""Mix -> delivery: one audio file a shard, mastered while it is encoded; then its parts, the captions and
the reel, which tells what all of them are, and the preview.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from voicereel.domain.job import Artifact, Job, Result
from voicereel.domain.script import Warn
from workers.audio.delivery import Pin, Wanted, deliver
from workers.audio.envelope import Envelope
from workers.stages.base import StageContext
from workers.stages.captions import run_captions
from workers.stages.certificate import certificate
from workers.stages.parts import bext_of, run_stem
from workers.stages.preview import run_preview
from workers.stages.sheets import run_sheets

AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
}


def run(ctx: StageContext) -> Result:
    """One audio format; or, when all are there, one stem, the clips and cue sheets, the preview,
    or the captions.
    """
    payload = ctx.claim.payload
    if "stem" in payload:
        return run_stem(ctx)
    if "sheets" in payload:
        return run_sheets(ctx)
    if payload.get("preview"):
        return run_preview(ctx)
    if payload.get("captions"):
        made = run_captions(ctx)
        mastering = _mastering_warnings(ctx.job, ctx.artifacts("audio"))
        files = (*made.artifacts, certificate(ctx))
        return replace(made, artifacts=files, warnings=(*made.warnings, *mastering))
    return Result(artifacts=(_audio(ctx, ctx.claim.payload["format"]),))


def _audio(ctx: StageContext, audio_format: str) -> Artifact:
    output = ctx.job.output
    rate = output.rate_for(audio_format)
    files = ctx.artifacts("mix")
    mix = next(a for a in files if a.facts.get("rate") == rate)
    envelope = next(a for a in files if a.facts.get("envelope") == rate)
    path = ctx.scratch / f"reel.{audio_format}"
    made = deliver(
        path,
        audio_format,
        mix=ctx.fetch(mix),
        envelope=Envelope.load(ctx.fetch(envelope), rate=rate),
        wanted=Wanted(
            lufs=output.loudness_lufs,
            dbtp=output.true_peak_dbtp,
            channels=output.channels,
            bit_depth=output.bit_depth,
            bext=bext_of(ctx.job, rate) if audio_format == "wav" else None,
        ),
        progress=ctx.pulse.progress,
        pin=_pin(ctx, audio_format),
    )
    facts = {
        "format": audio_format,
        "sample_rate": rate,
        "channels": output.channels,
        "duration_ms": mix.facts["duration_ms"],
        "loudness_lufs": _rounded(made.heard.integrated_lufs),
        "true_peak_dbtp": _rounded(made.heard.true_peak_dbtp),
        "gain_db": made.gain_db,
        "limiting_db": made.limiting_db,
        "limited": made.limited,
        "mastered_to": made.mastered_to,
        "pinned": made.pinned,
    }
    return ctx.keep(path, kind="audio", media_type=AUDIO_TYPES[audio_format], facts=facts)


def _pin(ctx: StageContext, audio_format: str) -> Pin | None:
    """As this file was mastered in the revision before: what nobody touched is to sound the same."""
    for file in ctx.previous("audio"):
        if file.facts["format"] == audio_format and "mastered_to" in file.facts:
            lufs, dbtp = file.facts["mastered_to"]
            return Pin(gain_db=file.facts["gain_db"], mastered_to=(lufs, dbtp))
    return None


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 2)


def _mastering_warnings(job: Job, files: Sequence[Artifact]) -> Iterator[Warn]:
    output = job.output
    limited = [f"{a.facts['format']} {a.facts['loudness_lufs']:g}" for a in files if a.facts["limited"]]
    if limited:
        detail = (
            f"{output.loudness_lufs:g} LUFS under {output.true_peak_dbtp:g} dBTP would need more limiting"
            f" than is done. Reached, in LUFS: {', '.join(limited)}."
        )
        yield Warn(code="loudness_limited", pointer="/output/loudness_lufs", detail=detail)
    over = [a for a in files if (a.facts["true_peak_dbtp"] or -100.0) > output.true_peak_dbtp]
    if over:
        names = ", ".join(f"{a.facts['format']} {a.facts['true_peak_dbtp']:g}" for a in over)
        detail = f"The coder raised peaks beyond the limit, however low they were kept. In dBTP: {names}."
        yield Warn(code="true_peak_exceeded", pointer="/output/true_peak_dbtp", detail=detail)
