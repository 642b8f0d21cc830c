"""Lines and revisions as the JSON of the public API."""

from dataclasses import asdict
from typing import Any

from voicereel.domain.checks import check_view
from voicereel.domain.job import FINISHED, Job, LineRecord
from voicereel.domain.reel import Word
from voicereel.domain.revisions import Revision
from voicereel.services.views import View, moment


def line_view(job: Job, record: LineRecord, *, changed: bool, words: bool, audio: View | None) -> View:
    """A line as the script has it, and what was last made of it; times are of the reel."""
    line, segment = record.line, record.segment
    return {
        "id": line.id,
        "speaker": line.speaker,
        "text": line.text,
        **asdict(line.controls),
        "pause_after_ms": line.pause_after_ms,
        "overlap_ms": line.overlap_ms,
        "slot": asdict(line.slot) if line.slot else None,
        "status": _status(job, record),
        "changed": changed,
        "start_ms": segment.start_ms if segment else None,
        "end_ms": segment.end_ms if segment else None,
        "spoken_by": record.voice.speaker_id,
        "warnings": [asdict(warning) for warning in record.warnings],
        "error": record.error,
        "audio": audio,
        "check": check_view(record.take.check) if record.take and record.take.check else None,
        **({"words": _words(record)} if words else {}),
    }


def _status(job: Job, record: LineRecord) -> str:
    """While a job rests, what its line has; a revision that failed leaves lines that were to be spoken."""
    if job.status not in FINISHED:
        return record.status
    if record.error is not None:
        return "failed"
    return "queued" if record.take is None else "succeeded"


def _words(record: LineRecord) -> list[dict[str, Any]]:
    if record.take is None or record.segment is None:
        return []
    return [_word(word.shifted(record.segment.start_ms)) for word in record.take.words]


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "start_ms": word.start_ms,
        "end_ms": word.end_ms,
        "source": word.source,
        "confidence": word.confidence,
    }


def revision_view(revision: Revision, *, outputs: View | None) -> View:
    return {
        "number": revision.number,
        "status": revision.status,
        "created_at": moment(revision.created_at),
        "started_at": moment(revision.started_at),
        "finished_at": moment(revision.finished_at),
        "billable_ms": revision.billable_ms,
        "error": revision.error,
        "outputs": outputs,
    }
