"""Words into cues: the cheapest way to cut each line, by dynamic programming over its words.

Rules in the order they win: complete text, one speaker, at most ``max_ms``, the gap between cues
(a cue's end gives way), display lines, ``min_ms``, reading speed, and then good breaks.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import inf

from voicereel.captions.atoms import atoms_of, break_costs
from voicereel.captions.style import CaptionStyle, width
from voicereel.domain.reel import Placement, Reel

_CUE = 12.0  # each cue: no more of them than needed
_CUT = 2.5  # a bad break is worse between cues than between the lines of one
_BALANCE = 0.2  # a character of difference between two display lines
_LONG_PAUSE = 60.0  # a cue that stays while nothing is said for over a second
_LONG_PAUSE_MS = 1000
_TOO_SHORT = 1e6  # beats any reading speed: that is capped
_MOST_CPS_OVER = 100.0
_MISFIT = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One timed text of one line. ``lines`` are what is displayed, top first.

    ``text`` is the cue's part of the line's spoken text with the white space after it: the texts
    of a line's cues, concatenated, are its spoken text.
    """

    line_id: str
    role: str
    speaker_name: str
    language: str
    text: str
    lines: tuple[str, ...]
    start_ms: int
    end_ms: int


def segment(reel: Reel, style: CaptionStyle) -> tuple[Cue, ...]:
    """The cues of a reel, by start. Cues of lines that sound together overlap; others do not."""
    spoken = [placement for placement in reel.placements if placement.words]
    onsets = sorted(placement.words[0].start_ms for placement in spoken)
    drafts: list[Cue] = []
    for placement in spoken:
        limit_ms = _limit_ms(onsets, placement.words[-1].end_ms, reel, style)
        drafts.extend(_Cutter(placement, style, limit_ms).cues())
    drafts.sort(key=lambda cue: cue.start_ms)
    starts = [cue.start_ms for cue in drafts]
    limits = [_limit_ms(starts, cue.end_ms, reel, style) for cue in drafts]
    return tuple(
        replace(cue, end_ms=_out_ms(cue, limit, style)) for cue, limit in zip(drafts, limits, strict=True)
    )


def _limit_ms(starts: Sequence[int], words_end_ms: int, reel: Reel, style: CaptionStyle) -> int:
    """Until when a cue may stay: a gap before the next cue that begins after its words, or the end."""
    index = bisect_left(starts, words_end_ms)
    return min(reel.duration_ms, starts[index] - style.gap_ms) if index < len(starts) else reel.duration_ms


def _out_ms(draft: Cue, limit_ms: int, style: CaptionStyle) -> int:
    """When a cue goes: after its words, later if it is too short or too fast and there is room."""
    reading_ms = int(1000 * width(draft.text.rstrip()) / style.cps_for(draft.language)) + 1
    most_ms = min(limit_ms, _most_ms(draft.start_ms, draft.end_ms, style))
    wanted_ms = max(draft.end_ms, draft.start_ms + max(style.min_ms, reading_ms))
    out_ms = min(wanted_ms, most_ms)
    if most_ms == limit_ms and limit_ms - out_ms <= style.chain_ms - style.gap_ms:
        out_ms = limit_ms
    return max(draft.start_ms + 1, out_ms)


def _most_ms(start_ms: int, words_end_ms: int, style: CaptionStyle) -> int:
    """The latest end there can be with nothing following."""
    return min(start_ms + style.max_ms, max(words_end_ms + style.trail_ms, start_ms + style.min_ms))


class _Cutter:
    """One placement's atoms, and what it costs to make cues of them."""

    def __init__(self, placement: Placement, style: CaptionStyle, limit_ms: int) -> None:
        self.placement = placement
        self.style = style
        self.columns = style.columns_for(placement.language)
        self.cps = style.cps_for(placement.language)
        self.limit_ms = limit_ms
        self.atoms = atoms_of(placement, self.columns)
        self.breaks = break_costs(self.atoms, placement.spoken, placement.language)
        # Plain lists for the innermost loops.
        self.starts_ms = [atom.start_ms for atom in self.atoms]
        self.left = [atom.start_column for atom in self.atoms]
        self.right = [atom.end_column for atom in self.atoms]
        gaps = [after.start_ms - before.end_ms for before, after in pairwise(self.atoms)]
        self.pauses = [0.0, *accumulate(_LONG_PAUSE * (gap_ms > _LONG_PAUSE_MS) for gap_ms in gaps)]

    def cues(self) -> Iterator[Cue]:
        """Cues with their end at the end of their words."""
        spoken, atoms = self.placement.spoken, self.atoms
        for first, last in self._best():
            text_end = atoms[last].start_char if last < len(atoms) else len(spoken)
            yield Cue(
                line_id=self.placement.line_id,
                role=self.placement.role,
                speaker_name=self.placement.speaker_name,
                language=self.placement.language,
                text=spoken[atoms[first].start_char : text_end],
                lines=tuple(
                    spoken[atoms[a].start_char : atoms[b - 1].end_char] for a, b in self._rows(first, last)
                ),
                start_ms=atoms[first].start_ms,
                end_ms=atoms[last - 1].end_ms,
            )

    def _best(self) -> list[tuple[int, int]]:
        """The cheapest ``[first, last)`` of each cue, in order."""
        # Atoms that start together (parts of a very short word) cannot be in different cues.
        later = [b.start_ms > a.start_ms for a, b in pairwise(self.atoms)]
        cuts = [0, *(index for index, is_later in enumerate(later, start=1) if is_later), len(self.atoms)]
        best, came_from = [0.0], [0]
        earliest = 0
        for end in range(1, len(cuts)):
            while not self._could_fit(cuts[earliest], cuts[end]) and earliest < end - 1:
                earliest += 1
            # What cannot be cut is a cue whether it fits or not: the text is complete.
            least, origin = best[end - 1] + _MISFIT, end - 1
            costs = self._costs(cuts[earliest:end], cuts[end])
            for begin, cost in enumerate(costs, start=earliest):
                total = best[begin] + cost
                # The layout is the dear part, and most candidates are too dear without it.
                if total < least and (total := total + self._layout(cuts[begin], cuts[end])[0]) < least:
                    least, origin = total, begin
            best.append(least)
            came_from.append(origin)
        return _walk(cuts, came_from)

    def _could_fit(self, first: int, last: int) -> bool:
        """Whether atoms ``[first, last)`` are short enough for a cue, if their words can be laid out."""
        start, end = self.atoms[first], self.atoms[last - 1]
        room = self.style.max_lines * (self.columns + 1) - 1
        return (
            end.end_ms - start.start_ms <= self.style.max_ms and end.end_column - start.start_column <= room
        )

    def _costs(self, firsts: Sequence[int], last: int) -> Iterator[float]:
        """The cost, layout aside, of a cue from each of ``firsts`` to ``last``."""
        atoms, style = self.atoms, self.style
        end = atoms[last - 1]
        limit_ms, fixed = self.limit_ms, _CUE + self.pauses[last - 1]
        if last < len(atoms):
            limit_ms = atoms[last].start_ms - style.gap_ms
            fixed += _CUT * self.breaks[last]
        trail_ms = end.end_ms + style.trail_ms
        for first in firsts:
            start_ms = self.starts_ms[first]
            # As in `_most_ms`, without a call in the innermost loop.
            out_ms = min(limit_ms, start_ms + style.max_ms, max(trail_ms, start_ms + style.min_ms))
            shown_ms = max(1, out_ms - start_ms)
            over = 1000 * (end.end_column - self.left[first]) / shown_ms - self.cps
            cost = fixed - self.pauses[first] + (_TOO_SHORT if shown_ms < style.min_ms else 0.0)
            yield cost + min(over, _MOST_CPS_OVER) ** 2 if over > 0 else cost

    def _layout(self, first: int, last: int) -> tuple[float, int]:
        """The cost of showing atoms ``[first, last)``, and where the second display line starts."""
        left, right, columns = self.left, self.right, self.columns
        start, end = left[first], right[last - 1]
        if end - start <= columns:
            return 0.0, last
        least, split = inf, last
        if self.style.max_lines < 2:
            return least, split
        for middle in range(last - 1, first, -1):
            lower = end - left[middle]
            if lower > columns:
                break
            upper = right[middle - 1] - start
            if upper <= columns:
                cost = self.breaks[middle] + _BALANCE * abs(upper - lower)
                if cost < least:
                    least, split = cost, middle
        return least, split

    def _rows(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The atoms of each display line; more lines than allowed only where no cut was possible."""
        cost, split = self._layout(first, last)
        if cost < inf:
            yield first, split
            if split < last:
                yield split, last
            return
        for index in range(first + 1, last):
            if self.right[index] - self.left[first] > self.columns:
                yield first, index
                first = index
        yield first, last


def _walk(cuts: Sequence[int], came_from: Sequence[int]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    end = len(cuts) - 1
    while end > 0:
        pairs.append((cuts[came_from[end]], cuts[end]))
        end = came_from[end]
    return pairs[::-1]
