"""WAV files that libsndfile's binding cannot write: Broadcast Wave, and float without a date in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags

from workers.audio.clip import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Bext:
    """The fields of a Broadcast Wave's ``bext`` chunk (EBU Tech 3285); text beyond ASCII is replaced.

    ``time_reference`` is the first sample's distance from midnight, in samples of the file.
    """

    description: str
    originator: str
    originator_reference: str
    date: str
    time: str
    time_reference: int

    def at(self, sample: int) -> "Bext":
        """The same of a file that begins ``sample`` samples later."""
        return Bext(
            description=self.description,
            originator=self.originator,
            originator_reference=self.originator_reference,
            date=self.date,
            time=self.time,
            time_reference=self.time_reference + sample,
        )

    def tags(self) -> dict[str, str]:
        """As FFmpeg's muxer wants them; it cuts what is longer than its field."""
        tags = {
            "description": self.description,
            "originator": self.originator,
            "originator_reference": self.originator_reference,
            "origination_date": self.date,
            "origination_time": self.time,
        }
        plain = {name: text.encode("ascii", "replace").decode() for name, text in tags.items()}
        return plain | {"time_reference": str(self.time_reference)}


# by bit depth: FFmpeg's encoder, and the samples it takes
_CODINGS = {16: ("pcm_s16le", "s16"), 24: ("pcm_s24le", "s32"), 32: ("pcm_f32le", "flt")}


def pcm(block: Samples, bit_depth: int) -> npt.NDArray[Any]:
    """Samples as a file of 16 or 24 bits holds them: rounded, clipped at full scale; 32 bits are float.

    Those of 24 bits are in the high bits of int32.
    """
    if bit_depth == 32:
        return block
    full_scale = 1 << (bit_depth - 1)
    whole = np.clip(np.rint(block.astype(np.float64) * full_scale), -full_scale, full_scale - 1)
    return whole.astype(np.int16) if bit_depth == 16 else whole.astype(np.int32) << 8


def write_wav(
    path: Path,
    *,
    rate: int,
    channels: int,
    bit_depth: int,
    blocks: Iterable[Samples],
    big: bool = False,
    bext: Bext | None = None,
) -> None:
    """Write mono blocks, float32 of shape (n,), as a WAV of equal channels; 32 bits are float.

    Whole numbers are clipped at full scale, floats are not. ``big``: as RF64 (EBU Tech 3306).
    """
    codec, sample_format = _CODINGS[bit_depth]
    layout = "mono" if channels == 1 else "stereo"
    options = {
        "fflags": "+bitexact",
        "rf64": "always" if big else "never",
        "write_bext": str(int(bool(bext))),
    }
    with av.open(str(path), "w", format="wav", options=options) as container:
        container.metadata.update(bext.tags() if bext else _NO_TAGS)
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.codec_context.flags |= Flags.bitexact
        position = 0
        for block in blocks:
            packed = np.repeat(pcm(block, bit_depth), channels).reshape(1, -1)
            frame = AudioFrame.from_ndarray(packed, sample_format, layout)
            frame.sample_rate, frame.pts = rate, position
            position += len(block)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


_NO_TAGS: Mapping[str, str] = {}
