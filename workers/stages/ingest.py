"""Recordings -> reference: decoded, measured, refused with figures or joined into one file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from voicereel.domain.errors import StageFailed
from voicereel.domain.job import Result
from voicereel.domain.speakers import MAX_CLIPPING, MIN_REFERENCE_SECONDS, MIN_SNR_DB
from workers.audio.clip import Samples
from workers.audio.features import clipping, snr_db
from workers.audio.loudness import Meter
from workers.audio.media import DecodeLimits, decode
from workers.stages.base import StageContext

REFERENCE_RATE = 44_100

# Enough for any engine; what comes in is at most 250 MB of files, which could hold days of silence.
_LIMITS = DecodeLimits(max_seconds=1800)
# Figures need no more than this, and it bounds the memory of measuring.
_MEASURED_SECONDS = 300


def run(ctx: StageContext) -> Result:
    """Decode every sample in full; raises `StageFailed` with the code of a rejection."""
    path = ctx.scratch / "reference.flac"
    with soundfile.SoundFile(path, "w", REFERENCE_RATE, 1, subtype="PCM_16", format="FLAC") as file:
        for block in _decoded(ctx):
            file.write(block)
    figures = _measure(path)
    _accept(figures)
    artifact = ctx.keep(path, kind="reference", media_type="audio/flac", facts=figures)
    return Result(artifacts=(artifact,), reference={**figures, "voices_heard": None})


def _decoded(ctx: StageContext) -> Iterator[Samples]:
    seconds = 0.0
    for sample in ctx.artifacts("sample"):
        for block in decode(ctx.fetch(sample), rate=REFERENCE_RATE, limits=_LIMITS):
            yield block
            seconds += len(block) / REFERENCE_RATE
            ctx.pulse.progress(min(seconds / (2 * MIN_REFERENCE_SECONDS), 1.0))


def _measure(path: Path) -> dict[str, float | None]:
    """Seconds of all, the other figures of the first minutes."""
    with soundfile.SoundFile(path) as file:
        seconds = file.frames / file.samplerate
        heard: Samples = file.read(_MEASURED_SECONDS * file.samplerate, dtype="float32")
    with Meter(REFERENCE_RATE) as meter:
        for block in np.array_split(heard, max(1, len(heard) // REFERENCE_RATE)):
            meter.add(block)
        loudness = meter.result().integrated_lufs
    return {
        "seconds": round(seconds, 3),
        "snr_db": round(snr_db(heard, REFERENCE_RATE), 1),
        "clipping": round(clipping(heard), 6),
        "loudness_lufs": loudness,
    }


def _accept(figures: dict[str, float | None]) -> None:
    checks = (
        ("reference_too_short", (figures["seconds"] or 0.0) >= MIN_REFERENCE_SECONDS,
         f"At least {MIN_REFERENCE_SECONDS:g} seconds of audio are needed."),
        ("clipped", (figures["clipping"] or 0.0) <= MAX_CLIPPING,
         f"More than {MAX_CLIPPING:.1%} of the samples are at full scale; record at a lower level."),
        ("too_noisy", (figures["snr_db"] or 0.0) >= MIN_SNR_DB,
         f"The speech is less than {MIN_SNR_DB:g} dB above the noise; record in a quieter place."),
    )  # fmt: skip
    for code, good, detail in checks:
        if not good:
            measured = {name: value for name, value in figures.items() if value is not None}
            raise StageFailed(detail, code=code, measured=measured)
