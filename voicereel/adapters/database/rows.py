"""Domain objects to rows and back. Functions only; no query is written here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from voicereel.domain.checks import SpokenCheck
from voicereel.domain.drafts import pointed
from voicereel.domain.job import Artifact, Fallback, Job, LineRecord, SpokenAs, StageView, Take
from voicereel.domain.lexicons import Entry, LexiconRef, Reading
from voicereel.domain.quotes import Cap
from voicereel.domain.reel import Word
from voicereel.domain.script import (
    Bed,
    CaptionLimits,
    CaptionRequest,
    Controls,
    Duck,
    Line,
    Output,
    Qa,
    Role,
    Segment,
    Warn,
)
from voicereel.domain.speakers import Voice

Row = RowMapping | Mapping[str, Any]


def shallow(value: Any) -> dict[str, Any]:
    """The fields of a dataclass with slots; unlike `asdict`, what is in them is not copied."""
    return {name: getattr(value, name) for name in value.__slots__}


def said(controls: Controls) -> dict[str, Any]:
    """The controls that were said; most lines say none."""
    return {name: value for name, value in shallow(controls).items() if value is not None}


def warnings_json(warnings: Iterable[Warn]) -> list[dict[str, Any]]:
    return [shallow(warning) for warning in warnings]


def warnings_of(value: Iterable[Mapping[str, Any]]) -> tuple[Warn, ...]:
    return tuple(Warn(**warning) for warning in value)


def job_row(job: Job) -> dict[str, Any]:
    request = {
        "title": job.title,
        "language": job.language,
        "output": shallow(job.output),
        "captions": {**shallow(job.captions), "limits": shallow(job.captions.limits)},
        "bed": asdict(job.bed) if job.bed else None,
        "qa": shallow(job.qa),
        "retention_hours": job.retention_hours,
        "fallback": asdict(job.fallback) if job.fallback else None,
        "cast": None if job.cast is None else {name: _role_json(role) for name, role in job.cast.items()},
        "seed": job.seed,
        "script_language": job.script_language,
        **_said(job),
        "cap": shallow(job.cap) if job.cap else None,
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


def _role_json(role: Role) -> dict[str, Any]:
    return {"speaker_id": role.speaker_id, **said(role.controls)}


def _said(job: Job) -> dict[str, Any]:
    """How words are to be said; most jobs say nothing of it."""
    lists = {"lexicons": job.lexicons, "pronunciations": job.pronunciations}
    return {name: [shallow(each) for each in values] for name, values in lists.items() if values}


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
        output=Output(**{name: _tupled(value) for name, value in request["output"].items()}),
        captions=_captions(request["captions"]),
        bed=_bed(request.get("bed")),
        qa=Qa(**request.get("qa", {})),
        retention_hours=request["retention_hours"],
        fallback=_fallback(request.get("fallback")),
        cast=_cast(request.get("cast")),
        seed=request.get("seed", 0),
        script_language=request.get("script_language"),
        finished_revision=row.get("finished_revision"),
        rendered_sha256=row.get("rendered_sha256"),
        revised_at=row.get("revised_at"),
        lexicons=tuple(LexiconRef(**each) for each in request.get("lexicons", ())),
        pronunciations=tuple(Entry(**each) for each in request.get("pronunciations", ())),
        cap=Cap(**request["cap"]) if request.get("cap") else None,
        warnings=warnings_of(row["warnings"]),
        stages=stages,
        artifacts=artifacts,
    )


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _captions(value: Mapping[str, Any]) -> CaptionRequest:
    """Jobs of before have no more than formats and a style."""
    lists = {name: tuple(value.get(name, ())) for name in ("formats", "shot_cuts_ms")}
    return CaptionRequest(**{**value, **lists, "limits": CaptionLimits(**value.get("limits", {}))})


def _bed(value: Mapping[str, Any] | None) -> Bed | None:
    return None if value is None else Bed(**{**value, "duck": Duck(**value["duck"])})


def _fallback(value: Mapping[str, Any] | None) -> Fallback | None:
    if value is None:
        return None
    return Fallback(voice=Voice(**value["voice"]), pool=value["pool"], languages=tuple(value["languages"]))


def _cast(value: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Role] | None:
    return None if value is None else {name: _role(entry) for name, entry in value.items()}


def _role(entry: Mapping[str, Any]) -> Role:
    controls = {name: value for name, value in entry.items() if name != "speaker_id"}
    return Role(speaker_id=entry["speaker_id"], controls=Controls(**controls))


def line_row(job_id: str, record: LineRecord) -> dict[str, Any]:
    line = record.line
    spec: dict[str, Any] = {
        "pause_after_ms": line.pause_after_ms,
        "overlap_ms": line.overlap_ms,
        "slot": shallow(line.slot) if line.slot else None,
        "own": said(line.controls),
        "controls": shallow(record.controls),
        "voice": shallow(record.voice),
    }
    if record.rendered_as is not None:
        how = record.rendered_as
        spec["rendered_as"] = {
            "voice": shallow(how.voice),
            "controls": shallow(how.controls),
            "readings": [shallow(each) for each in how.readings],
        }
    if record.readings:
        spec["readings"] = [shallow(each) for each in record.readings]
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
    placed, before = row["start_ms"] is not None, spec.get("rendered_as")
    # Lines of before their own controls were kept have them all filled.
    own = spec["controls"] if spec.get("own") is None else spec["own"]
    return LineRecord(
        ordinal=row["ordinal"],
        line=Line(
            id=row["line_id"],
            speaker=row["role"],
            text=row["text"],
            controls=Controls(**own),
            pause_after_ms=spec["pause_after_ms"],
            overlap_ms=spec["overlap_ms"],
            slot=Segment(**spec["slot"]) if spec["slot"] else None,
        ),
        controls=Controls(**spec["controls"]),
        voice=Voice(**spec["voice"]),
        readings=tuple(Reading(**each) for each in spec.get("readings", ())),
        status=row["status"],
        warnings=tuple(pointed(warning, row["ordinal"]) for warning in warnings_of(row["warnings"])),
        error=row["error"],
        take=take,
        segment=Segment(start_ms=row["start_ms"], end_ms=row["end_ms"]) if placed else None,
        rendered_sha256=row.get("rendered_sha256"),
        rendered_as=_spoken_as(before) if before else None,
    )


def _spoken_as(value: Mapping[str, Any]) -> SpokenAs:
    return SpokenAs(
        voice=Voice(**value["voice"]),
        controls=Controls(**value["controls"]),
        readings=tuple(Reading(**each) for each in value["readings"]),
    )


def take_row(take: Take) -> dict[str, Any]:
    """But for whose it is: see `Claim`."""
    return {
        "line_id": take.line_id,
        "fingerprint": take.fingerprint,
        "artifact_id": take.artifact_id,
        "offset_samples": take.offset_samples,
        "length_samples": take.length_samples,
        "sample_rate": take.sample_rate,
        "duration_ms": take.duration_ms,
        "words": [[w.text, w.start_ms, w.end_ms, w.source, w.confidence] for w in take.words],
        "warnings": warnings_json(take.warnings),
        "source": take.source,
        "engine_version": take.engine_version,
        "sha256": take.sha256,
        "heard": shallow(take.check) if take.check else None,
    }


def take_of(row: Row, *, words: bool) -> Take:
    """Without ``words`` nor what its engine said of it, which its line has, too."""
    return Take(
        line_id=row["line_id"],
        fingerprint=row["fingerprint"],
        artifact_id=row["artifact_id"],
        offset_samples=row["offset_samples"],
        length_samples=row["length_samples"],
        sample_rate=row["sample_rate"],
        duration_ms=row["duration_ms"],
        words=tuple(_word(entry) for entry in row["words"]) if words else (),
        warnings=warnings_of(row["warnings"]) if words else (),
        revision=row["revision"],
        source=row["source"],
        engine_version=row["engine_version"],
        sha256=row["sha256"],
        check=_check(row["heard"]) if row["heard"] else None,
    )


def _check(value: Mapping[str, Any]) -> SpokenCheck:
    return SpokenCheck(**{name: _tupled(each) for name, each in value.items()})


def _word(entry: Sequence[Any]) -> Word:
    text, start_ms, end_ms, source, confidence = entry
    return Word(text=text, start_ms=start_ms, end_ms=end_ms, source=source, confidence=confidence)


def artifact_row(artifact: Artifact, *, stage_run_id: int | None, fence: int) -> dict[str, Any]:
    return {**asdict(artifact), "stage_run_id": stage_run_id, "fence": fence}


ARTIFACT_COLUMNS = (
    "id", "tenant_id", "job_id", "kind", "name", "key", "media_type", "size_bytes", "sha256", "revision",
    "facts",
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
