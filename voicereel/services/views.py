"""Domain objects as the JSON of the public API. One place, for replies and events alike."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from voicereel.domain.job import Job, StageView
from voicereel.domain.lexicons import Entry, Lexicon
from voicereel.domain.script import Warn
from voicereel.domain.sources import Source
from voicereel.domain.speakers import Consent, EngineInfo, Speaker, StockVoice

View = dict[str, Any]


def moment(value: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_view(job: Job, outputs: Mapping[str, Any] | None = None) -> View:
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "stale": job.stale,
        "revision": job.revision,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "progress": {"done": job.lines_done, "total": job.lines_total, "unit": "line"},
        "stages": [stage_view(stage) for stage in job.stages],
        "warnings": [asdict(warning) for warning in sorted(job.warnings, key=_place)],
        "error": job.error,
        "outputs": outputs,
        "billable_ms": job.billable_ms,
        "lexicons": [{"id": each.id, "version": each.version} for each in job.lexicons],
        "metadata": dict(job.metadata),
    }


def _place(warning: Warn) -> list[tuple[int, str]]:
    """In the script's order, whichever shard said it first: numbers in a pointer count as numbers."""
    parts = warning.pointer.split("/")
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def stage_view(stage: StageView) -> View:
    return {
        "name": stage.name,
        "status": stage.status,
        "attempt": stage.attempt,
        "progress": stage.progress,
    }


def speaker_view(speaker: Speaker) -> View:
    return {
        "id": speaker.id,
        "name": speaker.name,
        "language": speaker.language,
        "status": speaker.status,
        "engine": speaker.engine,
        "capabilities": speaker.capabilities,
        "reference": speaker.reference,
        "error": speaker.error,
        "consent": _consent_view(speaker.consent),
        "created_at": moment(speaker.created_at),
    }


def source_view(source: Source) -> View:
    return {
        "id": source.id,
        "name": source.name,
        "format": source.kind,
        "bytes": source.size_bytes,
        "sha256": source.sha256,
        "created_at": moment(source.created_at),
    }


def _consent_view(consent: Consent) -> View:
    return {
        "subject": consent.subject,
        "attested_by": consent.attested_by,
        "attested_at": moment(consent.attested_at),
        "languages": list(consent.languages),
        "projects": list(consent.projects),
        "expires_at": moment(consent.expires_at),
    }


def lexicon_view(lexicon: Lexicon, entries: Sequence[Entry] | None = None) -> View:
    """A lexicon; lists show it without its entries."""
    view = {
        "id": lexicon.id,
        "name": lexicon.name,
        "version": lexicon.version,
        "default": lexicon.default,
        "entry_count": lexicon.entry_count,
        "created_at": moment(lexicon.created_at),
        "updated_at": moment(lexicon.updated_at),
    }
    return view if entries is None else {**view, "entries": [_entry_view(entry) for entry in entries]}


def _entry_view(entry: Entry) -> View:
    return {name: value for name, value in asdict(entry).items() if value is not None}


def capabilities_of(engine: EngineInfo) -> View:
    return {"cloning": engine.cloning, "word_times": engine.word_times, "ipa": engine.ipa}


def voice_view(engine: EngineInfo, voice: StockVoice) -> View:
    return {
        "id": f"stock:{engine.name}/{voice.name}",
        "name": voice.label or voice.name,
        "engine": engine.name,
        "languages": list(voice.languages),
        "sample_rate": engine.sample_rate,
        "capabilities": {**capabilities_of(engine), "cloning": "none"},
        "variants": list(engine.variants),
        "licence": engine.licence,
        "commercial_use": engine.commercial_use,
    }


def page_view(items: Sequence[Mapping[str, Any]], next_cursor: str | None) -> View:
    return {"data": list(items), "has_more": next_cursor is not None, "next_cursor": next_cursor}
