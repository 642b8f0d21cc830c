"""Loudness (ITU-R BS.1770, EBU R128) and true peak, metered as sound streams by.

Loudness is FFmpeg's ``ebur128``; the peak is read from four-fold and more oversampled sound, as
BS.1770 describes in its annex 2. The two run side by side, off the caller's thread.
"""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType

import av
import av.error
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.filter import Graph

from workers.audio.clip import Samples

# what the filter reports before its first 400 ms block, and when every block is below the gate
_NOTHING_LUFS = -70.0
_INTEGRATED = "lavfi.r128.I"
# BS.1770 asks for four times 48 kHz; lower rates are brought as high
_OVERSAMPLED_HZ = 192_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """None where there is nothing to measure: silence, or less than 0.4 s for the loudness."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None


class Meter:
    """Meters mono blocks as a file of ``channels`` equal channels would be; memory stays flat.

    A context manager: its threads end with it.
    """

    def __init__(self, rate: int, channels: int = 1) -> None:
        # equal channels add their power
        self._channels_db = 10 * math.log10(channels)
        self._loudness = _Loudness(rate)
        self._peak = _TruePeak(rate)
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="meter")
        self._pending: tuple[Future[None], ...] = ()

    def __enter__(self) -> "Meter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def add(self, samples: Samples) -> None:
        """Meter float32 samples of shape (n,), which must not change afterwards.

        Returns while they are still being metered; the next call waits for that.
        """
        self._settle()
        self._pending = tuple(self._pool.submit(part.add, samples) for part in (self._loudness, self._peak))

    def result(self) -> Loudness:
        """The figures of all that was added; nothing can be added after."""
        self._settle()
        integrated, peak = self._loudness.integrated_lufs(), self._peak.result()
        return Loudness(
            integrated_lufs=None if integrated is None else integrated + self._channels_db,
            true_peak_dbtp=20 * math.log10(peak) if peak > 0 else None,
        )

    def _settle(self) -> None:
        for future in self._pending:
            future.result()


class _Loudness:
    """FFmpeg's meter: it annotates every tenth of a second with the figures of all before it."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._position = 0
        self._frame: AudioFrame | None = None
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate)
        )
        meter = self._graph.add("ebur128", "metadata=1:framelog=quiet")
        source.link_to(meter)
        meter.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def add(self, samples: Samples) -> None:
        if not len(samples):
            return
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "flt", "mono")
        frame.sample_rate, frame.pts = self._rate, self._position
        self._position += len(samples)
        self._graph.push(frame)
        while (metered := self._pull()) is not None:
            self._frame = metered

    def integrated_lufs(self) -> float | None:
        value = self._frame.metadata.get(_INTEGRATED) if self._frame else None
        return None if value is None or float(value) <= _NOTHING_LUFS else float(value)

    def _pull(self) -> AudioFrame | None:
        try:
            frame = self._graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return None
        assert isinstance(frame, AudioFrame)
        return frame


class _TruePeak:
    """The largest magnitude between the samples, as a ratio of full scale."""

    def __init__(self, rate: int) -> None:
        oversampled = rate * max(4, -(-_OVERSAMPLED_HZ // rate))
        self._stream = soxr.ResampleStream(rate, oversampled, 1, dtype="float32", quality="HQ")
        self._peak = 0.0

    def add(self, samples: Samples) -> None:
        # the samples themselves count too: a resampler's filter may pass just below one of them
        for heard in (samples, self._stream.resample_chunk(samples)):
            self._raise_to(heard)

    def result(self) -> float:
        self._raise_to(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        return self._peak

    def _raise_to(self, samples: Samples) -> None:
        if len(samples):
            self._peak = max(self._peak, float(samples.max()), -float(samples.min()))
