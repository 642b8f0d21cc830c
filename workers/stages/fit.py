"""Takes -> timeline: when each line begins and ends. Arithmetic only; no sound is read."""

from collections.abc import Iterator, Sequence

from voicereel.domain.delivery import roles_of
from voicereel.domain.errors import StageFailed
from voicereel.domain.job import LineRecord, Result
from voicereel.domain.reel import lay_out
from workers.stages.base import StageContext


def run(ctx: StageContext) -> Result:
    """Place every take; fails when an overlap is longer than the line before it."""
    records = ctx.lines(words=False)
    durations = [record.take.duration_ms if record.take else 0 for record in records]
    problems = list(_impossible_overlaps(records, durations))
    if problems:
        raise StageFailed(" ".join(problems), code="overlap_too_long")
    timeline = lay_out([record.line for record in records], durations)
    if timeline.duration_ms == 0:
        raise StageFailed(
            "No line makes a sound, and there is no pause: the reel is empty.", code="empty_reel"
        )
    if timeline.duration_ms > ctx.max_reel_ms:
        detail = f"The reel would last {timeline.duration_ms} ms; at most {ctx.max_reel_ms} ms are made."
        raise StageFailed(detail, code="reel_too_long")
    stems = _stems(ctx, records)
    if stems * timeline.duration_ms > ctx.max_stems_ms:
        detail = (
            f"{stems} stems of {timeline.duration_ms} ms are more than the {ctx.max_stems_ms} ms of stems"
            " that are made of a reel."
        )
        raise StageFailed(detail, code="stems_too_long")
    placed = {record.line.id: part for record, part in zip(records, timeline.segments, strict=True)}
    return Result(segments=placed, warnings=timeline.warnings)


def _stems(ctx: StageContext, records: Sequence[LineRecord]) -> int:
    if not ctx.job.output.stems:
        return 0
    return len(roles_of([record.line for record in records])) + bool(ctx.job.bed)


def _impossible_overlaps(records: Sequence[LineRecord], durations: Sequence[int]) -> Iterator[str]:
    for index in range(1, len(records)):
        line, before_ms = records[index].line, durations[index - 1]
        # A failed line has no length: its neighbours are placed as if it were not there.
        if line.slot is None and line.overlap_ms > before_ms and records[index - 1].error is None:
            yield (
                f"/lines/{index}/overlap_ms: {line.overlap_ms} ms is longer than the line before it"
                f" ({before_ms} ms)."
            )
