"""The change certificate of a revision: what it says of samples was looked up in the files themselves."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import soundfile

from voicereel.domain.certificate import Certified, make_certificate
from voicereel.domain.job import Artifact, LineRecord
from voicereel.domain.reel import samples
from voicereel.domain.revisions import billable_by_line
from workers.audio.clip import Samples
from workers.stages.base import StageContext
from workers.stages.parts import matching_by_line
from workers.stages.pinning import Previous, is_kept, previous_of

_LOSSLESS = ("wav", "flac")
_FACTS = ("format", "gain_db", "limiting_db", "pinned")


def certificate(ctx: StageContext) -> Artifact:
    """``certificate.json``, once the audio files are there."""
    records, previous, files = ctx.lines(words=False), previous_of(ctx), ctx.artifacts("audio")
    reel_ms = max(int(file.facts["duration_ms"]) for file in files)
    billed = ctx.work.newest_billed(ctx.claim)
    total_ms, by_line = billable_by_line(records, billed=billed, reel_ms=reel_ms)
    made = Certified(
        job_id=ctx.job.id,
        revision=ctx.claim.revision,
        records=records,
        output=ctx.job.output,
        levels_db=_levels(ctx),
        billed_ms=by_line,
        total_billed_ms=total_ms,
        audio=[{**{name: file.facts[name] for name in _FACTS}, "sha256": file.sha256} for file in files],
        same_delivered=dict(_compared(ctx, records, previous)),
    )
    document = make_certificate(
        made,
        previous=previous.document if previous else None,
        previous_sha256=previous.file.sha256 if previous else None,
    )
    path = ctx.scratch / "certificate.json"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return ctx.keep(path, kind="certificate", media_type="application/json", facts={"format": "json"})


def _levels(ctx: StageContext) -> Mapping[str, float]:
    notes = next(note for note in ctx.artifacts("mix") if "levels" in note.facts)
    return matching_by_line(ctx.fetch(notes))


def _compared(
    ctx: StageContext, records: tuple[LineRecord, ...], previous: Previous | None
) -> Iterator[tuple[str, bool]]:
    """Of each line whose take is the one it had: whether the delivered samples are the same, too."""
    files = {file.facts["format"]: file for file in ctx.artifacts("audio")}
    before = {file.facts["format"]: file for file in ctx.previous("audio")}
    name = next((each for each in _LOSSLESS if each in files and each in before), None)
    if previous is None or name is None:
        return
    was = {line["id"]: line for line in previous.document["lines"]}
    with (
        soundfile.SoundFile(ctx.fetch(files[name])) as now,
        soundfile.SoundFile(ctx.fetch(before[name])) as then,
    ):
        for record in records:
            line = was.get(record.line.id)
            if line is not None and record.segment and is_kept(record, line):
                here = _heard(now, record, record.segment.start_ms)
                yield record.line.id, np.array_equal(here, _heard(then, record, line["start_ms"]))


def _heard(file: soundfile.SoundFile, record: LineRecord, start_ms: int) -> Samples:
    """The samples of a file in which a line's take sounds; after its end there is silence."""
    take: Any = record.take
    file.seek(min(samples(start_ms, file.samplerate), file.frames))
    length = -(-take.length_samples * file.samplerate // take.sample_rate)
    heard: Samples = file.read(length, dtype="float32", fill_value=0.0)
    return heard
