"""What a revision has to do: which lines are to be spoken, and which takes are billed."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from voicereel.domain.drafts import is_changed
from voicereel.domain.fingerprint import is_take_of
from voicereel.domain.job import JobStatus, LineRecord, Take, TakeSource
from voicereel.domain.prices import shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One render of a job: number 0 is the script as it was sent."""

    number: int
    status: JobStatus
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    billable_ms: int | None = None
    error: Any = None


def need_of(record: LineRecord, *, billed: int, files: AbstractSet[str]) -> TakeSource | None:
    """Whether a line is to be spoken, and what its take will then be; None: the take it has will do.

    ``billed`` is the job's newest revision that was billed, -1 where none was, and ``files`` those files of
    takes that are still there.
    A take is compared by the version of the engine that made it: a newer one changes no line by itself.
    """
    take = record.take
    if take is None or record.error is not None:
        return "rendered"
    if not take.engine_version:  # of a time when that was not noted
        return "rendered" if is_changed(record) else _once_more(take, billed)
    if not is_take_of(record, take):
        return "rendered"
    if take.length_samples and take.artifact_id not in files:
        return _once_more(take, billed)
    return None


def _once_more(take: Take, billed: int) -> TakeSource:
    return "rendered" if is_due(take, billed) else "again"


def is_due(take: Take, billed: int) -> bool:
    """Whether a take is still to be paid for: the first revision that succeeds with it bills it."""
    return take.source == "rendered" and take.revision > billed


def billable_by_line(
    records: Sequence[LineRecord], *, billed: int, reel_ms: int
) -> tuple[int, tuple[int, ...]]:
    """What a revision bills, in milliseconds, and each line's part of that.

    The first that is billed bills the reel, as far as it was spoken for it: lines from the cache are
    taken off with their share of the pauses. Later ones bill the takes that are new, and nothing else.
    """
    spoken = [record.take.duration_ms if record.take else 0 for record in records]
    due = [
        record.take.duration_ms if record.take and is_due(record.take, billed) else 0 for record in records
    ]
    if billed >= 0:
        return sum(due), tuple(due)
    if not sum(spoken):
        return reel_ms, tuple(due)
    whole = reel_ms * sum(due) // sum(spoken)
    return whole, tuple(shares(whole, due)) if whole else tuple(0 for _ in due)
