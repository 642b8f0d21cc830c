"""A meter that shares no code with ours: FFmpeg's ebur128 with its own oversampling, on a decoded file."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph


@dataclass(frozen=True)
class Reading:
    lufs: float
    dbtp: float


def read_file(path: Path) -> Reading:
    """What a file is to a player: all channels, decoded by FFmpeg."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate, layout = stream.codec_context.sample_rate, stream.codec_context.layout.name
        to_float = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        parts = [f.to_ndarray() for frame in container.decode(stream) for f in to_float.resample(frame)]
    return read_samples(np.concatenate(parts, axis=1), rate, layout=layout)


def read_samples(channels: np.ndarray, rate: int, *, layout: str = "mono") -> Reading:
    """``channels``: float32 of shape (channels, n)."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))
    meter = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
    source.link_to(meter)
    meter.link_to(graph.add("abuffersink"))
    graph.configure()
    # the meter reports whole tenths of a second: silence pushes the last one out
    padded = np.pad(channels, ((0, 0), (0, rate // 5))).astype(np.float32)
    frame = AudioFrame.from_ndarray(padded, "fltp", layout)
    frame.sample_rate, frame.pts = rate, 0
    graph.push(frame)
    last = None
    while (pulled := _pull(graph)) is not None:
        last = pulled
    assert last is not None
    peaks = [float(last.metadata[f"lavfi.r128.true_peaks_ch{n}"]) for n in range(len(channels))]
    return Reading(float(last.metadata["lavfi.r128.I"]), 20 * math.log10(max(*peaks, 1e-9)))


def _pull(graph: Graph) -> AudioFrame | None:
    try:
        return graph.pull()
    except (av.error.BlockingIOError, av.error.EOFError):
        return None
