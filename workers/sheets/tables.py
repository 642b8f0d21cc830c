"""A cue sheet as CSV for people, and a clips manifest as JSON for programs."""

import csv
import io
import json

from voicereel.domain.spreadsheets import harmless
from workers.sheets.sheet import CueSheet, Entry, row_of

COLUMNS = (
    "line_id", "role", "speaker", "speaker_id", "language", "text", "in_ms", "out_ms", "duration_ms",
    "in_timecode", "out_timecode", "file", "sha256",
)  # fmt: skip


def to_csv(sheet: CueSheet) -> str:
    """A row a line (RFC 4180); what a spreadsheet would take for a formula has an apostrophe before it."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for entry in sheet.entries:
        cells = row_of(entry, sheet.clock)
        writer.writerow({name: harmless(v) if isinstance(v, str) else v for name, v in cells.items()})
    return text.getvalue()


def to_manifest(sheet: CueSheet, *, bit_depth: int, gain_db: float) -> str:
    """The files of a reel's lines as JSON. Every line is there; one without sound has no file."""
    document = {
        "title": sheet.title,
        "duration_ms": sheet.duration_ms,
        "sample_rate": sheet.rate,
        "channels": 1,
        "bit_depth": bit_depth,
        "gain_db": round(gain_db, 4),
        "clips": [row_of(entry, sheet.clock) | _file_facts(entry) for entry in sheet.entries],
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _file_facts(entry: Entry) -> dict[str, int | None]:
    clip = entry.clip
    return {
        "start_sample": clip.start_sample if clip else None,
        "samples": clip.samples if clip else None,
        "bytes": clip.size_bytes if clip else None,
        "offset": clip.offset if clip else None,
    }
