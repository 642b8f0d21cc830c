"""The preview: a page with all that the captions hold, and the sound where it is not too long for one."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import soundfile

from voicereel.domain.job import Result
from workers.audio.clip import Samples
from workers.preview.page import page_data, write_page
from workers.preview.sound import LinePeaks, write_sound
from workers.stages.base import StageContext
from workers.stages.captions import told
from workers.stages.parts import Parts, Peak, mix_of, parts_of

_BLOCK = 65_536


def run_preview(ctx: StageContext) -> Result:
    """`reel.html`."""
    document, parts = told(ctx).document, parts_of(ctx)
    audio = ctx.scratch / "preview.m4a" if parts.duration_ms <= ctx.max_preview_ms else None
    with soundfile.SoundFile(ctx.fetch(mix_of(ctx, parts.rate))) as source:
        heard = parts.mastered(_blocks(ctx, source), Peak())
        shape = write_sound(audio, heard, rate=parts.rate, duration_ms=parts.duration_ms)
    data = page_data(
        document,
        warnings=[asdict(warn) for warn in ctx.job.warnings if not warn.pointer.startswith("/lines/")],
        shape=shape,
        line_peaks=_line_peaks(parts),
        has_audio=audio is not None,
        files=[f"reel.{name}" for name in ctx.job.output.formats],
    )
    path = ctx.scratch / "reel.html"
    write_page(path, data, audio)
    return Result(artifacts=(ctx.keep(path, kind="preview", media_type="text/html"),))


def _blocks(ctx: StageContext, source: soundfile.SoundFile) -> Iterator[Samples]:
    total = max(source.frames, 1)
    while len(block := source.read(_BLOCK, dtype="float32")):
        yield block
        ctx.pulse.progress(source.tell() / total)


def _line_peaks(parts: Parts) -> LinePeaks:
    """The shape of every take at the loudness it has in the reel."""
    gain = np.float32(10 ** (parts.gain_db / 20))
    takes = {take.line_id: take.placed for take in parts.takes}
    peaks = LinePeaks(sum(record.take.duration_ms for record in parts.records if record.take))
    for record in parts.records:
        placed = takes.get(record.line.id)
        if placed is None:
            peaks.add(np.zeros(0, np.float32), 1)
        else:
            peaks.add(placed.read() * gain, parts.rate)
    return peaks
