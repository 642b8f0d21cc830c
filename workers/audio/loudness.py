"""Loudness (ITU-R BS.1770, EBU R128) and true peak, metered by FFmpeg's ``ebur128`` as sound streams by."""

import math
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from workers.audio.clip import Samples

# what the filter reports before its first 400 ms block, and when every block is below the gate
_NOTHING_LUFS = -70.0
_FEED_SAMPLES = 65_536
_INTEGRATED, _TRUE_PEAK = "lavfi.r128.I", "lavfi.r128.true_peak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """None where there is nothing to measure: silence, or less than 0.4 s for the loudness."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None


class Meter:
    """Meters mono blocks as a file of ``channels`` equal channels would be; memory stays flat.

    Without ``true_peak`` it is two to three times as fast, and the peak is that of the samples.
    """

    def __init__(self, rate: int, channels: int = 1, *, true_peak: bool = True) -> None:
        self._rate = rate
        # equal channels add their power
        self._channels_db = 10 * math.log10(channels)
        self._position = 0
        self._sample_peak = 0.0
        self._frame: AudioFrame | None = None
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate)
        )
        meter = self._graph.add(
            "ebur128", f"metadata=1:framelog=quiet:peak={'true' if true_peak else 'none'}"
        )
        source.link_to(meter)
        meter.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def add(self, samples: Samples) -> None:
        """Meter float32 samples of shape (n,)."""
        for start in range(0, len(samples), _FEED_SAMPLES):
            block = samples[start : start + _FEED_SAMPLES]
            self._sample_peak = max(self._sample_peak, float(block.max()), -float(block.min()))
            self._push(block)

    def result(self) -> Loudness:
        """The figures of all that was added; nothing can be added after."""
        integrated = self._reported(_INTEGRATED)
        # the filter looks at whole tenths of a second: silence completes the last for its peak
        self._push(np.zeros(self._rate // 5, np.float32))
        peak = max(self._reported(_TRUE_PEAK) or 0.0, self._sample_peak)
        heard = integrated is not None and integrated > _NOTHING_LUFS
        return Loudness(
            integrated_lufs=integrated + self._channels_db if integrated is not None and heard else None,
            true_peak_dbtp=20 * math.log10(peak) if peak > 0 else None,
        )

    def _push(self, block: Samples) -> None:
        frame = AudioFrame.from_ndarray(block.reshape(1, -1), "flt", "mono")
        frame.sample_rate, frame.pts = self._rate, self._position
        self._position += len(block)
        self._graph.push(frame)
        while (metered := self._pull()) is not None:
            self._frame = metered

    def _pull(self) -> AudioFrame | None:
        try:
            frame = self._graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return None
        assert isinstance(frame, AudioFrame)
        return frame

    def _reported(self, key: str) -> float | None:
        """A figure as of the last frame: each carries those of everything before it."""
        value = self._frame.metadata.get(key) if self._frame else None
        return None if value is None else float(value)


def static_gain_db(measured: Loudness, target_lufs: float, true_peak_dbtp: float) -> tuple[float, bool]:
    """One gain that reaches the target, and whether the peak limit held it back.

    What has no loudness keeps its level, below the limit.
    """
    loudness, peak = measured.integrated_lufs, measured.true_peak_dbtp
    wanted = 0.0 if loudness is None else target_lufs - loudness
    allowed = math.inf if peak is None else true_peak_dbtp - peak
    return min(wanted, allowed), wanted > allowed
