"""The one door to FFmpeg for customers' media. Nothing a file says about itself is believed.

Files are opened with a short list of containers and codecs and no protocol but ``file``; sound is
decoded as a stream, and its length is what was decoded.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import av.error
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from voicereel.domain.errors import StageFailed
from workers.audio.clip import Samples

_DEMUXERS = "wav,mp3,flac,ogg,mov"
_DECODERS = (
    "pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_alaw,pcm_mulaw,mp3,mp3float,flac,vorbis,opus,libopus,aac,alac"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS, "codec_whitelist": _DECODERS}
# a cut smaller than this is not worth refusing a file for; encoders' paddings are smaller too
_TOLERANCE_SECONDS = 0.25
_BLOCK_SAMPLES = 65_536
_OGG_PAGE_MAX_BYTES = 65_307
_MAX_WAV_CHUNKS = 1000
_UNKNOWN_SIZE, _PIPED_SIZE = 0xFFFFFFFF, 0x7FFF0000


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What a file may cost: streams it may have, and seconds of sound that are decoded at most."""

    max_seconds: float = 3600.0
    max_streams: int = 8
    max_channels: int = 8


def decode(path: Path, *, rate: int, limits: DecodeLimits) -> Iterator[Samples]:
    """The first audio stream as mono float32 blocks of shape (n,) at ``rate`` Hz.

    Raises `StageFailed`, with ``measured["seconds"]`` as decoded so far:
    ``not_audio`` (no sound can be had), ``truncated_audio`` (after the last block: the file holds
    less than it declares, or breaks off) and ``audio_too_long``.
    """
    with _opened(path, limits) as (container, stream):
        declared = _declared_seconds(stream)
        decoding = _Decoding(container, stream, limits=limits)
        resampler = soxr.ResampleStream(
            stream.codec_context.sample_rate, rate, 1, dtype="float32", quality="HQ"
        )
        for block in _gathered(decoding.sound()):
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
    seconds = decoding.seconds
    if not seconds:
        raise _not_audio()
    short = declared is not None and declared - seconds > _TOLERANCE_SECONDS
    if short or decoding.broke_off or _is_cut(path):
        raise _truncated(seconds)


class _Decoding:
    """One pass over a stream. ``seconds`` counts decoded samples; ``broke_off``: it ended in an error."""

    def __init__(self, container: InputContainer, stream: AudioStream, *, limits: DecodeLimits) -> None:
        self.samples = 0
        self.broke_off = False
        self._container, self._stream, self._limits = container, stream, limits
        self._rate = stream.codec_context.sample_rate
        self._to_float = av.AudioResampler(format="fltp")

    @property
    def seconds(self) -> float:
        return self.samples / self._rate

    def sound(self) -> Iterator[Samples]:
        """Mono samples at the stream's own rate, a frame at a time."""
        for frame in self._frames():
            if (frame.sample_rate, frame.layout.nb_channels) != (self._rate, self._stream.channels):
                raise _not_audio("The sound changes its format within the file.")
            self.samples += frame.samples
            if self.seconds > self._limits.max_seconds:
                raise _too_long(self.seconds, self._limits.max_seconds)
            for converted in self._to_float.resample(frame):
                # the mean: FFmpeg's own mono is 3 dB louder, and clips
                yield converted.to_ndarray().mean(axis=0)

    def _frames(self) -> Iterator[AudioFrame]:
        """Every frame that can be decoded: a broken packet is stepped over, as players do."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, ValueError):
                self.broke_off = True
                continue
            if frames:
                self.broke_off = False
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))


@contextmanager
def _opened(path: Path, limits: DecodeLimits) -> Iterator[tuple[InputContainer, AudioStream]]:
    try:
        container = av.open(f"file:{path}", mode="r", options=_OPTIONS)
    except (FileNotFoundError, PermissionError):
        raise  # ours to mend, not the customer's
    except (av.error.FFmpegError, ValueError) as error:
        # without its index, which comes last in many files, an MP4 cannot be opened at all
        raise _truncated(0.0) if _is_mp4(path) else _not_audio() from error
    with container:
        if len(container.streams) > limits.max_streams:
            raise _not_audio("The file has too many streams.")
        if not container.streams.audio:
            raise _not_audio("The file has no audio stream.")
        stream = container.streams.audio[0]
        if not stream.codec_context.sample_rate or not 1 <= stream.channels <= limits.max_channels:
            raise _not_audio()
        yield container, stream


def _declared_seconds(stream: AudioStream) -> float | None:
    """What the container claims; None where it does not say."""
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None


def _gathered(frames: Iterator[Samples]) -> Iterator[Samples]:
    """Join short frames: a resampler call costs as much as a thousand samples."""
    held: list[Samples] = []
    count = 0
    for frame in frames:
        held.append(frame)
        count += len(frame)
        if count >= _BLOCK_SAMPLES:
            yield np.concatenate(held)
            held, count = [], 0
    if held:
        yield np.concatenate(held)


def _is_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _is_cut(path: Path) -> bool:
    """Whether a WAV or Ogg file ends too soon: of these FFmpeg believes the file's size, not its header."""
    with path.open("rb") as file:
        form = file.read(4)
        size = file.seek(0, os.SEEK_END)
        if form in (b"RIFF", b"RF64"):
            return _wav_lacks_data(file, size)
        return form == b"OggS" and _ogg_page_lacks_data(file, size)


def _wav_lacks_data(file: BinaryIO, size: int) -> bool:
    """Walk the chunks (4-byte name, 4-byte size, padded to even) to the data, and compare."""
    position, bytes_per_second, big = 12, 0, 0
    for _ in range(_MAX_WAV_CHUNKS):
        file.seek(position)
        if position + 8 > size:
            break
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            length = big if big and length == _UNKNOWN_SIZE else length
            # those who write to a pipe cannot know the length: 0, or as much as fits
            known = 0 < length < _PIPED_SIZE or big > 0
            return known and position + 8 + length - size > _TOLERANCE_SECONDS * bytes_per_second
        body = file.read(16)
        if name == b"fmt ":
            bytes_per_second = int.from_bytes(body[8:12], "little")
        elif name == b"ds64":
            big = int.from_bytes(body[8:16], "little")
        position += 8 + length + length % 2
    return False


def _ogg_page_lacks_data(file: BinaryIO, size: int) -> bool:
    """Whether the last page is cut. A page is 27 bytes, the last of which counts the segment sizes
    that follow, and then its segments (RFC 3533, section 6).
    """
    file.seek(max(0, size - _OGG_PAGE_MAX_BYTES))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _not_audio(detail: str = "The file cannot be read as audio.") -> StageFailed:
    return StageFailed(detail, code="not_audio", measured={"seconds": 0.0})


def _truncated(seconds: float) -> StageFailed:
    return StageFailed(
        "The file breaks off before its end.", code="truncated_audio", measured={"seconds": seconds}
    )


def _too_long(seconds: float, limit: float) -> StageFailed:
    return StageFailed(
        f"The file holds more than {limit:g} seconds of sound.",
        code="audio_too_long",
        measured={"seconds": seconds},
    )
