"""K-weighting (ITU-R BS.1770-4, annex 1): sound as loudness hears it, filtered by FFmpeg."""

import math
from fractions import Fraction

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph

from workers.audio.clip import Samples

Powers = npt.NDArray[np.float64]

# LUFS of a mean square of one
OFFSET_LUFS = -0.691
# no block below counts as loudness
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
# Added to what is filtered, with alternating sign, at -300 dB: in a pause, filters would go on with
# denormal numbers, which cost a processor many times as much.
_RIPPLE = 1e-15


class KWeighting:
    """Filters a stream; what is given in one piece or many comes out alike, without delay."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._position = 0
        self._graph = Graph()
        last = self._graph.add_abuffer(
            sample_rate=rate, format="fltp", layout="mono", time_base=Fraction(1, rate)
        )
        for options in (_shelf(rate), _highpass(rate)):
            biquad = self._graph.add("biquad", options)
            last.link_to(biquad)
            last = biquad
        last.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def weighted(self, samples: Samples) -> Samples:
        """The next samples, float32 of shape (n,), weighted."""
        if not len(samples):
            return samples
        ripple = np.full(len(samples), _RIPPLE, np.float32)
        ripple[(self._position + 1) % 2 :: 2] *= -1
        frame = AudioFrame.from_ndarray((samples + ripple).reshape(1, -1), "fltp", "mono")
        frame.sample_rate, frame.pts = self._rate, self._position
        self._position += len(samples)
        self._graph.push(frame)
        parts = [frame.to_ndarray()[0] for frame in iter(self._pull, None)]
        return np.concatenate(parts, dtype=np.float32)

    def _pull(self) -> AudioFrame | None:
        try:
            frame = self._graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return None
        assert isinstance(frame, AudioFrame)
        return frame


# The standard gives coefficients for 48 kHz alone. These are the analogue filters behind them, as
# libebur128 (and FFmpeg's meter) work them out for any rate.
def _shelf(rate: int) -> str:
    """The head: +4 dB above 1.7 kHz."""
    k, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    b = (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    return _biquad(b, (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k))


def _highpass(rate: int) -> str:
    """The ear's deafness below 38 Hz. The standard leaves its numerator as it is: 1, -2, 1."""
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a = (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)
    return _biquad((a[0], -2 * a[0], a[0]), a)


def _biquad(b: tuple[float, float, float], a: tuple[float, float, float]) -> str:
    values = {**{f"b{i}": x / a[0] for i, x in enumerate(b)}, **{f"a{i}": x / a[0] for i, x in enumerate(a)}}
    return ":".join([*(f"{name}={value!r}" for name, value in values.items()), "precision=f64"])


def lufs(mean_square: float) -> float:
    """The loudness of K-weighted sound of this mean square, above 0."""
    return OFFSET_LUFS + 10 * math.log10(mean_square)


def gated_lufs(powers: Powers) -> float | None:
    """The integrated loudness of blocks of these mean squares, shape (n,); None if all is silence."""
    gate = 10 ** ((ABSOLUTE_GATE_LUFS - OFFSET_LUFS) / 10)
    heard = powers[powers > gate]
    if not len(heard):
        return None
    relative = heard.mean() * 10 ** (RELATIVE_GATE_LU / 10)
    return lufs(float(heard[heard > relative].mean()))
