"""A look-ahead true-peak limiter. What it does to each sample follows from the programme's envelope
alone, and there from the chunks around it: the same for blocks of any size, wherever a sound lies.
"""

import math
from collections.abc import Iterator

import numpy as np

from workers.audio.clip import Samples
from workers.audio.grid import Grid, Positions

# It is all the way down this long before a peak comes, and rides over the periods of a voice.
LOOKAHEAD_MS = 5.0
HOLD_MS = 10.0
RELEASE_DB_PER_S = 60.0
# deeper than mastering ever asks for: how far back a release can reach
_DEEPEST_DB = 36.0
_SEGMENT = 1 << 18


def reduction_db(peaks_db: Samples, *, over_dbtp: float, chunk_ms: float) -> Samples:
    """How far each chunk is turned down: float32 of shape (chunks,), 0 and below.

    ``peaks_db`` are the chunks' true peaks, ``over_dbtp`` the level that none may pass. Between the
    middles of two chunks the level moves in a straight line: neighbours are held down with a chunk.
    """
    shape = _Shape(chunk_ms)
    return np.concatenate(
        [np.zeros(0, np.float32), *(part for part in _segments(peaks_db, np.float32(over_dbtp), shape))]
    )


class _Shape:
    """Lengths in chunks."""

    def __init__(self, chunk_ms: float) -> None:
        self.look = max(1, math.ceil(LOOKAHEAD_MS / chunk_ms))
        self.hold = max(1, math.ceil(HOLD_MS / chunk_ms))
        self.slope_db = np.float32(RELEASE_DB_PER_S * chunk_ms / 1000)
        self.release = math.ceil(_DEEPEST_DB / float(self.slope_db))
        window = np.hanning(2 * self.look + 3)[1:-1]
        self.weights = (window / window.sum()).astype(np.float32)

    @property
    def before(self) -> int:
        """How many chunks back something can still be heard of."""
        return self.hold + 2 * self.release + 2 * self.look + 1

    @property
    def after(self) -> int:
        return 2 * self.look + 1


def _segments(peaks_db: Samples, over_dbtp: np.float32, shape: _Shape) -> Iterator[Samples]:
    """A part at a time, so that an hour needs no more memory than a minute."""
    for first in range(0, len(peaks_db), _SEGMENT):
        last = min(first + _SEGMENT, len(peaks_db))
        seen = peaks_db[max(0, first - shape.before) : last + shape.after]
        needed = np.minimum(over_dbtp - seen, np.float32(0))
        if not needed.any():
            yield np.zeros(last - first, np.float32)
            continue
        offset = first - max(0, first - shape.before)
        yield _smoothed(needed, shape)[offset : offset + last - first]


def _smoothed(needed: Samples, shape: _Shape) -> Samples:
    """The curve: nowhere above what is needed there, or in a chunk beside it."""
    held = _lowest(needed, before=shape.hold, after=1)
    released = _released(held, shape)
    ahead = _lowest(released, before=shape.look, after=shape.look)
    padded = np.pad(ahead, shape.look, mode="edge")
    smooth = np.zeros_like(needed)
    for index, weight in enumerate(shape.weights):
        smooth += weight * padded[index : index + len(needed)]
    return smooth


def _lowest(values: Samples, *, before: int, after: int) -> Samples:
    """The lowest of each window ``[i - before, i + after]``; outside, there is 0."""
    width, size = before + after + 1, 1
    lowest = np.pad(values, (before, after))
    while size < width:
        step = min(size, width - size)
        lowest = np.minimum(lowest[: len(lowest) - step], lowest[step:])
        size += step
    return lowest


def _released(held: Samples, shape: _Shape) -> Samples:
    """From each low the curve rises at the release's slope, and no faster."""
    released, step = held.copy(), 1
    while step < 2 * shape.release:
        later = released[:-step] + np.float32(step) * shape.slope_db
        released[step:] = np.minimum(released[step:], later)
        step *= 2
    return np.minimum(released, np.float32(0))


class Limiter:
    """Applies a gain and a curve of reductions, one a chunk of ``grid``, to samples at any position."""

    def __init__(self, reductions_db: Samples, *, gain_db: float, grid: Grid) -> None:
        self._gain = np.float32(10 ** (gain_db / 20))
        self._chunk = grid.chunk
        # a chunk more at the end, as the rounding of a clip's length may reach beyond
        self._edges = np.append(grid.edges, grid.edges[-1] + grid.chunk)
        levels = 10 ** (reductions_db / np.float32(20))
        # one more at each end, as there is nothing to move towards
        self._levels = np.concatenate((levels[:1], levels, levels[-1:], levels[-1:]), dtype=np.float32)

    def apply(self, samples: Samples, *, first: int) -> Samples:
        """Samples, float32 of shape (n,), that begin at position ``first``; mastered."""
        if not len(samples):
            return samples
        row = int(np.searchsorted(self._edges, first, side="right")) - 1
        end = int(np.searchsorted(self._edges, first + len(samples)))
        levels = self._levels[row : end + 2]
        louder = samples * self._gain
        if levels.min() < 1.0:
            longer = np.diff(self._edges[row : end + 1]) - self._chunk
            offset = first - self._edges[row]
            louder *= _curve(levels, self._chunk, longer)[offset : offset + len(samples)]
        return louder


def _curve(levels: Samples, chunk: int, longer: Positions) -> Samples:
    """The level of each sample; a chunk that is ``longer`` than others stays so much longer at its middle."""
    curve = _between(levels, chunk).reshape(-1)
    if not longer.any():
        return curve
    middles = np.arange(len(longer)) * chunk + chunk // 2
    return np.insert(curve, np.repeat(middles, longer), np.repeat(levels[1:-1], longer))


def _between(levels: Samples, chunk: int) -> Samples:
    """Straight lines from chunk's middle to chunk's middle, shape (len(levels) - 2, chunk)."""
    half = chunk // 2
    up = ((np.arange(half, dtype=np.float32) + np.float32(0.5)) / np.float32(chunk))[None, :]
    before, here, after = (part[:, None] for part in (levels[:-2], levels[1:-1], levels[2:]))
    middle = (before + here) / 2
    first_half = middle + (here - before) * up
    second_half = here + (after - here) * up
    return np.concatenate((first_half, second_half), axis=1)
