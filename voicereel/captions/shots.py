"""Shot cuts: where a cue may come and go near one, by Netflix's timing guidelines.

Within half a second of a cut a cue begins on the cut itself; only where it would begin in the earliest
quarter of the half second before the cut it is pulled to half a second before it. It ends a gap
before the cut, or half a second or more away from it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

HALF_MS = 500
_NEAR_MS = 375  # nine frames of the twelve that half a second has at 24


def begin_near(position_ms: int, cuts_ms: Sequence[int]) -> int:
    """Where a cue that wants to begin at ``position_ms`` is to begin."""
    before, after = _around(position_ms, cuts_ms)
    if before is not None and position_ms - before < HALF_MS:
        return before
    if after is None or after - position_ms >= HALF_MS:
        return position_ms
    pulled_ms = after - HALF_MS
    is_near_another = before is not None and pulled_ms - before < HALF_MS
    return after if after - position_ms < _NEAR_MS or is_near_another or pulled_ms < 0 else pulled_ms


def ends_near(position_ms: int, cuts_ms: Sequence[int], *, gap_ms: int) -> Iterator[int]:
    """Where a cue that wants to end at ``position_ms`` may end, best first."""
    before, after = _around(position_ms, cuts_ms)
    if before is not None and position_ms - before < HALF_MS:
        later = before + HALF_MS
        if after is not None and after - later < HALF_MS:
            later = after - gap_ms
        yield from (before - gap_ms, later) if position_ms - before < _NEAR_MS else (later, before - gap_ms)
    elif after is not None and after - position_ms < HALF_MS:
        yield after - gap_ms
    else:
        yield position_ms


def _around(position_ms: int, cuts_ms: Sequence[int]) -> tuple[int | None, int | None]:
    """The last cut at or before a position, and the first after it."""
    index = bisect_left(cuts_ms, position_ms + 1)
    return (
        cuts_ms[index - 1] if index else None,
        cuts_ms[index] if index < len(cuts_ms) else None,
    )
