"""The gain and the limiting that bring a programme to its loudness under its peak limit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.audio.clip import Samples
from workers.audio.envelope import Envelope
from workers.audio.grid import Grid
from workers.audio.limiter import Limiter, reduction_db
from workers.audio.weighting import gated_lufs

# Beyond this, limiting is heard as such: voices lose their weight, and breaths and pauses come up.
MAX_LIMITING_DB = 15.0
USUAL_LIMITING_DB = 9.0
# how much of the sounding time may be limited by more than is usual
_SHARE_BEYOND_USUAL = 0.01
_SOUNDING_DBFS = -50.0
# What gain does while it moves, and another meter's filter, may add this much to a peak. At low rates
# a chunk of milliseconds is few samples: gain moves faster beside the sound.
_SAFETY_DB = 0.2
_SAFETY_LOW_RATE_DB, _LOW_RATE = 0.3, 12_000
_PASSES = 16
_CLOSE_ENOUGH_LU = 0.01
_PART_MS = 100
_PARTS_A_BLOCK = 4
_SILENT_DB = np.float32(-200.0)
# Where a sound lies moves what oversampling makes of it in the last bits. Such a difference must not
# come through to a sample: a peak counts as the next whole step.
_PEAK_STEP_DB = np.float32(0.01)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Master:
    """How a programme is mastered. ``lufs`` is what is expected of it, ``limiting_db`` the most that
    any moment is turned down by; ``limited``: more gain would be needed than may be limited away.
    """

    gain_db: float
    reductions_db: Samples
    lufs: float | None
    limited: bool
    grid: Grid

    @property
    def limiting_db(self) -> float:
        return abs(float(self.reductions_db.min(initial=0.0)))

    def limiter(self) -> Limiter:
        return Limiter(self.reductions_db, gain_db=self.gain_db, grid=self.grid)


def master(envelope: Envelope, *, lufs: float, dbtp: float, channels: int = 1) -> Master:
    """Reach ``lufs`` as a file of ``channels`` equal channels reads, with no peak above ``dbtp``.

    What has no loudness (silence, or less than 0.4 s) keeps its level, below the limit.
    """
    return _mastering(envelope, dbtp=dbtp, channels=channels).reach(lufs)


def master_at(envelope: Envelope, *, gain_db: float, dbtp: float, channels: int = 1) -> Master:
    """As `master`, with a gain that is given, as loud as that makes it."""
    return _mastering(envelope, dbtp=dbtp, channels=channels).at(gain_db)


def _mastering(envelope: Envelope, *, dbtp: float, channels: int) -> "_Mastering":
    safety_db = _SAFETY_LOW_RATE_DB if envelope.rate <= _LOW_RATE else _SAFETY_DB
    return _Mastering(envelope, dbtp=dbtp - safety_db, channels=channels)


class _Mastering:
    """Tries gains on an envelope until one gives the loudness wanted."""

    def __init__(self, envelope: Envelope, *, dbtp: float, channels: int) -> None:
        self._envelope = envelope
        self._dbtp = dbtp
        self._channels_db = 10 * float(np.log10(channels))
        with np.errstate(divide="ignore"):
            peaks_db = np.maximum(20 * np.log10(envelope.peaks), _SILENT_DB)
        self._peaks_db = np.ceil(peaks_db / _PEAK_STEP_DB) * _PEAK_STEP_DB

    def reach(self, lufs: float) -> Master:
        """Gain never overshoots on its way: a decibel of it is a decibel of loudness, or less."""
        loudness = self._lufs(0.0, np.zeros_like(self._peaks_db))
        most_db = self._most_gain_db()
        gain_db = 0.0 if loudness is None else lufs - loudness
        for _ in range(_PASSES):
            gain_db = round(min(gain_db, most_db), 2)
            reductions = self._reductions(gain_db)
            loudness = self._lufs(gain_db, reductions)
            if loudness is None or gain_db >= most_db - 0.005 or lufs - loudness < _CLOSE_ENOUGH_LU:
                break
            gain_db += lufs - loudness
        return Master(
            gain_db=gain_db,
            reductions_db=reductions,
            lufs=loudness,
            limited=loudness is not None and lufs - loudness > 5 * _CLOSE_ENOUGH_LU,
            grid=self._envelope.grid,
        )

    def at(self, gain_db: float) -> Master:
        reductions = self._reductions(gain_db)
        return Master(
            gain_db=gain_db,
            reductions_db=reductions,
            lufs=self._lufs(gain_db, reductions),
            limited=False,
            grid=self._envelope.grid,
        )

    def _reductions(self, gain_db: float) -> Samples:
        chunk_ms = 1000 * self._envelope.grid.chunk / self._envelope.rate
        return reduction_db(self._peaks_db, over_dbtp=self._dbtp - gain_db, chunk_ms=chunk_ms)

    def _most_gain_db(self) -> float:
        """The most gain whose limiting stays within what may be limited."""
        if not len(self._peaks_db):
            return 0.0
        sounding = self._peaks_db[self._peaks_db > self._peaks_db.max() + _SOUNDING_DBFS]
        usual = float(np.quantile(sounding, 1 - _SHARE_BEYOND_USUAL))
        highest = float(sounding.max())
        return self._dbtp + min(MAX_LIMITING_DB - highest, USUAL_LIMITING_DB - usual)

    def _lufs(self, gain_db: float, reductions: Samples) -> float | None:
        """The gated loudness of blocks of 400 ms, one every 100 ms, their edges at whole chunks."""
        powers = self._envelope.powers * 10 ** (reductions / np.float32(10))
        blocks = _block_powers(powers, self._envelope.rate, self._envelope.grid)
        level = 10 ** ((gain_db + self._channels_db) / 10)
        return gated_lufs(blocks * level)


def _block_powers(powers: Samples, rate: int, grid: Grid) -> npt.NDArray[np.float64]:
    """Mean squares of overlapping blocks, shape (blocks,)."""
    part = rate * _PART_MS / 1000
    count = int(grid.edges[-1] / part)
    if count < _PARTS_A_BLOCK:
        return np.zeros(0)
    edges = grid.nearest(np.arange(count + 1) * part)
    sums = np.concatenate(([0.0], np.cumsum(np.add.reduceat(powers, edges[:-1], dtype=np.float64))))
    sums[-1] = sums[-2] + powers[edges[-2] : edges[-1]].sum(dtype=np.float64)
    positions = grid.edges[edges]
    lengths = positions[_PARTS_A_BLOCK:] - positions[:-_PARTS_A_BLOCK]
    return np.asarray((sums[_PARTS_A_BLOCK:] - sums[:-_PARTS_A_BLOCK]) / lengths, dtype=np.float64)
