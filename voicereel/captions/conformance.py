"""Which cues break which limits, and by how much: measured on the cues themselves, however they were made."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from voicereel.captions.cue import Cue
from voicereel.captions.shots import HALF_MS, begin_near, ends_near
from voicereel.captions.style import CaptionStyle

# Two frames at 24 a second: nobody sees that a cue comes or goes by so much beside its words.
SYNC_MS = 84

# Each rule and the unit of its figures.
RULES: Mapping[str, str] = {
    "max_duration": "ms",
    "gap": "ms",
    "max_lines": "lines",
    "columns": "characters",
    "min_duration": "ms",
    "shot_cut_in": "ms",
    "shot_cut_out": "ms",
    "reading_speed": "characters a second",
    "sync_in": "ms",
    "early_out": "ms",
    "late_out": "ms",
    "short_gap": "ms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Cue number ``cue``, from 0, breaks ``rule`` by ``over``, in the unit of that rule in `RULES`."""

    cue: int
    line_id: str
    rule: str
    value: float
    limit: float
    over: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A cue and what is round it: the next that begins after its words, and the shot cuts."""

    cue: Cue
    following: Cue | None
    style: CaptionStyle
    cuts_ms: Sequence[int]


def check(cues: Sequence[Cue], style: CaptionStyle, cuts_ms: Sequence[int] = ()) -> tuple[Finding, ...]:
    """Every broken limit, by cue and then in the order of `RULES`. ``cuts_ms`` ascend."""
    by_words = sorted(cues, key=lambda cue: cue.words_start_ms)
    starts_ms = [cue.words_start_ms for cue in by_words]
    findings: list[Finding] = []
    for index, cue in enumerate(cues):
        place = bisect_left(starts_ms, cue.words_end_ms)
        following = by_words[place] if place < len(by_words) else None
        seen = _Seen(cue=cue, following=following, style=style, cuts_ms=cuts_ms)
        found = partial(Finding, cue=index, line_id=cue.line_id)
        findings += [
            found(rule=rule, value=_figure(value), limit=limit, over=_figure(over))
            for rule, value, limit, over in _broken(seen)
            if over > 0
        ]
    return tuple(findings)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many cues break each rule; in the order of `RULES`, broken ones only."""
    number = Counter(finding.rule for finding in findings)
    return {rule: number[rule] for rule in RULES if number[rule]}


def _figure(value: float) -> float:
    return round(value, 2) if isinstance(value, float) else value


_Measured = tuple[str, float, float, float]


def _broken(seen: _Seen) -> Iterator[_Measured]:
    """Rule, value, limit, and how far over the limit that is: 0 or less where the rule is kept."""
    cue, style = seen.cue, seen.style
    shown_ms = cue.end_ms - cue.start_ms
    yield "max_duration", shown_ms, style.max_ms, shown_ms - style.max_ms
    yield from _gap(seen)
    yield "max_lines", len(cue.lines), style.max_lines, len(cue.lines) - style.max_lines
    columns = style.columns_for(cue.language)
    widest = max((style.measure(line, cue.language) for line in cue.lines), default=0)
    yield "columns", widest, columns, widest - columns
    yield "min_duration", shown_ms, style.min_ms, style.min_ms - shown_ms
    yield from _shot_cuts(seen)
    cps = style.cps_for(cue.language)
    speed = 1000 * style.measure(cue.text.rstrip(), cue.language) / max(shown_ms, 1)
    yield "reading_speed", speed, cps, speed - cps
    yield from _sync(seen)
    yield from _short_gap(seen)


def _gap(seen: _Seen) -> Iterator[_Measured]:
    if seen.following is not None:
        gap_ms = seen.following.start_ms - seen.cue.end_ms
        yield "gap", gap_ms, seen.style.gap_ms, seen.style.gap_ms - gap_ms


def _short_gap(seen: _Seen) -> Iterator[_Measured]:
    """A gap that is to be closed; before a shot cut it is not."""
    if seen.following is None or _is_out_at_cut(seen):
        return
    gap_ms = seen.following.start_ms - seen.cue.end_ms
    if gap_ms <= seen.style.chain_for(seen.cue.language):
        yield "short_gap", gap_ms, seen.style.gap_ms, gap_ms - seen.style.gap_ms


def _shot_cuts(seen: _Seen) -> Iterator[_Measured]:
    """How far a cue's ends are from where the cuts near them want them; the figures are positions."""
    start_ms, end_ms = seen.cue.start_ms, seen.cue.end_ms
    wanted_ms = begin_near(start_ms, seen.cuts_ms)
    yield "shot_cut_in", start_ms, wanted_ms, abs(start_ms - wanted_ms)
    wanted_ms = min(_ends(seen), key=lambda position_ms: abs(position_ms - end_ms))
    yield "shot_cut_out", end_ms, wanted_ms, abs(end_ms - wanted_ms)


def _ends(seen: _Seen) -> Iterator[int]:
    return ends_near(seen.cue.end_ms, seen.cuts_ms, gap_ms=seen.style.gap_ms)


def _sync(seen: _Seen) -> Iterator[_Measured]:
    """Whether a cue comes and goes with its words, as far as no rule that comes first moves it."""
    cue, style = seen.cue, seen.style
    if not seen.cuts_ms or cue.start_ms != begin_near(cue.words_start_ms, seen.cuts_ms):
        apart_ms = abs(cue.start_ms - cue.words_start_ms)
        yield "sync_in", apart_ms, SYNC_MS, apart_ms - SYNC_MS
    if _is_out_at_cut(seen):
        return
    early_ms = cue.words_end_ms - cue.end_ms
    spared_ms = max(style.gap_ms, SYNC_MS)
    yield "early_out", early_ms, spared_ms, early_ms - spared_ms
    if not _is_chained(seen):
        late_ms = cue.end_ms - cue.words_end_ms
        allowed_ms = max(style.trail_ms, cue.start_ms + style.min_ms - cue.words_end_ms)
        yield "late_out", late_ms, allowed_ms, late_ms - allowed_ms


def _is_chained(seen: _Seen) -> bool:
    return seen.following is not None and seen.cue.end_ms == seen.following.start_ms - seen.style.gap_ms


def _is_out_at_cut(seen: _Seen) -> bool:
    """Whether a cue ends where a shot cut wants it to, which is elsewhere than its words would."""
    if not seen.cuts_ms:
        return False
    place = bisect_left(seen.cuts_ms, seen.cue.end_ms)
    near = seen.cuts_ms[max(0, place - 1) : place + 1]
    return any(seen.cue.end_ms in (cut - seen.style.gap_ms, cut + HALF_MS) for cut in near)
