"""WAV files around samples that are there already: only a header is made, no sample is read or changed."""

import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Literal

SampleFormat = Literal["PCM_16", "FLOAT"]

# WAVE_FORMAT_PCM and WAVE_FORMAT_IEEE_FLOAT, and bytes a sample.
_CODINGS: Mapping[SampleFormat, tuple[int, int]] = {"PCM_16": (1, 2), "FLOAT": (3, 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How mono samples lie in a file: one after another, little endian, from ``first_byte`` on."""

    sample_rate: int
    sample_format: SampleFormat
    first_byte: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Layout | None":
        """From what `facts` made; None of files from before it was noted."""
        return cls(**facts) if "first_byte" in facts else None

    @property
    def facts(self) -> dict[str, Any]:
        return asdict(self)

    def place(self, first: int, samples: int) -> tuple[int, int]:
        """Offset and length in bytes of so many samples from the one at index ``first``."""
        width = _CODINGS[self.sample_format][1]
        return self.first_byte + first * width, samples * width

    def header(self, samples: int) -> bytes:
        """What makes a WAV file of so many samples when it is put before them."""
        tag, width = _CODINGS[self.sample_format]
        layout = struct.pack("<HHIIHH", tag, 1, self.sample_rate, self.sample_rate * width, width, 8 * width)
        chunks = _chunk(b"fmt ", layout)
        if tag != 1:  # what is not PCM says that it has no extension, and how many samples there are
            chunks = _chunk(b"fmt ", layout + b"\0\0") + _chunk(b"fact", struct.pack("<I", samples))
        data = struct.pack("<4sI", b"data", samples * width)
        size = len(b"WAVE") + len(chunks) + len(data) + samples * width
        return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + chunks + data


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body


def first_byte_of(file: BinaryIO) -> int:
    """Where the samples of a WAV or RF64 file begin; `ValueError` where it has none."""
    position = len(b"RIFF....WAVE")
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            raise ValueError("the file has no samples")
        name, size = struct.unpack("<4sI", head)
        position += 8
        if name == b"data":
            return position
        position += size + size % 2
