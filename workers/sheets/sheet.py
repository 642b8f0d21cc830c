"""When each line of a reel sounds, and in which file: what cue sheets and manifests are written from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicereel.domain.job import LineRecord
from voicereel.domain.script import spoken_text
from workers.sheets.clock import FrameClock


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFile:
    """A line's own file: ``samples`` samples that sound in the reel from ``start_sample``.

    ``offset`` is where its bytes begin in the archive of all clips.
    """

    name: str
    start_sample: int
    samples: int
    sha256: str
    size_bytes: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line in reel time; ``clip`` is its own file, where one was made."""

    line_id: str
    role: str
    speaker_id: str
    speaker_name: str
    language: str
    text: str
    in_ms: int
    out_ms: int
    clip: ClipFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CueSheet:
    """A reel's entries in script order. ``media`` is the reel's own file, ``rate`` is that of clips."""

    title: str
    media: str
    duration_ms: int
    rate: int
    entries: tuple[Entry, ...]
    clock: FrameClock | None = None


def entries_of(records: Sequence[LineRecord], clips: Mapping[str, ClipFile]) -> tuple[Entry, ...]:
    """Every line, with or without sound; ``clips`` by line id."""
    return tuple(_entry(record, clips.get(record.line.id)) for record in records)


def _entry(record: LineRecord, clip: ClipFile | None) -> Entry:
    if record.segment is None:
        raise TypeError("fit places every line")
    return Entry(
        line_id=record.line.id,
        role=record.line.speaker,
        speaker_id=record.voice.speaker_id,
        speaker_name=record.voice.speaker_name,
        language=record.controls.language or "",
        text=spoken_text(record.line.text),
        in_ms=record.segment.start_ms,
        out_ms=record.segment.end_ms,
        clip=clip,
    )


def row_of(entry: Entry, clock: FrameClock | None) -> dict[str, Any]:
    """An entry as JSON-ready values, named as the columns of a sheet; None is what there is not."""
    clip = entry.clip
    return {
        "line_id": entry.line_id,
        "role": entry.role,
        "speaker": entry.speaker_name,
        "speaker_id": entry.speaker_id,
        "language": entry.language,
        "text": entry.text,
        "in_ms": entry.in_ms,
        "out_ms": entry.out_ms,
        "duration_ms": entry.out_ms - entry.in_ms,
        "in_timecode": clock.at(entry.in_ms) if clock else None,
        "out_timecode": clock.at(entry.out_ms) if clock else None,
        "file": clip.name if clip else None,
        "sha256": clip.sha256 if clip else None,
    }
