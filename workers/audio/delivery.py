"""A programme as a delivery file: mastered while it is encoded, and measured as it is played.

A lossy coder moves peaks, and may take a little loudness. Some room is left for that from the start;
what is then heard decides whether the file stands, or is made again with the figures corrected.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from workers.audio.broadcast import Bext
from workers.audio.clip import Samples
from workers.audio.encode import encode, heard_rate
from workers.audio.envelope import Envelope
from workers.audio.limiter import Limiter
from workers.audio.loudness import Loudness, Meter
from workers.audio.mastering import Master, master, master_at

TOLERANCE_LU = 0.2

_BLOCK = 65_536
_ENCODINGS = 5
# a file this near its target is not made again: meters differ by some hundredths
_GOOD_LU = 0.15
_STEP_DB = 0.05
# what is limited as far as may be keeps a gain this near: then it is limited by so much more, at most
_GOOD_GAIN_DB = 0.5


@dataclass(frozen=True, slots=True)
class _Allowance:
    """What a coder is expected to do: raise the peaks by so much, take so much loudness of one
    channel. Measured over voices, rates and targets by benchmarks/quality/loudness.py; a low rate
    of bits a second raises peaks most.
    """

    peak_db: float = 0.0
    mono_lu: float = 0.0


_ALLOWANCES = {
    "mp3": _Allowance(peak_db=0.6),
    "m4a": _Allowance(peak_db=0.4),
    "ogg": _Allowance(peak_db=0.7, mono_lu=0.25),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a file is to be: its integrated loudness, the peak it may not pass, equal channels; and, of
    formats that have them, its bit depth and ``bext`` chunk.
    """

    lufs: float
    dbtp: float
    channels: int = 1
    bit_depth: int = 16
    bext: Bext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """How an earlier version of the same programme was mastered; see `Delivered`."""

    gain_db: float
    mastered_to: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a file is: measured on what a player plays. ``limiting_db`` is the most that a moment was
    turned down by; ``limited``: the loudness would have needed more of that than is done.
    ``mastered_to`` are the loudness and peak that `master` was asked for in the end. ``pinned``: the gain
    is that of the version before.
    """

    heard: Loudness
    gain_db: float
    limiting_db: float
    limited: bool
    encodings: int
    mastered_to: tuple[float, float]
    pinned: bool = False


def deliver(
    path: Path,
    audio_format: str,
    *,
    mix: Path,
    envelope: Envelope,
    wanted: Wanted,
    progress: Callable[[float], None],
    pin: Pin | None = None,
) -> Delivered:
    """Write ``mix``, a mono file of floats that ``envelope`` is of, as a file to be handed out.

    With a ``pin`` it has that gain again, if it is then within the tolerance of what is wanted; or, where
    that would need more limiting than is done, of what can be had.
    """
    if pin is not None:
        made = _pinned(path, audio_format, mix, envelope, wanted, progress, pin)
        if made is not None:
            return made
    allowance = _ALLOWANCES.get(audio_format, _Allowance())
    lufs = wanted.lufs + (allowance.mono_lu if wanted.channels == 1 else 0.0)
    dbtp = wanted.dbtp - allowance.peak_db
    encodings, done = 0, False
    while not done:
        encodings += 1
        how = master(envelope, lufs=lufs, dbtp=dbtp, channels=wanted.channels)
        mastered_to = (lufs, dbtp)
        heard = _encode(path, audio_format, mix, how.limiter(), wanted, progress)
        over_db, short_lu = _over(heard, wanted), _short(heard, wanted, how)
        done = encodings == _ENCODINGS or (over_db <= 0 and abs(short_lu) <= _GOOD_LU)
        if over_db > 0:
            dbtp -= over_db + _STEP_DB
        lufs += short_lu
    return Delivered(
        heard=heard,
        gain_db=how.gain_db,
        limiting_db=round(how.limiting_db, 2),
        limited=how.limited and _missing(heard, wanted) > TOLERANCE_LU,
        encodings=encodings,
        mastered_to=mastered_to,
    )


def _pinned(
    path: Path,
    audio_format: str,
    mix: Path,
    envelope: Envelope,
    wanted: Wanted,
    progress: Callable[[float], None],
    pin: Pin,
) -> Delivered | None:
    """The file with the gain it had; None where that is not good enough any more."""
    lufs, dbtp = pin.mastered_to
    how = master_at(envelope, gain_db=pin.gain_db, dbtp=dbtp, channels=wanted.channels)
    anew = master(envelope, lufs=lufs, dbtp=dbtp, channels=wanted.channels)
    if not _is_near(how, anew):
        return None
    heard = _encode(path, audio_format, mix, how.limiter(), wanted, progress)
    if _over(heard, wanted) > 0 or abs(_short(heard, wanted, anew)) > TOLERANCE_LU:
        return None
    return Delivered(
        heard=heard,
        gain_db=how.gain_db,
        limiting_db=round(how.limiting_db, 2),
        limited=anew.limited and _missing(heard, wanted) > TOLERANCE_LU,
        encodings=1,
        mastered_to=pin.mastered_to,
        pinned=True,
    )


def _is_near(how: Master, anew: Master) -> bool:
    """Where peaks and not loudness decide on the gain, it may not have moved much itself: the rest of a
    greater one would be limited away.
    """
    if anew.limited:
        return abs(anew.gain_db - how.gain_db) <= _GOOD_GAIN_DB
    return how.lufs is None or anew.lufs is None or abs(anew.lufs - how.lufs) <= TOLERANCE_LU


def _over(heard: Loudness, wanted: Wanted) -> float:
    return -1.0 if heard.true_peak_dbtp is None else heard.true_peak_dbtp - wanted.dbtp


def _short(heard: Loudness, wanted: Wanted, how: Master) -> float:
    """By how much to ask for more: nothing where no more can be had."""
    missing = _missing(heard, wanted)
    return 0.0 if how.limited and missing > 0 else missing


def _missing(heard: Loudness, wanted: Wanted) -> float:
    return 0.0 if heard.integrated_lufs is None else wanted.lufs - heard.integrated_lufs


def _encode(
    path: Path,
    audio_format: str,
    mix: Path,
    limiter: Limiter,
    wanted: Wanted,
    progress: Callable[[float], None],
) -> Loudness:
    with soundfile.SoundFile(mix) as source:
        rate = source.samplerate
        with Meter(heard_rate(audio_format, rate), wanted.channels) as meter:
            encode(
                path,
                audio_format,
                rate=rate,
                channels=wanted.channels,
                blocks=_mastered(source, limiter, progress),
                total_samples=source.frames,
                bit_depth=wanted.bit_depth,
                bext=wanted.bext,
                hear=meter.add,
            )
            return meter.result()


def _mastered(
    source: soundfile.SoundFile, limiter: Limiter, progress: Callable[[float], None]
) -> Iterator[Samples]:
    first, total = 0, max(source.frames, 1)
    while len(block := source.read(_BLOCK, dtype="float32")):
        yield limiter.apply(block, first=first)
        first += len(block)
        progress(first / total)
