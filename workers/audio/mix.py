"""Takes summed into one programme, a block at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from workers.audio.clip import Clip, Samples

DEFAULT_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class PlacedTake:
    """A take that sounds from ``start_sample``. ``read`` gives its samples, float32 of shape (n,),
    at the programme's rate; it is called once, when the mix gets there.
    """

    start_sample: int
    read: Callable[[], Samples]


def mix_blocks(
    placed: Iterable[PlacedTake], *, total_samples: int, block: int = DEFAULT_BLOCK
) -> Iterator[Samples]:
    """The sum of all takes as blocks of ``block`` samples (the last may be shorter).

    Takes come in order of their start, or ``ValueError``. Only takes that sound in the current
    block are held; what would sound after ``total_samples`` is dropped.
    """
    waiting = _Waiting(placed)
    sounding: list[tuple[int, Samples]] = []
    for start in range(0, total_samples, block):
        end = min(start + block, total_samples)
        sounding += waiting.until(end)
        mixed = np.zeros(end - start, np.float32)
        for first, samples in sounding:
            _add(mixed, samples, offset=first - start)
        sounding = [(first, samples) for first, samples in sounding if first + len(samples) > end]
        yield mixed


class _Waiting:
    """Takes not reached yet."""

    def __init__(self, placed: Iterable[PlacedTake]) -> None:
        self._takes = iter(placed)
        self._next = next(self._takes, None)
        self._last_start = 0

    def until(self, end: int) -> Iterator[tuple[int, Samples]]:
        """Read every take that starts before ``end``."""
        while self._next is not None and self._next.start_sample < end:
            take, self._next = self._next, next(self._takes, None)
            if take.start_sample < self._last_start:
                raise ValueError("takes must come in order of their start, from 0")
            self._last_start = take.start_sample
            yield take.start_sample, take.read()


def _add(mixed: Samples, samples: Samples, *, offset: int) -> None:
    """Add what of ``samples``, placed at ``offset`` of ``mixed``, lies inside it."""
    first, last = max(offset, 0), min(offset + len(samples), len(mixed))
    if first < last:
        mixed[first:last] += samples[first - offset : last - offset]


def resample(clip: Clip, rate: int) -> Clip:
    """The clip at another rate."""
    if rate == clip.rate:
        return clip
    return Clip(soxr.resample(clip.samples, clip.rate, rate, quality="HQ"), rate)
