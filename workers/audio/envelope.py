"""What a whole programme is like, in few numbers: the peak and the power of each short chunk.

From these figures, 80 times fewer than samples, mastering works out gain and limiting for any target
without hearing the sound again.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soxr

from workers.audio.clip import Samples
from workers.audio.grid import Grid, chunk_samples, restarts, row_starts
from workers.audio.weighting import KWeighting

_OVERSAMPLING = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Envelope:
    """``peaks``: the largest magnitude in and between each chunk's samples, as a ratio of full scale;
    ``powers``: the sum of its K-weighted samples' squares. Both float32 of shape (chunks,).
    """

    rate: int
    peaks: Samples
    powers: Samples
    grid: Grid

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, np.stack((self.peaks, self.powers, self.grid.lengths.astype(np.float32))))

    @classmethod
    def load(cls, path: Path, *, rate: int) -> "Envelope":
        chunk = chunk_samples(rate)
        peaks, powers, *stored = np.load(path)
        # A worker that did not restart its grid stored no lengths: while a service is brought up to date
        # its mixes are about.
        lengths = stored[0] if stored else np.full(len(peaks), chunk)
        return cls(rate=rate, peaks=peaks, powers=powers, grid=Grid.of(lengths, chunk=chunk))


class EnvelopeMeter:
    """Takes blocks as they are made, and measures them off the caller's thread. The chunks begin anew at
    each of ``starts``, which are sorted.

    A context manager: its threads end with it.
    """

    def __init__(self, rate: int, starts: Iterable[int] = ()) -> None:
        self._rate, self._total = rate, 0
        self._restarts = restarts(starts, rate=rate)
        self._parts = (_Peaks(rate, self._restarts), _Powers(rate, self._restarts))
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="envelope")
        self._pending: tuple[Future[None], ...] = ()

    def __enter__(self) -> "EnvelopeMeter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def add(self, samples: Samples) -> None:
        """Measure float32 samples of shape (n,), which must not change afterwards."""
        self._settle()
        self._total += len(samples)
        self._pending = tuple(self._pool.submit(part.add, samples) for part in self._parts)

    def result(self) -> Envelope:
        """The figures of all that was added; nothing can be added after."""
        self._settle()
        grid = Grid.restarting(self._total, rate=self._rate, starts=self._restarts)
        rows = row_starts(self._total, rate=self._rate, starts=self._restarts)
        peaks, powers = (part.result() for part in self._parts)
        if len(rows):
            whole = np.searchsorted(rows, grid.edges[:-1])
            peaks, powers = np.maximum.reduceat(peaks, whole), np.add.reduceat(powers, whole)
        return Envelope(rate=self._rate, peaks=peaks, powers=powers, grid=grid)

    def _settle(self) -> None:
        for future in self._pending:
            future.result()


class _Rows:
    """Cuts a stream into rows of ``length``, anew from each restart; the row before one, and the last,
    are filled up with silence.
    """

    def __init__(self, length: int, restarts: Iterable[int]) -> None:
        self._length = length
        self._restarts = deque(restarts)
        self._position = 0
        self._rest = np.zeros(0, np.float32)

    def of(self, samples: Samples, *, last: bool = False) -> Iterator[Samples]:
        """The rows that are complete now, arrays of shape (k, length)."""
        end = self._position + len(samples)
        while self._restarts and self._restarts[0] <= end:
            restart = self._restarts.popleft()
            yield self._cut(samples[: restart - self._position], last=True)
            samples, self._position = samples[restart - self._position :], restart
        self._position = end
        yield self._cut(samples, last=last)

    def _cut(self, samples: Samples, *, last: bool) -> Samples:
        joined = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        if last:
            joined = np.concatenate((joined, np.zeros(-len(joined) % self._length, np.float32)))
        whole = len(joined) // self._length * self._length
        self._rest = joined[whole:].copy()
        return joined[:whole].reshape(-1, self._length)


class _Peaks:
    """Four times oversampled, as BS.1770 asks in its annex 2; the samples themselves count too."""

    def __init__(self, rate: int, restarts: Iterable[int]) -> None:
        chunk = chunk_samples(rate)
        self._sampled = _Rows(chunk, restarts)
        self._between = _Rows(chunk * _OVERSAMPLING, (start * _OVERSAMPLING for start in restarts))
        # VHQ reckons in doubles: what HQ makes of a sound depends, in its last bits, on where the sound lies
        self._stream = soxr.ResampleStream(rate, rate * _OVERSAMPLING, 1, dtype="float32", quality="VHQ")
        self._at_samples: list[Samples] = []
        self._at_all: list[Samples] = []

    def add(self, samples: Samples, *, last: bool = False) -> None:
        self._at_samples += map(_magnitudes, self._sampled.of(samples, last=last))
        oversampled = self._stream.resample_chunk(samples, last=last)
        self._at_all += map(_magnitudes, self._between.of(oversampled, last=last))

    def result(self) -> Samples:
        self.add(_NOTHING, last=True)
        sampled, between = _joined(self._at_samples), _joined(self._at_all)
        np.maximum(sampled, between[: len(sampled)], out=sampled)
        return sampled


class _Powers:
    def __init__(self, rate: int, restarts: Iterable[int]) -> None:
        self._weighting = KWeighting(rate)
        self._rows = _Rows(chunk_samples(rate), restarts)
        self._powers: list[Samples] = []

    def add(self, samples: Samples) -> None:
        self._powers += map(_squares, self._rows.of(self._weighting.weighted(samples)))

    def result(self) -> Samples:
        self._powers += map(_squares, self._rows.of(_NOTHING, last=True))
        return _joined(self._powers)


_NOTHING = np.zeros(0, np.float32)


def _magnitudes(rows: Samples) -> Samples:
    highest, lowest = rows.max(axis=1, initial=0.0), rows.min(axis=1, initial=0.0)
    return np.asarray(np.maximum(highest, -lowest), dtype=np.float32)


def _squares(rows: Samples) -> Samples:
    return np.asarray((rows * rows).sum(axis=1, dtype=np.float32), dtype=np.float32)


def _joined(parts: Iterable[Samples]) -> Samples:
    return np.concatenate([_NOTHING, *parts])
