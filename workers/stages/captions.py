"""The captions and the reel, which tells what was made of every line."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicereel.captions.conformance import Finding, check, counts
from voicereel.captions.cue import Cue
from voicereel.captions.formats import LineNotes, reel_document, to_srt, to_vtt
from voicereel.captions.presets import style_of
from voicereel.captions.segmenter import segment
from voicereel.captions.style import CaptionStyle
from voicereel.captions.ttml import to_ttml
from voicereel.domain.errors import StageFailed
from voicereel.domain.job import Artifact, Job, LineRecord, Result
from voicereel.domain.reel import Placement, Reel, reel_duration_ms
from voicereel.domain.script import Warn
from workers.stages.base import StageContext

# More findings than this are not named in an error: the rest are counted.
_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A reel with its cues, and the limits that they break."""

    reel: Reel
    style: CaptionStyle
    cues: Sequence[Cue]
    findings: Sequence[Finding]
    document: Mapping[str, Any]


def told(ctx: StageContext) -> Told:
    """The reel of the lines as they stand, and all that is told of it."""
    records, files = ctx.lines(), ctx.artifacts("audio")
    request = ctx.job.captions
    reel, style = _reel(ctx, records), style_of(request)
    cues = segment(reel, style, request.shot_cuts_ms)
    findings = check(cues, style, request.shot_cuts_ms)
    levels = _levels(ctx)
    notes = {
        r.line.id: LineNotes(
            warnings=_warnings_of(r, ctx.job),
            error=r.error,
            level=_level(r, levels.get(r.line.id)),
            check=r.take.check if r.take else None,
        )
        for r in records
    }
    audio = _mastered(ctx.job, files)
    document = reel_document(reel, cues, style=style, findings=findings, notes=notes, audio=audio)
    return Told(reel=reel, style=style, cues=cues, findings=findings, document=document)


def run_captions(ctx: StageContext) -> Result:
    """The reel as JSON, always; the other forms where asked for. Strictly: none where a limit is broken."""
    request, what = ctx.job.captions, told(ctx)
    if request.strict and what.findings:
        raise _refusal(what.findings, what.style)
    texts = {"json": json.dumps(what.document, ensure_ascii=False, indent=1)}
    texts |= {name: _WRITERS[name](what.reel, what.cues) for name in request.formats if name in _WRITERS}
    return Result(
        artifacts=tuple(_text(ctx, name, text) for name, text in texts.items()),
        warnings=(_warning(what.findings, what.style),) if what.findings and request.formats else (),
    )


_WRITERS: Mapping[str, Callable[[Reel, Sequence[Cue]], str]] = {
    "vtt": lambda _, cues: to_vtt(cues),
    "srt": lambda _, cues: to_srt(cues),
    "ttml": lambda reel, cues: to_ttml(cues, title=reel.title, language=reel.language),
}


def _warning(findings: Sequence[Finding], style: CaptionStyle) -> Warn:
    rules = ", ".join(f"{rule} {number}" for rule, number in counts(findings).items())
    broken = len({finding.cue for finding in findings})
    detail = f"Cues that break limits of {style.full_name}: {broken} ({rules}). See conformance in reel.json."
    return Warn(code="caption_limits", pointer="/captions", detail=detail)


def _refusal(findings: Sequence[Finding], style: CaptionStyle) -> StageFailed:
    """Names lines and rules; ``measured`` has all counts."""
    named = [f"{found.line_id} {found.rule} {found.value} (limit {found.limit})" for found in findings]
    more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    detail = f"Cues break limits of {style.full_name}: {'; '.join(named[:_NAMED])}{more}."
    measured = {rule: float(number) for rule, number in counts(findings).items()}
    return StageFailed(detail, code="captions_refused", measured=measured)


_MEASURED = (
    "format", "sample_rate", "channels", "duration_ms", "loudness_lufs", "true_peak_dbtp", "gain_db",
    "limiting_db",
)  # fmt: skip


def _mastered(job: Job, files: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Each audio file and what was measured of it, in the order asked for."""
    by_format = {a.facts["format"]: a for a in files}
    ordered = [by_format[name] for name in job.output.formats if name in by_format]
    return [{**{name: a.facts[name] for name in _MEASURED}, "sha256": a.sha256} for a in ordered]


def _levels(ctx: StageContext) -> Mapping[str, Mapping[str, Any]]:
    """What the mix noted of each line with sound, by line id."""
    notes = next(a for a in ctx.artifacts("mix") if "levels" in a.facts)
    rows = json.loads(ctx.fetch(notes).read_text(encoding="utf-8"))
    return {row["line_id"]: row for row in rows}


def _level(record: LineRecord, row: Mapping[str, Any] | None) -> Mapping[str, float | None] | None:
    if row is None:
        return None
    return {
        "take_lufs": _rounded(row["take_lufs"]),
        "matching_db": row["matching_db"],
        "gain_db": record.controls.gain_db or 0.0,
    }


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 2)


def _warnings_of(record: LineRecord, job: Job) -> tuple[Warn, ...]:
    """All that was said of a line, by whichever stage."""
    pointer = f"/lines/{record.ordinal}"
    return tuple(w for w in job.warnings if w.pointer == pointer or w.pointer.startswith(f"{pointer}/"))


_TEXT_TYPES = {
    "json": "application/json",
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
    "ttml": "application/ttml+xml",
}


def _text(ctx: StageContext, extension: str, text: str) -> Artifact:
    path: Path = ctx.scratch / f"reel.{extension}"
    path.write_text(text, encoding="utf-8")
    kind = "reel" if extension == "json" else "caption"
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
