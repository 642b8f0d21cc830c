"""The change certificate: what a revision did to each line, what it billed, and that all else is the same."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voicereel.domain.fingerprint import fit_fingerprint, hashed, mix_fingerprint
from voicereel.domain.job import LineRecord
from voicereel.domain.script import Output

VERSION = 1
# What may be done to a line's sound, and to its place. A line has one of the first and any of the others.
SOUNDS = ("rendered", "cached", "again", "kept", "failed", "removed")
PLACES = ("added", "moved")

Document = dict[str, Any]
Previous = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """What a revision made. ``levels_db`` are what level matching adds to each line, ``billed_ms`` each
    line's part of what is billed, and ``same_delivered`` whether its samples are the same in the lossless
    file, of lines that could be compared there.
    """

    job_id: str
    revision: int
    records: Sequence[LineRecord]
    output: Output
    levels_db: Mapping[str, float]
    billed_ms: Sequence[int]
    total_billed_ms: int
    audio: Sequence[Mapping[str, Any]]
    same_delivered: Mapping[str, bool]


def make_certificate(made: Certified, *, previous: Previous | None, previous_sha256: str | None) -> Document:
    """The certificate as it is published. ``previous`` is that of the revision before."""
    before = {line["id"]: line for line in _standing(previous)}
    since = made.revision - 1 if previous is None else int(previous["revision"])
    lines = [
        _line(made, at, before.get(record.line.id), since=since) for at, record in enumerate(made.records)
    ]
    if previous is not None:
        lines = [_with_place(line, is_first=line["id"] not in before) for line in lines]
    here = {record.line.id for record in made.records}
    lines += [_removed(line) for line_id, line in before.items() if line_id not in here]
    fits = [line["fit"] for line in _in_reel(lines)]
    levels = [made.levels_db.get(record.line.id, 0.0) for record in made.records]
    return {
        "version": VERSION,
        "job_id": made.job_id,
        "revision": made.revision,
        "previous": None
        if previous is None
        else {"revision": previous["revision"], "sha256": previous_sha256},
        "output": asdict(made.output),
        "mix": mix_fingerprint(made.output, fits=fits, levels_db=levels),
        "mix_before": previous["mix"] if previous else None,
        "mastering": {
            "pinned": all(file["pinned"] for file in made.audio) if previous else None,
            "files": [dict(file) for file in made.audio],
        },
        "lines": lines,
        "totals": _totals(lines, made.total_billed_ms),
    }


def _line(made: Certified, at: int, before: Previous | None, *, since: int) -> Document:
    record = made.records[at]
    take, segment = record.take, record.segment
    fit = _fit(made.records, at)
    same = before is not None and before["take"] is not None and take is not None
    return {
        "id": record.line.id,
        "done": [_sound(record, since)],
        "take": take
        and {
            "fingerprint": take.fingerprint,
            "sha256": take.sha256,
            "samples": take.length_samples,
            "sample_rate": take.sample_rate,
            "engine": record.voice.engine,
            "engine_version": take.engine_version,
            "revision": take.revision,
        },
        "start_ms": segment.start_ms if segment else None,
        "end_ms": segment.end_ms if segment else None,
        "fit": fit,
        "level_db": made.levels_db.get(record.line.id, 0.0),
        "gain_db": record.controls.gain_db or 0.0,
        "before": before and _before(before),
        "same_take": same and before is not None and before["take"]["sha256"] == (take and take.sha256),
        "same_delivered": made.same_delivered.get(record.line.id),
        "billed_ms": made.billed_ms[at],
    }


def _sound(record: LineRecord, since: int) -> str:
    """What was done since the revision that was listened to last: one between them may have failed."""
    if record.error is not None or record.take is None:
        return "failed"
    return record.take.source if record.take.revision > since else "kept"


def _fit(records: Sequence[LineRecord], at: int) -> str | None:
    record = records[at]
    if record.segment is None:
        return None
    return fit_fingerprint(
        record.line,
        take=record.take.fingerprint if record.take else "",
        duration_ms=record.take.duration_ms if record.take else 0,
        placed=record.segment,
        before=records[at - 1].segment if at else None,
        after=records[at + 1].segment if at + 1 < len(records) else None,
    )


_WAS = ("take", "start_ms", "end_ms", "fit", "level_db", "gain_db")


def _before(line: Previous) -> Document:
    return {name: line[name] for name in _WAS}


def _with_place(line: Document, *, is_first: bool) -> Document:
    before = line["before"]
    if is_first:
        return {**line, "done": [*line["done"], "added"]}
    moved = (line["start_ms"], line["end_ms"]) != (before["start_ms"], before["end_ms"])
    return {**line, "done": [*line["done"], "moved"]} if moved else line


def _removed(line: Previous) -> Document:
    nothing = dict.fromkeys((*_WAS, "same_delivered"))
    return {
        "id": line["id"],
        "done": ["removed"],
        **nothing,
        "before": _before(line),
        "same_take": False,
        "billed_ms": 0,
    }


def _totals(lines: Sequence[Previous], billed_ms: int) -> Document:
    counts = Counter(word for line in lines for word in line["done"])
    standing = len(lines) - counts["removed"]
    return {
        "lines": standing,
        **{word: counts[word] for word in (*SOUNDS, *PLACES)},
        "billed_ms": billed_ms,
    }


def _standing(document: Previous | None) -> list[Previous]:
    """The lines that a certificate tells of and that were in the reel."""
    return _in_reel(document["lines"]) if document else []


def _in_reel(lines: Sequence[Previous]) -> list[Previous]:
    return [line for line in lines if "removed" not in line["done"]]


def contradictions(document: Previous, previous: Previous | None) -> Iterator[str]:
    """What in a certificate is not so, by itself and beside the one it builds on; nothing, if it is sound."""
    lines = document["lines"]
    here = _standing(document)
    if document["totals"] != _totals(lines, document["totals"]["billed_ms"]):
        yield "the totals are not those of the lines"
    # A reel in which nothing is spoken is billed, to nobody.
    spoken = sum(line["billed_ms"] for line in lines)
    if spoken != document["totals"]["billed_ms"] and spoken:
        yield "the lines do not add up to what is billed"
    mix = hashed([document["output"], [line["fit"] for line in here], [line["level_db"] for line in here]])
    if mix != document["mix"]:
        yield "the mix is not of these lines"
    for line in lines:
        if line["billed_ms"] and line["take"] is None:
            yield f"{line['id']} is billed and has no take"
    if previous is not None:
        yield from _beside(document, previous)


def _beside(document: Previous, previous: Previous) -> Iterator[str]:
    was = {line["id"]: line for line in _standing(previous)}
    here = {line["id"] for line in document["lines"]}
    yield from (f"{line_id} is gone, and nobody says so" for line_id in was.keys() - here)
    if document["previous"] is None or document["previous"]["revision"] != previous["revision"]:
        yield "it builds on another revision"
    for line in document["lines"]:
        before = was.get(line["id"])
        if ("added" in line["done"]) != (before is None):
            yield f"{line['id']} was {'not ' if before is None else ''}there before"
        elif before is not None and line["before"] != _before(before):
            yield f"{line['id']} was something else before"
        elif before is not None and "kept" in line["done"] and not _is_same(line, before):
            yield f"{line['id']} is called kept and has other samples"


def _is_same(line: Previous, before: Previous) -> bool:
    return bool(line["same_take"] and line["take"]["sha256"] == before["take"]["sha256"])
