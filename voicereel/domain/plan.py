"""Which stages a kind of job has, where they run, and how far one may go. Data, not code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voicereel.domain.job import JobKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """A named step. ``limit_s`` is the longest one attempt may take.

    With a broker a message is held as long, and it takes one back that is held for 30 minutes: no limit
    is above 18, which leaves two for what is begun before.
    """

    name: str
    limit_s: float
    pool: str = "cpu"


PLANS: dict[JobKind, tuple[StagePlan, ...]] = {
    "speech": (
        StagePlan(name="synthesize", limit_s=900),
        StagePlan(name="fit", limit_s=300),
        StagePlan(name="mix", limit_s=1080),
        StagePlan(name="package", limit_s=1080),
    ),
    "enroll": (
        StagePlan(name="ingest", limit_s=300),
        StagePlan(name="enroll", limit_s=600),
    ),
}

STAGE_LIMIT_S = {stage.name: stage.limit_s for plan in PLANS.values() for stage in plan}

# One shard is what one worker renders without asking again: large enough that bookkeeping (some
# 10 ms) is small beside the work, small enough that all cores share a five-minute script.
SHARD_CHARACTERS = 1_500
SHARD_LINES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Lines ``[first, last)`` of a script, rendered by one engine in one stage run."""

    first: int
    last: int
    engine: str


def shard_lines(lengths: Sequence[int], engines: Sequence[str]) -> Iterator[Shard]:
    """Cut a script into shards of contiguous lines of one engine; ``lengths`` in characters."""
    first, characters = 0, 0
    for index, (length, engine) in enumerate(zip(lengths, engines, strict=True)):
        full = characters + length > SHARD_CHARACTERS or index - first >= SHARD_LINES
        if index > first and (full or engine != engines[first]):
            yield Shard(first=first, last=index, engine=engines[first])
            first, characters = index, 0
        characters += length
    if lengths:
        yield Shard(first=first, last=len(lengths), engine=engines[first])
