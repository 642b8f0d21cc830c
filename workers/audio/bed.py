"""Music or ambience under a script: faded, looped if asked, and ducked from the known times of lines.

No detector listens: where a line is, and how loud bed and line are there, decide how far the bed
gives way. The gain over time is a plain function, so a mix less its voices is the ducked bed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from voicereel.domain.reel import samples
from voicereel.domain.script import Bed, Duck
from workers.audio.clip import Samples
from workers.audio.weighting import KWeighting, lufs

MAX_DEPTH_DB = 12.0
# a shorter hole between two lines is not filled with music that comes and goes
MERGE_MS = 600
SEAM_MS = 10
_PART_MS = 100
_SILENT = 1e-12

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Where a line sounds in the reel, and how loud it is there; None where that is not known."""

    start_ms: int
    end_ms: int
    line_lufs: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The bed is down by ``depth_db`` in ``[first, last)`` of the reel's samples, and on its way
    there and back for as long as the ramps take.
    """

    first: int
    last: int
    depth_db: float


class BedLevels:
    """How loud a bed is, by tenths of a second: learned from one pass over it."""

    def __init__(self, rate: int) -> None:
        self.length = 0
        self._part = rate * _PART_MS // 1000
        self._weighting = KWeighting(rate)
        self._rest = np.zeros(0, np.float32)
        self._powers: list[float] = []

    def add(self, block: Samples) -> None:
        self.length += len(block)
        joined = np.concatenate((self._rest, self._weighting.weighted(block)))
        whole = len(joined) // self._part * self._part
        rows = joined[:whole].reshape(-1, self._part).astype(np.float64)
        self._powers += (rows**2).mean(axis=1).tolist()
        self._rest = joined[whole:]

    def lufs(self, first: int, last: int) -> float | None:
        """The loudness of samples ``[first, last)``, in whole tenths around them; None in silence."""
        powers = self._powers[first // self._part : max(-(-last // self._part), first // self._part + 1)]
        mean = sum(powers) / len(powers) if powers else 0.0
        return lufs(mean) if mean > _SILENT else None


class PlacedBed:
    """A bed as it is in the reel, from its first sample: ``open_source`` gives mono blocks at ``rate``."""

    def __init__(
        self, bed: Bed, open_source: Callable[[], Iterator[Samples]], *, rate: int, total_samples: int
    ) -> None:
        self._bed, self._open = bed, open_source
        self._rate, self._total = rate, total_samples
        levels = BedLevels(rate)
        for block in self._sound():
            levels.add(block)
        self._levels = levels
        self.length = levels.length

    def blocks(self, spoken: Sequence[Spoken], *, block: int) -> Iterator[Samples]:
        """Blocks of ``block`` samples, as long as the reel: silence follows what ends early."""
        ducking = Ducking(self.windows(spoken), self._bed.duck, self._rate)
        position = 0
        for sound in _sized(chain(self._sound(), self._silence()), block, self._total):
            gains = ducking.gains(position, len(sound))
            gains *= self._fades(position, len(sound))
            yield (sound * gains).astype(np.float32)
            position += len(sound)

    def windows(self, spoken: Sequence[Spoken]) -> tuple[Window, ...]:
        """Where the bed is down and how far: D = bed - (line - target), between 0 and 12 dB."""
        rate = self._rate
        found = [
            Window(
                first=samples(line.start_ms, rate),
                last=samples(line.end_ms, rate),
                depth_db=self._depth(line),
            )
            for line in sorted(spoken, key=lambda line: line.start_ms)
            if line.end_ms > line.start_ms
        ]
        return merged([window for window in found if window.depth_db > 0], hole=samples(MERGE_MS, rate))

    def _depth(self, line: Spoken) -> float:
        duck = self._bed.duck
        if duck.depth_db is not None:
            return duck.depth_db
        bed_lufs = self._levels.lufs(samples(line.start_ms, self._rate), samples(line.end_ms, self._rate))
        return depth_db(duck, bed_lufs=bed_lufs, line_lufs=line.line_lufs)

    def _sound(self) -> Iterator[Samples]:
        """The source from its offset, at the bed's level, again and again if so asked, for the reel."""
        gain = np.float32(10 ** (self._bed.gain_db / 20))
        left = self._total
        seam = samples(SEAM_MS, self._rate) if self._bed.loop else 0
        while left:
            made = 0
            for block in _soft_edges(_skipped(self._open(), self._offset), seam):
                part = block[: left - made] * gain
                made += len(part)
                yield part
                if made == left:
                    return
            if not (self._bed.loop and made):
                return
            left -= made

    @property
    def _offset(self) -> int:
        return samples(self._bed.offset_ms, self._rate)

    def _silence(self) -> Iterator[Samples]:
        nothing = np.zeros(65_536, np.float32)
        while True:
            yield nothing

    def _fades(self, position: int, count: int) -> Curve:
        at = np.arange(position, position + count, dtype=np.float64)
        fade_in, fade_out = (samples(ms, self._rate) for ms in (self._bed.fade_in_ms, self._bed.fade_out_ms))
        gains = np.ones(count)
        if fade_in:
            gains *= _raised_cosine((at + 0.5) / fade_in)
        if fade_out:
            gains *= _raised_cosine((self.length - at - 0.5) / fade_out)
        return gains


def depth_db(duck: Duck, *, bed_lufs: float | None, line_lufs: float | None) -> float:
    """How far a bed of this loudness gives way to a line, for the line to stand out as asked."""
    if bed_lufs is None or line_lufs is None:
        return 0.0
    return min(max(bed_lufs - (line_lufs - duck.target_snr_db), 0.0), MAX_DEPTH_DB)


def merged(windows: Sequence[Window], *, hole: int) -> tuple[Window, ...]:
    """Windows in order, and the holes between them that are too short to come up in, filled by the
    shallower of their neighbours.
    """
    result: list[Window] = []
    latest: Window | None = None
    for window in windows:
        if latest is not None and 0 < window.first - latest.last < hole:
            shallower = min(latest.depth_db, window.depth_db)
            result.append(Window(first=latest.last, last=window.first, depth_db=shallower))
        result.append(window)
        if latest is None or window.last > latest.last:
            latest = window
    return tuple(result)


class Ducking:
    """The gain that windows make, at any position: where they meet, the deeper counts."""

    def __init__(self, windows: Sequence[Window], duck: Duck, rate: int) -> None:
        self._windows = windows
        self._attack, self._release = samples(duck.attack_ms, rate), samples(duck.release_ms, rate)
        self._begins = np.array([window.first - self._attack for window in windows], dtype=np.int64)
        self._ends = np.array([window.last + self._release for window in windows], dtype=np.int64)

    def gains(self, first: int, count: int) -> Curve:
        """Of each of ``count`` samples from ``first`` on, shape (count,)."""
        deepest = np.zeros(count)
        at = np.arange(first, first + count, dtype=np.float64) + 0.5
        for index in np.flatnonzero((self._begins < first + count) & (self._ends > first)).tolist():
            begin, end = max(self._begins[index] - first, 0), min(self._ends[index] - first, count)
            depth = self._depth(self._windows[index], at[begin:end])
            np.maximum(deepest[begin:end], depth, out=deepest[begin:end])
        return np.asarray(10 ** (-deepest / 20), dtype=np.float64)

    def _depth(self, window: Window, at: Curve) -> Curve:
        down = _raised_cosine((at - window.first + self._attack) / max(self._attack, 1))
        up = _raised_cosine((window.last + self._release - at) / max(self._release, 1))
        return window.depth_db * down * up


def _raised_cosine(share: Curve) -> Curve:
    """From 0 at 0 to 1 at 1, shape as given; flat outside."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0)), dtype=np.float64)


def _skipped(blocks: Iterator[Samples], count: int) -> Iterator[Samples]:
    for block in blocks:
        kept = block[min(count, len(block)) :]
        count -= len(block) - len(kept)
        if len(kept):
            yield kept


def _soft_edges(blocks: Iterator[Samples], seam: int) -> Iterator[Samples]:
    """One turn of a loop: its first and last ``seam`` samples fade, so that no turn begins with a click."""
    if not seam:
        yield from blocks
        return
    rise = _raised_cosine((np.arange(seam) + 0.5) / seam).astype(np.float32)
    held, is_first = np.zeros(0, np.float32), True
    for block in blocks:
        held = np.concatenate((held, block))
        if len(held) <= 2 * seam:
            continue
        if is_first:
            held[:seam] *= rise
            is_first = False
        yield held[:-seam]
        held = held[-seam:].copy()
    if not is_first:
        held *= rise[::-1]
    yield held


def _sized(blocks: Iterator[Samples], size: int, total: int) -> Iterator[Samples]:
    """The first ``total`` samples in blocks of ``size``."""
    waiting: list[Samples] = []
    held = 0
    for block in blocks:
        waiting.append(block)
        held += len(block)
        while total and held >= min(size, total):
            joined = np.concatenate(waiting)
            count = min(size, total)
            yield joined[:count]
            waiting, held, total = [joined[count:]], held - count, total - count
        if not total:
            return
