"""Words into cues: the cheapest way to cut each line, by dynamic programming over its words.

Rules in the order they win: complete text, one speaker, at most ``max_ms``, the gap between cues
(a cue's end gives way), display lines, ``min_ms``, shot cuts, reading speed, and then good breaks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from math import inf

from voicereel.captions.atoms import atoms_of, break_costs
from voicereel.captions.cue import Cue
from voicereel.captions.shots import begin_near
from voicereel.captions.style import CaptionStyle
from voicereel.captions.timing import limit_ms, timed
from voicereel.domain.reel import Placement, Reel

_CUE = 12.0  # each cue: no more of them than needed
_CUT = 2.5  # a bad break is worse between cues than between the lines of one
_BALANCE = 0.2  # a character of difference between two display lines
_LONG_PAUSE = 60.0  # a cue that stays while nothing is said for over a second
_LONG_PAUSE_MS = 1000
_CROSSED_CUT = 12.0  # a cue that stays on over a shot cut
_NEAR_CUT = 30.0  # a cue that begins so soon after a cut that it would have to begin on it, and cannot
_TOO_SHORT = 1e6  # beats any reading speed: that is capped
_TOO_FAST = 15.0  # and the square of how much
_MOST_CPS_OVER = 100.0
_MISFIT = 1e9


def segment(reel: Reel, style: CaptionStyle, cuts_ms: Sequence[int] = ()) -> tuple[Cue, ...]:
    """The cues of a reel, by start. Cues of lines that sound together overlap; others do not.

    ``cuts_ms``, ascending, are the shot cuts of the picture.
    """
    spoken = [placement for placement in reel.placements if placement.words]
    onsets = sorted(placement.words[0].start_ms for placement in spoken)
    drafts: list[Cue] = []
    for placement in spoken:
        until_ms = limit_ms(onsets, placement.words[-1].end_ms, reel.duration_ms, style)
        drafts.extend(_Cutter(placement, style, until_ms, cuts_ms).cues())
    drafts.sort(key=lambda cue: cue.start_ms)
    return tuple(timed(drafts, duration_ms=reel.duration_ms, style=style, cuts_ms=cuts_ms))


class _Cutter:
    """One placement's atoms, and what it costs to make cues of them."""

    def __init__(
        self, placement: Placement, style: CaptionStyle, until_ms: int, cuts_ms: Sequence[int]
    ) -> None:
        self.placement = placement
        self.style = style
        self.columns = style.columns_for(placement.language)
        self.cps = style.cps_for(placement.language)
        self.until_ms = until_ms
        self.atoms = atoms_of(placement, style)
        self.breaks = break_costs(self.atoms, placement.spoken, placement.language)
        # Plain lists for the innermost loops.
        self.starts_ms = [atom.start_ms for atom in self.atoms]
        self.left = [atom.start_column for atom in self.atoms]
        self.right = [atom.end_column for atom in self.atoms]
        gaps = [after.start_ms - before.end_ms for before, after in pairwise(self.atoms)]
        self.pauses = [0.0, *accumulate(_LONG_PAUSE * (gap_ms > _LONG_PAUSE_MS) for gap_ms in gaps)]
        self.cuts_begun = [
            _CROSSED_CUT * bisect_right(cuts_ms, atom.start_ms) - _NEAR_CUT * self._is_late(index, cuts_ms)
            for index, atom in enumerate(self.atoms)
        ]
        self.cuts_ended = [_CROSSED_CUT * bisect_left(cuts_ms, atom.end_ms) for atom in self.atoms]

    def _is_late(self, index: int, cuts_ms: Sequence[int]) -> bool:
        """Whether a cue from here is to begin on a cut before it, and the words before leave no room."""
        if not index or not cuts_ms:
            return False
        wanted_ms = begin_near(self.atoms[index].start_ms, cuts_ms)
        return wanted_ms < self.atoms[index].start_ms and wanted_ms < self.atoms[index - 1].end_ms

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
                words_start_ms=atoms[first].start_ms,
                words_end_ms=atoms[last - 1].end_ms,
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
        until_ms, fixed = self.until_ms, _CUE + self.pauses[last - 1] + self.cuts_ended[last - 1]
        if last < len(atoms):
            until_ms = atoms[last].start_ms - style.gap_ms
            fixed += _CUT * self.breaks[last]
        trail_ms = end.end_ms + style.trail_ms
        for first in firsts:
            start_ms = self.starts_ms[first]
            # As in `timing`, without a call in the innermost loop.
            out_ms = min(until_ms, start_ms + style.max_ms, max(trail_ms, start_ms + style.min_ms))
            shown_ms = max(1, out_ms - start_ms)
            over = 1000 * (end.end_column - self.left[first]) / shown_ms - self.cps
            cost = fixed - self.pauses[first] - self.cuts_begun[first]
            cost += _TOO_SHORT if shown_ms < style.min_ms else 0.0
            yield cost + _TOO_FAST + min(over, _MOST_CPS_OVER) ** 2 if over > 0 else cost

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
