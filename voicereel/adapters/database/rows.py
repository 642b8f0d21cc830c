"""Domain objects to rows and back. Functions only; no query is written here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from voicereel.domain.job import Artifact, Fallback, Job, LineRecord, StageView, Take
from voicereel.domain.reel import Word
from voicereel.domain.script import CaptionRequest, Controls, Line, Output, Segment, Warn
from voicereel.domain.speakers import Voice

Row = RowMapping | Mapping[str, Any]


def shallow(value: Any) -> dict[str, Any]:
    """The fields of a dataclass with slots; unlike `asdict`, what is in them is not copied."""
    return {name: getattr(value, name) for name in value.__slots__}


def warnings_json(warnings: Iterable[Warn]) -> list[dict[str, Any]]:
    return [shallow(warning) for warning in warnings]


def warnings_of(value: Iterable[Mapping[str, Any]]) -> tuple[Warn, ...]:
    return tuple(Warn(**warning) for warning in value)


def job_row(job: Job) -> dict[str, Any]:
    request = {
        "title": job.title,
        "language": job.language,
        "output": shallow(job.output),
        "captions": shallow(job.captions),
        "retention_hours": job.retention_hours,
        "fallback": asdict(job.fallback) if job.fallback else None,
    }
    return {
        "id": job.id,
        "tenant_id": job.tenant_id,
        "kind": job.kind,
        "status": job.status,
        "request": request,
        "metadata": dict(job.metadata),
        "speaker_id": job.speaker_id,
        "request_id": job.request_id,
        "key_id": job.key_id,
        "trace": job.trace,
        "lines_total": job.lines_total,
        "warnings": warnings_json(job.warnings),
        "created_at": job.created_at,
    }


_COPIED = (
    "id", "tenant_id", "kind", "status", "created_at", "speaker_id", "request_id", "key_id", "trace",
    "stale", "revision", "started_at", "finished_at", "lines_done", "lines_total", "error", "billable_ms",
    "metadata",
)  # fmt: skip


def job_of(row: Row, *, stages: tuple[StageView, ...], artifacts: tuple[Artifact, ...]) -> Job:
    request = row["request"]
    return Job(
        **{name: row[name] for name in _COPIED},
        title=request["title"],
        language=request["language"],
        output=Output(**{**request["output"], "formats": tuple(request["output"]["formats"])}),
        captions=CaptionRequest(
            formats=tuple(request["captions"]["formats"]), style=request["captions"]["style"]
        ),
        retention_hours=request["retention_hours"],
        fallback=_fallback(request.get("fallback")),
        warnings=warnings_of(row["warnings"]),
        stages=stages,
        artifacts=artifacts,
    )


def _fallback(value: Mapping[str, Any] | None) -> Fallback | None:
    if value is None:
        return None
    return Fallback(voice=Voice(**value["voice"]), pool=value["pool"], languages=tuple(value["languages"]))


def line_row(job_id: str, record: LineRecord) -> dict[str, Any]:
    line = record.line
    spec = {
        "pause_after_ms": line.pause_after_ms,
        "overlap_ms": line.overlap_ms,
        "slot": shallow(line.slot) if line.slot else None,
        "controls": shallow(record.controls),
        "voice": shallow(record.voice),
    }
    return {
        "job_id": job_id,
        "ordinal": record.ordinal,
        "line_id": line.id,
        "role": line.speaker,
        "text": line.text,
        "spec": spec,
        "status": record.status,
        "warnings": warnings_json(record.warnings),
    }


def line_of(row: Row, take: Take | None) -> LineRecord:
    spec = row["spec"]
    placed = row["start_ms"] is not None
    return LineRecord(
        ordinal=row["ordinal"],
        line=Line(
            id=row["line_id"],
            speaker=row["role"],
            text=row["text"],
            pause_after_ms=spec["pause_after_ms"],
            overlap_ms=spec["overlap_ms"],
            slot=Segment(**spec["slot"]) if spec["slot"] else None,
        ),
        controls=Controls(**spec["controls"]),
        voice=Voice(**spec["voice"]),
        status=row["status"],
        warnings=warnings_of(row["warnings"]),
        error=row["error"],
        take=take,
        segment=Segment(start_ms=row["start_ms"], end_ms=row["end_ms"]) if placed else None,
    )


def take_row(take: Take, *, tenant_id: str, job_id: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "job_id": job_id,
        "line_id": take.line_id,
        "fingerprint": take.fingerprint,
        "artifact_id": take.artifact_id,
        "offset_samples": take.offset_samples,
        "length_samples": take.length_samples,
        "sample_rate": take.sample_rate,
        "duration_ms": take.duration_ms,
        "words": [[w.text, w.start_ms, w.end_ms, w.source, w.confidence] for w in take.words],
    }


def take_of(row: Row, *, words: bool) -> Take:
    return Take(
        line_id=row["line_id"],
        fingerprint=row["fingerprint"],
        artifact_id=row["artifact_id"],
        offset_samples=row["offset_samples"],
        length_samples=row["length_samples"],
        sample_rate=row["sample_rate"],
        duration_ms=row["duration_ms"],
        words=tuple(_word(entry) for entry in row["words"]) if words else (),
    )


def _word(entry: Sequence[Any]) -> Word:
    text, start_ms, end_ms, source, confidence = entry
    return Word(text=text, start_ms=start_ms, end_ms=end_ms, source=source, confidence=confidence)


def artifact_row(artifact: Artifact, *, stage_run_id: int | None, fence: int) -> dict[str, Any]:
    return {**asdict(artifact), "stage_run_id": stage_run_id, "fence": fence}


ARTIFACT_COLUMNS = (
    "id", "tenant_id", "job_id", "kind", "name", "key", "media_type", "size_bytes", "sha256", "facts",
)  # fmt: skip


def artifact_of(row: Row) -> Artifact:
    return Artifact(**{name: row[name] for name in ARTIFACT_COLUMNS})


# A stage's shards summed up: the first of these states that any shard is in.
_WORST_FIRST = ("failed", "canceled", "running")


def stage_view(name: str, shards: Sequence[Row]) -> StageView:
    states = [shard["status"] for shard in shards]
    status = next((state for state in _WORST_FIRST if state in states), None)
    if status is None:
        finished = states.count("succeeded")
        status = "succeeded" if finished == len(states) else "running" if finished else "queued"
    return StageView(
        name=name,
        status=status,
        attempt=max(shard["attempt"] for shard in shards),
        progress=round(sum(shard["progress"] for shard in shards) / len(shards), 3),
    )
