"""How long a script will sound, and how sure that is, before any of it is spoken."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicereel.domain.job import LineRecord, Take
from voicereel.domain.pace import Belief, Heard, PaceKey, expected_s, pace_of
from voicereel.domain.pronunciation import spoken_form
from voicereel.domain.reel import Timeline, lay_out
from voicereel.domain.script import Line
from voicereel.domain.speech_counts import NOTHING, Counts, counts_of

# Nine of ten lengths lie within so many standard deviations.
_INTERVAL = 1.645
# What is quoted lies one standard deviation above what is expected, and never further than this.
_MARGIN, _MARGIN_SHARE = 1.0, 0.05


def pace_key(record: LineRecord, tenant_id: str) -> PaceKey:
    voice, language = record.voice, (record.controls.language or "").lower()
    if voice.name is not None:
        return PaceKey(tenant_id="", engine=voice.engine, voice=voice.name, language=language)
    return PaceKey(tenant_id=tenant_id, engine=voice.engine, voice=voice.speaker_id, language=language)


def heard(tenant_id: str, spoken: Iterable[tuple[LineRecord, Take]]) -> tuple[Heard, ...]:
    """What the takes of some lines tell of their voices' pace; those that failed tell nothing."""
    by_key: dict[PaceKey, list[tuple[Counts, float]]] = defaultdict(list)
    for record, take in spoken:
        if take.error is None and take.duration_ms:
            at_speed_1 = take.duration_ms * (record.controls.speed or 1.0)
            by_key[pace_key(record, tenant_id)].append((_counts(record), at_speed_1))
    found = ((key, pace_of(lines, key.language)) for key, lines in by_key.items())
    return tuple((key, pace) for key, pace in found if pace.lines)


def _counts(record: LineRecord) -> Counts:
    """Of what is said: an alias counts, not what is written; of IPA, what is written."""
    form = spoken_form(record.line.text, record.readings, ipa=False)
    return counts_of(form.text, record.controls.language or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A length in milliseconds: what is expected, and between what nine of ten lie."""

    ms: int
    low_ms: int
    high_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    """A line: its voice, and what is expected of its length. Counts and noise are at its own speed."""

    key: PaceKey
    counts: Counts
    ms: float
    noise_ms2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A script as it will probably be. ``at_most_ms`` is what its reel may be quoted as.

    ``speech`` is by voice and language, in order of appearance, pauses aside.
    """

    lines_ms: tuple[int, ...]
    timeline: Timeline
    reel: Span
    at_most_ms: int
    speech: Mapping[PaceKey, Span]


def forecast(
    records: Sequence[LineRecord],
    believe: Callable[[PaceKey], Belief],
    *,
    tenant_id: str,
) -> Forecast:
    spoken = [_spoken(record, believe, tenant_id) for record in records]
    lines_ms = tuple(round(each.ms) for each in spoken)
    lines = [record.line for record in records]
    timeline = lay_out(lines, lines_ms)
    ends = list(_ends(lines, timeline, spoken, believe))
    expected_ms = timeline.duration_ms
    margin_ms = max((end_ms + _MARGIN * doubt_ms for end_ms, doubt_ms in ends), default=0.0) - expected_ms
    by_key: dict[PaceKey, list[_Spoken]] = defaultdict(list)
    for each in spoken:
        by_key[each.key].append(each)
    return Forecast(
        lines_ms=lines_ms,
        timeline=timeline,
        reel=Span(
            ms=expected_ms,
            low_ms=max((_whole(end_ms - _INTERVAL * doubt_ms) for end_ms, doubt_ms in ends), default=0),
            high_ms=max((_whole(end_ms + _INTERVAL * doubt_ms) for end_ms, doubt_ms in ends), default=0),
        ),
        at_most_ms=expected_ms + math.ceil(min(margin_ms, _MARGIN_SHARE * expected_ms)),
        speech={key: _span(group, believe) for key, group in by_key.items()},
    )


def _spoken(record: LineRecord, believe: Callable[[PaceKey], Belief], tenant_id: str) -> _Spoken:
    key, counts = pace_key(record, tenant_id), _counts(record)
    if counts == NOTHING:
        return _Spoken(key=key, counts=NOTHING, ms=0.0, noise_ms2=0.0)
    belief, speed = believe(key), record.controls.speed or 1.0
    return _Spoken(
        key=key,
        counts=tuple(each / speed for each in counts),
        ms=belief.expected_ms(counts) / speed,
        noise_ms2=belief.line_variance * expected_s(counts) / speed**2,
    )


def _span(group: Sequence[_Spoken], believe: Callable[[PaceKey], Belief]) -> Span:
    ms, doubt_ms = sum(each.ms for each in group), _doubt_ms(group, believe)
    return Span(
        ms=round(ms), low_ms=_whole(ms - _INTERVAL * doubt_ms), high_ms=_whole(ms + _INTERVAL * doubt_ms)
    )


def _doubt_ms(group: Sequence[_Spoken], believe: Callable[[PaceKey], Belief]) -> float:
    """The standard deviation of these lines' length together.

    Lines scatter each for itself; how well the paces are known is taken to be wrong in the same way for all.
    """
    noise_ms2 = sum(each.noise_ms2 for each in group)
    sums: dict[PaceKey, Counts] = defaultdict(lambda: NOTHING)
    for each in group:
        sums[each.key] = tuple(a + b for a, b in zip(sums[each.key], each.counts, strict=True))
    common_ms = sum(
        math.sqrt(believe(key).doubt_ms2(counts)) for key, counts in sums.items() if counts != NOTHING
    )
    return math.sqrt(noise_ms2 + common_ms**2)


def _ends(
    lines: Sequence[Line],
    timeline: Timeline,
    spoken: Sequence[_Spoken],
    believe: Callable[[PaceKey], Belief],
) -> Iterator[tuple[float, float]]:
    """When each chain of lines has ended, and how sure that is; a slot begins a chain at a known moment."""
    starts = [0, *(index for index, line in enumerate(lines) if line.slot and index)]
    for first, last in zip(starts, [*starts[1:], len(lines)], strict=True):
        ends_ms = (
            timeline.segments[index].end_ms + lines[index].pause_after_ms for index in range(first, last)
        )
        yield float(max(ends_ms)), _doubt_ms(spoken[first:last], believe)


def _whole(ms: float) -> int:
    return max(0, round(ms))
