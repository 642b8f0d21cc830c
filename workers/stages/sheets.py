"""Lines as files of their own in one archive, with a manifest; and cue sheets, which name those files."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from voicereel.domain.delivery import safe_names
from voicereel.domain.job import Artifact, Job, LineRecord, Result
from voicereel.domain.script import Warn
from workers.audio.clip import Samples
from workers.audio.encode import encode
from workers.audio.placing import PreparedTake
from workers.sheets.clock import FrameClock
from workers.sheets.sheet import ClipFile, CueSheet, entries_of
from workers.sheets.tables import to_csv, to_manifest
from workers.sheets.timeline import to_otio
from workers.stages.base import StageContext
from workers.stages.parts import Parts, Peak, parts_of

_BLOCK_BYTES = 1 << 20
# The earliest moment an archive can name: the same clips give the same bytes.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_WRITERS = {"csv": (to_csv, "text/csv"), "otio": (to_otio, "application/json")}


def run_sheets(ctx: StageContext) -> Result:
    """The archive of clips and its manifest, where asked for, and the cue sheets asked for."""
    parts, output = parts_of(ctx), ctx.job.output
    if not output.clips:
        return Result(artifacts=tuple(_cue_sheets(ctx, _sheet(ctx.job, parts, {}))))
    path = ctx.scratch / "clips.zip"
    with _Archive(path, ctx, parts) as archive:
        for done, take in enumerate(parts.takes, 1):
            archive.add(take)
            ctx.pulse.progress(done / len(parts.takes))
        sheet = _sheet(ctx.job, parts, archive.clips)
        manifest = to_manifest(sheet, bit_depth=output.bit_depth, gain_db=parts.gain_db)
        archive.add_text("clips.json", manifest)
        archive.add_text("clips.csv", to_csv(sheet))
    facts = {"format": "zip", "count": len(archive.clips)}
    clips = ctx.keep(path, kind="clips", media_type="application/zip", facts=facts)
    listed = _text(ctx, "clips.json", manifest, kind="clips_manifest", media_type="application/json")
    return Result(artifacts=(clips, listed, *_cue_sheets(ctx, sheet)), warnings=tuple(archive.warnings))


class _Archive:
    """A ZIP of WAV files, not compressed: each lies in it as it is, and can be served from it."""

    def __init__(self, path: Path, ctx: StageContext, parts: Parts) -> None:
        self.clips: dict[str, ClipFile] = {}
        self.warnings: list[Warn] = []
        self._zip = zipfile.ZipFile(path, "w")
        self._scratch = ctx.scratch / "clip.wav"
        self._parts, self._bit_depth = parts, ctx.job.output.bit_depth
        ids = [record.line.id for record in parts.records]
        self._names = dict(zip(ids, safe_names(ids), strict=True))
        self._records = {record.line.id: record for record in parts.records}

    def __enter__(self) -> "_Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, take: PreparedTake) -> None:
        record, peak = self._records[take.line_id], Peak()
        heard = _padded(take, record)
        encode(
            self._scratch,
            "wav",
            rate=take.rate,
            channels=1,
            blocks=self._parts.mastered((heard,), peak, first=take.start_sample),
            total_samples=len(heard),
            bit_depth=self._bit_depth,
            bext=self._parts.bext.at(take.start_sample) if self._parts.bext else None,
        )
        name = f"clips/{self._names[take.line_id]}.wav"
        offset, sha256 = self._copy(name)
        self.clips[take.line_id] = ClipFile(
            name=name,
            start_sample=take.start_sample,
            samples=len(heard),
            sha256=sha256,
            size_bytes=self._scratch.stat().st_size,
            offset=offset,
        )
        self.warnings += peak.warnings(self._bit_depth, f"/lines/{record.ordinal}")

    def add_text(self, name: str, text: str) -> None:
        self._zip.writestr(zipfile.ZipInfo(name, _NO_DATE), text)

    def _copy(self, name: str) -> tuple[int, str]:
        """Copy the scratch file into the archive; where its bytes begin there, and their SHA-256."""
        info, digest = zipfile.ZipInfo(name, _NO_DATE), hashlib.sha256()
        info.file_size = self._scratch.stat().st_size
        with self._scratch.open("rb") as source, self._zip.open(info, "w") as target:
            assert self._zip.fp is not None
            offset = self._zip.fp.tell()
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                target.write(block)
        return offset, digest.hexdigest()


def _padded(take: PreparedTake, record: LineRecord) -> Samples:
    """The take's sound; where its place, in whole milliseconds, is a little longer, silence up to its end."""
    assert record.segment is not None
    place = -(-record.segment.length_ms * take.rate // 1000)
    heard = take.samples()
    return np.concatenate((heard, np.zeros(max(0, place - len(heard)), np.float32)))


def _sheet(job: Job, parts: Parts, clips: dict[str, ClipFile]) -> CueSheet:
    output = job.output
    lossless = [name for name in ("wav", "flac") if name in output.formats]
    return CueSheet(
        title=job.title,
        media=f"reel.{(lossless or output.formats)[0]}",
        duration_ms=parts.duration_ms,
        rate=parts.rate,
        entries=entries_of(parts.records, clips),
        clock=FrameClock(output.fps, output.start_timecode) if output.fps else None,
    )


def _cue_sheets(ctx: StageContext, sheet: CueSheet) -> Iterator[Artifact]:
    for name in ctx.job.output.cue_sheets:
        write, media_type = _WRITERS[name]
        yield _text(ctx, f"reel.{name}", write(sheet), kind="cue_sheet", media_type=media_type)


def _text(ctx: StageContext, name: str, text: str, *, kind: str, media_type: str) -> Artifact:
    path = ctx.scratch / name
    path.write_text(text, encoding="utf-8", newline="")
    return ctx.keep(path, kind=kind, media_type=media_type, facts={"format": path.suffix[1:]})
