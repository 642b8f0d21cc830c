"""The stage runs of a script: which there are, what each does, where it runs and what it waits for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voicereel.domain.delivery import roles_of
from voicereel.domain.job import LineRecord, StageRun
from voicereel.domain.plan import PLANS, shard_lines
from voicereel.domain.script import Script


def speech_runs(
    script: Script, records: Sequence[LineRecord], pools: Mapping[str, str]
) -> Iterator[StageRun]:
    """Every stage run of a script; those of an ordinal run side by side.

    The captions come after the audio files: the reel tells what was measured of them, and its parts are
    mastered as they were.
    """
    payloads: dict[str, list[dict[str, Any]]] = {
        "synthesize": list(_shards(records)),
        "fit": [{}],
        "mix": [{"rate": rate} for rate in _rates(script)],
        "package": list(_deliveries(script)),
    }
    for ordinal, stage in enumerate(PLANS["speech"]):
        for shard, payload in enumerate(payloads[stage.name]):
            pool = pools.get(payload.get("engine", ""), stage.pool)
            turn = ordinal + (_wait(payload) if stage.name == "package" else 0)
            yield StageRun(stage=stage.name, shard=shard, ordinal=turn, pool=pool, payload=payload)


def _wait(delivery: Mapping[str, Any]) -> int:
    """Files of the reel first, then what tells of them or is made like them, then the page with all of it."""
    return 0 if "format" in delivery else 2 if "preview" in delivery else 1


def _shards(records: Sequence[LineRecord]) -> Iterator[dict[str, Any]]:
    lengths = [len(record.line.text) for record in records]
    for shard in shard_lines(lengths, [record.voice.engine for record in records]):
        yield {"first": shard.first, "last": shard.last, "engine": shard.engine}


def _deliveries(script: Script) -> Iterator[dict[str, Any]]:
    """What is made of the mix, and beside it: each by a run of its own."""
    output = script.output
    yield {"captions": True}
    yield from ({"format": name} for name in output.formats)
    if output.stems:
        yield from ({"stem": role} for role in roles_of(script.lines))
        if script.bed:
            yield {"stem": None}
    if output.clips or output.cue_sheets:
        yield {"sheets": True}
    if output.preview:
        yield {"preview": True}


def _rates(script: Script) -> list[int]:
    return sorted({script.output.rate_for(name) for name in script.output.formats})
