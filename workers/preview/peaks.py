"""How a waveform is drawn: the lowest and highest sample of each short stretch, as bytes."""

import numpy as np
import numpy.typing as npt

from workers.audio.clip import Samples

_FULL_SCALE = 127


class PeakMeter:
    """Lowest and highest samples of stretches of ``bucket_ms``, fed block by block.

    A stretch begins at its exact sample, counted from zero, so that none drifts at rates that
    ``bucket_ms`` does not divide. Samples after ``duration_ms`` count to the last stretch.
    """

    def __init__(self, rate: int, *, duration_ms: int, bucket_ms: int) -> None:
        count = max(1, -(-duration_ms // bucket_ms))
        self._edges = -(-np.arange(count, dtype=np.int64) * bucket_ms * rate // 1000)
        self._low = np.zeros(count, np.float32)
        self._high = np.zeros(count, np.float32)
        self._position = 0

    def add(self, block: Samples) -> None:
        """The next samples, float32 of shape (n,)."""
        if not len(block):
            return
        end = self._position + len(block)
        first = int(np.searchsorted(self._edges, self._position, side="right")) - 1
        last = int(np.searchsorted(self._edges, end, side="left"))
        starts = np.maximum(self._edges[first:last] - self._position, 0)
        here = slice(first, last)
        self._low[here] = np.minimum(self._low[here], np.minimum.reduceat(block, starts))
        self._high[here] = np.maximum(self._high[here], np.maximum.reduceat(block, starts))
        self._position = end

    def data(self) -> bytes:
        """A pair of signed bytes a stretch, low and high; full scale is ±127."""
        pairs: npt.NDArray[np.float32] = np.stack((self._low, self._high), axis=1)
        return np.rint(np.clip(pairs, -1.0, 1.0) * _FULL_SCALE).astype(np.int8).tobytes()


def bucket_ms_for(total_ms: int, *, most: int, shortest_ms: int = 10) -> int:
    """How long a stretch is so that ``total_ms`` needs no more than ``most`` of them."""
    return max(shortest_ms, -(-total_ms // most))
