"""Delivery files. Every format decodes to the length that went in, with each sound in its place.

Encoders' delays are written into the files by FFmpeg's muxers (lameenc, for one, writes none: 50 ms
late). The same samples give the same bytes: no dates, no version strings, no random serials.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import av.error
import numpy as np
import soundfile
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet

from workers.audio.broadcast import Bext, pcm, write_wav
from workers.audio.clip import Samples

_WAV_MAX_BYTES = 4_000_000_000
_FEED_SAMPLES = 65_536

# kbit/s by the rate up to which they hold: (one channel, two channels). Two identical channels cost
# a joint-stereo coder little. MPEG-2.5 (to 12 kHz) ends at 64, MPEG-2 (to 24 kHz) at 160.
_MP3_KBPS = {12_000: (32, 48), 16_000: (48, 64), 24_000: (64, 96), 48_000: (96, 128)}
_AAC_KBPS = {12_000: (24, 48), 16_000: (48, 64), 24_000: (64, 96), 48_000: (96, 128)}
_OPUS_KBPS = {12_000: (24, 32), 16_000: (32, 48), 24_000: (40, 64), 48_000: (48, 64)}

# Takes float32 blocks of shape (n,), which are not touched afterwards.
Hear = Callable[[Samples], None]

MPEG_RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lossy:
    container: str
    encoder: str
    decoder: str
    kbps: Mapping[int, tuple[int, int]]
    options: Mapping[str, str] = field(default_factory=dict)
    muxer: Mapping[str, str] = field(default_factory=lambda: {"fflags": "+bitexact"})
    whole_frames: int = 0
    scale: float = 1.0


_LOSSLESS = {"wav": "WAV", "flac": "FLAC"}
_LOSSY = {
    # LAME turns everything below 192 kbit/s down to 0.95 (presets.c), and FFmpeg cannot tell it not to;
    # level 7 is LAME's fastest that keeps its psychoacoustics: twice the speed of the default
    "mp3": _Lossy(
        container="mp3",
        encoder="libmp3lame",
        decoder="mp3float",
        kbps=_MP3_KBPS,
        options={"compression_level": "7"},
        scale=1 / 0.95,
    ),
    "ogg": _Lossy(container="ogg", encoder="libopus", decoder="opus", kbps=_OPUS_KBPS),
    "m4a": _Lossy(
        container="ipod",
        encoder="aac",
        decoder="aac",
        kbps=_AAC_KBPS,
        whole_frames=1024,
        options={"aac_coder": "fast"},
    ),
}
LOSSY = frozenset(_LOSSY)
# a WAV may be a part of a reel that is Opus alone
_WAV_RATES = tuple(sorted({*MPEG_RATES, *OPUS_RATES}))
RATES = {"wav": _WAV_RATES, **dict.fromkeys(("flac", "mp3", "m4a"), MPEG_RATES), "ogg": OPUS_RATES}


def encode(
    path: Path,
    audio_format: str,
    *,
    rate: int,
    channels: int,
    blocks: Iterable[Samples],
    total_samples: int | None = None,
    bit_depth: int = 16,
    bext: Bext | None = None,
    hear: Hear | None = None,
) -> None:
    """Write mono blocks, float32 of shape (n,), as a file of one or two equal channels.

    ``hear`` is given what a player will play, while it is written: blocks of one channel at
    `heard_rate`, each its own; a lossy format's with the moments before and after that players skip.

    Samples beyond full scale are clipped. ``total_samples`` is the length of all blocks: without
    it an m4a may end up to 1,023 samples late, and a WAV is held to 4 GB (with it, RF64). Lossy formats
    have no ``bit_depth``, and none but WAV a ``bext`` chunk.
    """
    if rate not in RATES[audio_format] or channels not in (1, 2):
        raise ValueError(f"no {audio_format} of {channels} channel(s) at {rate} Hz")
    if audio_format in _LOSSLESS:
        heard = _heard(blocks, hear, bit_depth)
        big = audio_format == "wav" and (total_samples or 0) * channels * bit_depth // 8 > _WAV_MAX_BYTES
        if audio_format == "wav" and (bext or bit_depth != 16):
            write_wav(
                path, rate=rate, channels=channels, bit_depth=bit_depth, blocks=heard, big=big, bext=bext
            )
        else:
            kind = "RF64" if big else _LOSSLESS[audio_format]
            _encode_lossless(path, kind, rate=rate, channels=channels, blocks=heard, bit_depth=bit_depth)
    else:
        feed = _feed(_LOSSY[audio_format], blocks, total_samples)
        _encode_lossy(path, _LOSSY[audio_format], rate=rate, channels=channels, feed=feed, hear=hear)


def heard_rate(audio_format: str, rate: int) -> int:
    """The rate that a file is played at: Opus is always decoded at 48 kHz."""
    return 48_000 if audio_format == "ogg" else rate


def encoders() -> dict[str, bool]:
    """Which formats this machine can write."""
    lossless = {name: soundfile.check_format(kind, "PCM_16") for name, kind in _LOSSLESS.items()}
    return lossless | {name: _has_encoder(lossy.encoder) for name, lossy in _LOSSY.items()}


def _has_encoder(name: str) -> bool:
    try:
        av.Codec(name, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _heard(blocks: Iterable[Samples], hear: Hear | None, bit_depth: int) -> Iterator[Samples]:
    """The same blocks; ``hear`` is given what the file will hold of them."""
    for block in blocks:
        if hear:
            hear(block if bit_depth == 32 else np.clip(block, -1.0, 1.0))
        yield block


def _encode_lossless(
    path: Path, kind: str, *, rate: int, channels: int, blocks: Iterable[Samples], bit_depth: int
) -> None:
    with soundfile.SoundFile(path, "w", rate, channels, subtype=f"PCM_{bit_depth}", format=kind) as file:
        for block in blocks:
            # whole numbers: libsndfile itself would cut floats off, not round them
            whole = pcm(block, bit_depth)
            file.write(whole if channels == 1 else np.stack((whole, whole), axis=1))


def _encode_lossy(
    path: Path, lossy: _Lossy, *, rate: int, channels: int, feed: "_Feed", hear: Hear | None
) -> None:
    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(path), "w", format=lossy.container, options=dict(lossy.muxer)) as container:
        stream = container.add_stream(lossy.encoder, rate=rate, layout=layout, options=dict(lossy.options))
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = 1000 * _kbps(lossy, rate)[channels - 1]
        stream.codec_context.flags |= Flags.bitexact
        player = _Player(lossy.decoder, stream, hear) if hear else None
        for frame in _frames(feed, rate=rate, layout=layout, scale=np.float32(lossy.scale)):
            _mux(container, stream.encode(frame), player)
        # LAME may end with a packet of nothing but padding. FFmpeg's muxer notes the padding of the
        # last packet only, so that one packet too many would make the file up to 47 samples long.
        _mux(container, [packet for packet in stream.encode(None) if packet.duration], player)
        if player:
            player.close()


def _mux(
    container: OutputContainer, packets: "Iterable[Packet[AudioStream]]", player: "_Player | None"
) -> None:
    for packet in packets:
        if player:
            player.play(packet)
        container.mux(packet)


class _Player:
    """Decodes packets as they come, and has them heard a second or so at a time."""

    def __init__(self, decoder: str, stream: AudioStream, hear: Hear) -> None:
        context = av.CodecContext.create(decoder, "r")
        assert isinstance(context, AudioCodecContext)
        context.extradata = stream.codec_context.extradata
        context.sample_rate = stream.codec_context.sample_rate
        context.layout = stream.codec_context.layout.name
        self._context, self._hear = context, hear
        self._waiting: list[Samples] = []

    def play(self, packet: "Packet[AudioStream]") -> None:
        self._add(self._context.decode(packet))

    def close(self) -> None:
        self._add(self._context.decode(None))
        self._tell()

    def _add(self, frames: Iterable[AudioFrame]) -> None:
        self._waiting += [np.asarray(frame.to_ndarray()[0], dtype=np.float32) for frame in frames]
        if sum(map(len, self._waiting)) >= _FEED_SAMPLES:
            self._tell()

    def _tell(self) -> None:
        if self._waiting:
            self._hear(np.concatenate(self._waiting))
            self._waiting = []


def _frames(feed: "_Feed", *, rate: int, layout: str, scale: np.float32) -> Iterator[AudioFrame]:
    position = feed.first_position
    channels = 1 if layout == "mono" else 2
    for block in feed.blocks:
        frame = AudioFrame.from_ndarray(np.tile(block * scale, (channels, 1)), "fltp", layout)
        frame.sample_rate, frame.pts = rate, position
        position += len(block)
        yield frame


def _kbps(lossy: _Lossy, rate: int) -> tuple[int, int]:
    return next(kbps for up_to, kbps in lossy.kbps.items() if rate <= up_to)


@dataclass(frozen=True, slots=True)
class _Feed:
    """What an encoder is given: blocks of no great size, the first at ``first_position`` samples."""

    blocks: Iterator[Samples]
    first_position: int = 0


def _feed(lossy: _Lossy, blocks: Iterable[Samples], total_samples: int | None) -> _Feed:
    """The blocks, preceded by silence where the last frame could not be cut short otherwise.

    Players skip what lies before position 0 to the sample (MP4's edit list), but FFmpeg plays an
    AAC file's last frame whole: the silence makes the sound end with that frame.
    """
    lead = -(total_samples or 0) % lossy.whole_frames if lossy.whole_frames else 0
    silence = [np.zeros(lead, np.float32)] if lead else []
    return _Feed(_sized(itertools.chain(silence, blocks)), -lead)


def _sized(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Clipped blocks no larger than the encoder's buffers like, none of them empty."""
    for block in blocks:
        for start in range(0, len(block), _FEED_SAMPLES):
            yield np.clip(block[start : start + _FEED_SAMPLES], -1.0, 1.0)
