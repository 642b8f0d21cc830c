"""What a revision takes over from the one before it, so that lines nobody touched sound the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicereel.domain.job import Artifact, LineRecord
from workers.stages.base import StageContext


@dataclass(frozen=True, slots=True)
class Previous:
    """The certificate of the revision that is listened to by now, and its file."""

    document: Mapping[str, Any]
    file: Artifact


def previous_of(ctx: StageContext) -> Previous | None:
    """None for the first revision, and where what was rendered before has no certificate."""
    found = ctx.previous("certificate")
    if not found:
        return None
    return Previous(json.loads(ctx.fetch(found[0]).read_text(encoding="utf-8")), found[0])


def pinned_levels(
    levels_db: Mapping[str, float], records: Sequence[LineRecord], previous: Previous | None
) -> Mapping[str, float]:
    """What level matching adds to each line, where its take is the same as before: as much as it did then."""
    if previous is None:
        return levels_db
    was = {line["id"]: line for line in previous.document["lines"] if line["take"]}
    pinned = {
        record.line.id: was[record.line.id]["level_db"]
        for record in records
        if is_kept(record, was.get(record.line.id))
    }
    return {**levels_db, **{line_id: pinned[line_id] for line_id in pinned if line_id in levels_db}}


def is_kept(record: LineRecord, was: Mapping[str, Any] | None) -> bool:
    """Whether a line has the very samples that it had."""
    if was is None or was["take"] is None or record.take is None or not record.take.sha256:
        return False
    return bool(was["take"]["sha256"] == record.take.sha256)
