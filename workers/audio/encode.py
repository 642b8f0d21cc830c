"""Delivery files. Every format decodes to the length that went in, with each sound in its place.

Encoders' delays are written into the files by FFmpeg's muxers (lameenc, for one, writes none: 50 ms
late). The same samples give the same bytes: no dates, no version strings, no random serials.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import av.error
import numpy as np
import soundfile
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags

from workers.audio.clip import Samples

_WAV_MAX_BYTES = 4_000_000_000
_FEED_SAMPLES = 65_536
_PCM_16_BYTES = 2

# kbit/s by the rate up to which they hold: (one channel, two channels). Two identical channels cost
# a joint-stereo coder little. MPEG-2.5 (to 12 kHz) ends at 64, MPEG-2 (to 24 kHz) at 160.
_MP3_KBPS = {12_000: (32, 48), 16_000: (48, 64), 24_000: (64, 96), 48_000: (96, 128)}
_AAC_KBPS = {12_000: (24, 48), 16_000: (48, 64), 24_000: (64, 96), 48_000: (96, 128)}
_OPUS_KBPS = {12_000: (24, 32), 16_000: (32, 48), 24_000: (40, 64), 48_000: (48, 64)}

MPEG_RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lossy:
    container: str
    encoder: str
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
        kbps=_MP3_KBPS,
        options={"compression_level": "7"},
        scale=1 / 0.95,
    ),
    "ogg": _Lossy(container="ogg", encoder="libopus", kbps=_OPUS_KBPS),
    "m4a": _Lossy(
        container="ipod", encoder="aac", kbps=_AAC_KBPS, whole_frames=1024, options={"aac_coder": "fast"}
    ),
}
RATES = {**dict.fromkeys(("wav", "flac", "mp3", "m4a"), MPEG_RATES), "ogg": OPUS_RATES}


def encode(
    path: Path,
    audio_format: str,
    *,
    rate: int,
    channels: int,
    blocks: Iterable[Samples],
    total_samples: int | None = None,
) -> None:
    """Write mono blocks, float32 of shape (n,), as a file of one or two equal channels.

    Samples beyond full scale are clipped. ``total_samples`` is the length of all blocks: without
    it an m4a may end up to 1,023 samples late, and a WAV is held to 4 GB (with it, RF64).
    """
    if rate not in RATES[audio_format] or channels not in (1, 2):
        raise ValueError(f"no {audio_format} of {channels} channel(s) at {rate} Hz")
    if audio_format in _LOSSLESS:
        _encode_lossless(
            path, audio_format, rate=rate, channels=channels, blocks=blocks, total_samples=total_samples
        )
    else:
        feed = _feed(_LOSSY[audio_format], blocks, total_samples)
        _encode_lossy(path, _LOSSY[audio_format], rate=rate, channels=channels, feed=feed)


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


def _encode_lossless(
    path: Path,
    audio_format: str,
    *,
    rate: int,
    channels: int,
    blocks: Iterable[Samples],
    total_samples: int | None,
) -> None:
    big = audio_format == "wav" and (total_samples or 0) * channels * _PCM_16_BYTES > _WAV_MAX_BYTES
    kind = "RF64" if big else _LOSSLESS[audio_format]
    with soundfile.SoundFile(path, "w", rate, channels, subtype="PCM_16", format=kind) as file:
        for block in blocks:
            clipped = np.clip(block, -1.0, 1.0)
            file.write(clipped if channels == 1 else np.stack((clipped, clipped), axis=1))


def _encode_lossy(path: Path, lossy: _Lossy, *, rate: int, channels: int, feed: "_Feed") -> None:
    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(path), "w", format=lossy.container, options=dict(lossy.muxer)) as container:
        stream = container.add_stream(lossy.encoder, rate=rate, layout=layout, options=dict(lossy.options))
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = 1000 * _kbps(lossy, rate)[channels - 1]
        stream.codec_context.flags |= Flags.bitexact
        for frame in _frames(feed, rate=rate, layout=layout, scale=np.float32(lossy.scale)):
            container.mux(stream.encode(frame))
        # LAME may end with a packet of nothing but padding. FFmpeg's muxer notes the padding of the
        # last packet only, so that one packet too many would make the file up to 47 samples long.
        container.mux([packet for packet in stream.encode(None) if packet.duration])


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
