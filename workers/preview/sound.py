"""What a page holds of a reel's sound: a small file to play, and the shapes of its waveforms."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from voicereel.domain.reel import samples
from workers.audio.clip import Samples
from workers.audio.encode import encode
from workers.preview.peaks import PeakMeter, bucket_ms_for

# AAC because its files say where every frame sounds. After a seek in an MP3 file Chromium is 20 to
# 50 ms away from where it says it is: enough to highlight the wrong word. At this rate 64 kbit/s.
AUDIO_FORMAT, AUDIO_TYPE = "m4a", "audio/mp4"
AUDIO_RATE = 24_000

# The whole reel is drawn on one strip of the window; lines are looked at closely.
_REEL_PEAKS = 4_000
_LINE_PEAKS = 48_000


@dataclass(frozen=True, slots=True)
class Peaks:
    """Pairs of signed bytes (low, high), one pair every ``bucket_ms``."""

    bucket_ms: int
    data: bytes


def write_sound(path: Path | None, blocks: Iterable[Samples], *, rate: int, duration_ms: int) -> Peaks:
    """One pass over the mastered reel: its waveform, and if there is a ``path`` the file to play."""
    bucket_ms = bucket_ms_for(duration_ms, most=_REEL_PEAKS)
    meter = PeakMeter(rate, duration_ms=duration_ms, bucket_ms=bucket_ms)
    watched = _watched(meter, blocks)
    if path is None:
        for _ in watched:
            pass
    else:
        encode(
            path,
            AUDIO_FORMAT,
            rate=AUDIO_RATE,
            channels=1,
            blocks=_resampled(watched, rate),
            total_samples=samples(duration_ms, AUDIO_RATE),
        )
    return Peaks(bucket_ms, meter.data())


def _watched(meter: PeakMeter, blocks: Iterable[Samples]) -> Iterator[Samples]:
    for block in blocks:
        meter.add(block)
        yield block


def _resampled(blocks: Iterable[Samples], rate: int) -> Iterator[Samples]:
    if rate == AUDIO_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, AUDIO_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


class LinePeaks:
    """The waveform of each line's take, from its first sample on.

    All have stretches of one length, so chosen that ``total_ms`` of takes make a page of no great size.
    """

    def __init__(self, total_ms: int) -> None:
        self.bucket_ms = bucket_ms_for(total_ms, most=_LINE_PEAKS)
        self.data: list[bytes] = []

    def add(self, sound: Samples, rate: int) -> None:
        """The next line's take, float32 of shape (n,); of shape (0,) where it makes no sound."""
        duration_ms = -(-len(sound) * 1000 // rate)
        meter = PeakMeter(rate, duration_ms=duration_ms, bucket_ms=self.bucket_ms)
        meter.add(sound)
        self.data.append(meter.data() if duration_ms else b"")
