"""What a whole programme is like, in few numbers: the peak and the power of each short chunk.

A chunk is a millisecond or so. From these figures, 80 times fewer than samples, mastering works out
gain and limiting for any target without hearing the sound again.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soxr

from workers.audio.clip import Samples
from workers.audio.weighting import KWeighting

_OVERSAMPLING = 4


def chunk_samples(rate: int) -> int:
    """The length of a chunk: 1 to 2 ms, a power of two."""
    return 64 if rate >= 32_000 else 32 if rate >= 16_000 else 16


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Envelope:
    """``peaks``: the largest magnitude in and between each chunk's samples, as a ratio of full scale;
    ``powers``: the sum of its K-weighted samples' squares. Both float32 of shape (chunks,).
    """

    rate: int
    peaks: Samples
    powers: Samples

    @property
    def chunk(self) -> int:
        return chunk_samples(self.rate)

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, np.stack((self.peaks, self.powers)))

    @classmethod
    def load(cls, path: Path, *, rate: int) -> "Envelope":
        peaks, powers = np.load(path)
        return cls(rate=rate, peaks=peaks, powers=powers)


class EnvelopeMeter:
    """Takes blocks as they are made, and measures them off the caller's thread.

    A context manager: its threads end with it.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._parts: tuple[_Peaks, _Powers] = (_Peaks(rate), _Powers(rate))
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
        self._pending = tuple(self._pool.submit(part.add, samples) for part in self._parts)

    def result(self) -> Envelope:
        """The figures of all that was added; nothing can be added after."""
        self._settle()
        peaks, powers = (part.result() for part in self._parts)
        return Envelope(rate=self._rate, peaks=peaks, powers=powers)

    def _settle(self) -> None:
        for future in self._pending:
            future.result()


class _Chunks:
    """Cuts a stream into rows of ``length``; the last one is filled up with silence."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._rest = np.zeros(0, np.float32)

    def rows(self, samples: Samples, *, last: bool = False) -> Samples:
        """The rows that are complete now, shape (k, length)."""
        joined = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        if last:
            joined = np.concatenate((joined, np.zeros(-len(joined) % self._length, np.float32)))
        whole = len(joined) // self._length * self._length
        self._rest = joined[whole:].copy()
        return joined[:whole].reshape(-1, self._length)


class _Peaks:
    """Four times oversampled, as BS.1770 asks in its annex 2; the samples themselves count too."""

    def __init__(self, rate: int) -> None:
        chunk = chunk_samples(rate)
        self._sampled, self._between = _Chunks(chunk), _Chunks(chunk * _OVERSAMPLING)
        self._stream = soxr.ResampleStream(rate, rate * _OVERSAMPLING, 1, dtype="float32", quality="HQ")
        self._at_samples: list[Samples] = []
        self._at_all: list[Samples] = []

    def add(self, samples: Samples) -> None:
        self._at_samples.append(_magnitudes(self._sampled.rows(samples)))
        self._at_all.append(_magnitudes(self._between.rows(self._stream.resample_chunk(samples))))

    def result(self) -> Samples:
        self._at_samples.append(_magnitudes(self._sampled.rows(_NOTHING, last=True)))
        rest = self._stream.resample_chunk(_NOTHING, last=True)
        self._at_all.append(_magnitudes(self._between.rows(rest, last=True)))
        sampled, between = _joined(self._at_samples), _joined(self._at_all)
        np.maximum(sampled, between[: len(sampled)], out=sampled)
        return sampled


class _Powers:
    def __init__(self, rate: int) -> None:
        self._weighting = KWeighting(rate)
        self._chunks = _Chunks(chunk_samples(rate))
        self._powers: list[Samples] = []

    def add(self, samples: Samples) -> None:
        self._powers.append(_squares(self._chunks.rows(self._weighting.weighted(samples))))

    def result(self) -> Samples:
        self._powers.append(_squares(self._chunks.rows(_NOTHING, last=True)))
        return _joined(self._powers)


_NOTHING = np.zeros(0, np.float32)


def _magnitudes(rows: Samples) -> Samples:
    highest, lowest = rows.max(axis=1, initial=0.0), rows.min(axis=1, initial=0.0)
    return np.asarray(np.maximum(highest, -lowest), dtype=np.float32)


def _squares(rows: Samples) -> Samples:
    return np.asarray((rows * rows).sum(axis=1, dtype=np.float32), dtype=np.float32)


def _joined(parts: Iterable[Samples]) -> Samples:
    return np.concatenate([_NOTHING, *parts])
