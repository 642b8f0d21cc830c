"""Where a programme is cut into chunks of a millisecond or so: its envelope is measured in them, and its
limiter moves from one to the next.

The grid begins anew at each line's first sample. So a line lies on it as it lay before when all that
precedes it grows or shrinks, and is limited as it was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


def chunk_samples(rate: int) -> int:
    """The length of a chunk: 1 to 2 ms, a power of two."""
    return 64 if rate >= 32_000 else 32 if rate >= 16_000 else 16


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The samples ``[edges[i], edges[i + 1])`` are chunk ``i``; ``edges`` has the shape (chunks + 1,).

    A chunk has ``chunk`` samples, the last before a start more: what would be left of less than one.
    """

    chunk: int
    edges: Positions

    @classmethod
    def of(cls, lengths: npt.ArrayLike, *, chunk: int) -> "Grid":
        return cls(chunk, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))

    @classmethod
    def restarting(cls, total: int, *, rate: int, starts: Iterable[int]) -> "Grid":
        """Of ``total`` samples, beyond which the last chunk may reach; ``starts`` as `restarts` has them."""
        chunk = chunk_samples(rate)
        *others, (first, last) = _stretches(total, starts)
        whole = [begin + np.arange(_chunks(end - begin, rate)) * chunk for begin, end in others]
        return cls(chunk, np.concatenate((*whole, np.arange(first, last + chunk, chunk))))

    @property
    def lengths(self) -> Positions:
        return np.diff(self.edges)

    def nearest(self, positions: npt.NDArray[np.floating]) -> Positions:
        """Which edge is nearest to each of these positions, none of which is beyond the last edge."""
        after = np.searchsorted(self.edges, positions)
        before = np.maximum(after - 1, 0)
        is_nearer = positions - self.edges[before] < self.edges[after] - positions
        return np.where(is_nearer, before, after)


def restarts(starts: Iterable[int], *, rate: int) -> tuple[int, ...]:
    """Those of the sorted ``starts`` that have room for a chunk before them."""
    kept = [0]
    for start in starts:
        if start - kept[-1] >= chunk_samples(rate):
            kept.append(start)
    return tuple(kept[1:])


def row_starts(total: int, *, rate: int, starts: Iterable[int]) -> Positions:
    """Where rows begin that are no longer than a chunk is usually: a long one is several."""
    stretches = _stretches(total, starts)
    return np.concatenate([np.arange(first, last, chunk_samples(rate)) for first, last in stretches])


def _stretches(total: int, starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    return pairwise((0, *(start for start in starts if start < total), total))


def _chunks(samples: int, rate: int) -> int:
    """How many there are between two starts. Those are at whole milliseconds: when both move they may come
    a sample nearer, or farther apart, and must not come to have a chunk more between them.
    """
    at_least = (samples * 1000 + rate // 2) // rate * rate // 1000 - 1
    return max(1, min(at_least, samples) // chunk_samples(rate))
