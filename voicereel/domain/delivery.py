"""What is delivered beside the reel: how its files are named, and what may be asked for together."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voicereel.domain.errors import FieldError
from voicereel.domain.script import Line, Output

# A stem is as long as its reel: this many are what a storage and an editor's session bear.
MAX_STEMS = 64

_LONGEST_NAME_BYTES = 100
# No file of Windows may be called so, whatever its suffix.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRate:
    """``frames`` in ``seconds``, counted by ``counted`` a second; ``drop``: with numbers left out."""

    frames: int
    seconds: int = 1
    drop: bool = False

    @property
    def counted(self) -> int:
        return -(-self.frames // self.seconds)


FRAME_RATES = {
    "23.976": FrameRate(frames=24_000, seconds=1001),
    "24": FrameRate(frames=24),
    "25": FrameRate(frames=25),
    "29.97": FrameRate(frames=30_000, seconds=1001),
    "29.97df": FrameRate(frames=30_000, seconds=1001, drop=True),
    "30": FrameRate(frames=30),
    "50": FrameRate(frames=50),
    "59.94": FrameRate(frames=60_000, seconds=1001),
    "59.94df": FrameRate(frames=60_000, seconds=1001, drop=True),
    "60": FrameRate(frames=60),
}


def roles_of(lines: Sequence[Line]) -> tuple[str, ...]:
    """Every role that has a line, each once, in order of first use: a stem is made of each."""
    return tuple(dict.fromkeys(line.speaker for line in lines))


def check_output(output: Output, lines: Sequence[Line | None]) -> Iterator[FieldError]:
    """The rules between fields of ``output``; ``None`` stands for a line that is itself broken."""
    yield from _check_wav(output)
    yield from _check_timecode(output)
    roles = len(roles_of([line for line in lines if line is not None]))
    if output.stems and roles > MAX_STEMS:
        detail = f"At most {MAX_STEMS} stems are made of a reel; this script has {roles} roles."
        yield FieldError("/output/stems", "too_many_stems", detail)


def _check_wav(output: Output) -> Iterator[FieldError]:
    has_wav = "wav" in output.formats or output.stems or output.clips
    if output.bit_depth == 32 and "flac" in output.formats:
        detail = "FLAC holds 16 or 24 bits; 32-bit float is for WAV."
        yield FieldError("/output/bit_depth", "bit_depth_not_supported", detail)
    elif output.bit_depth != 16 and not has_wav and "flac" not in output.formats:
        yield _idle("bit_depth", "wav or flac among 'formats', 'stems' or 'clips'")
    if output.bwf and not has_wav:
        yield _idle("bwf", "wav among 'formats', 'stems' or 'clips'")


def _check_timecode(output: Output) -> Iterator[FieldError]:
    rate, start = FRAME_RATES.get(output.fps or ""), output.start_timecode
    if start is not None and not (output.bwf or output.cue_sheets):
        yield _idle("start_timecode", "'bwf' or 'cue_sheets'")
    if start is None:
        if rate and not output.cue_sheets:
            yield _idle("fps", "'cue_sheets' or 'start_timecode'")
    elif rate is None:
        yield FieldError(
            "/output/fps", "missing", "A timecode counts frames: say how many there are a second."
        )
    elif detail := _not_counted(start, rate):
        yield FieldError("/output/start_timecode", "bad_timecode", detail)


def _idle(field: str, wanted: str) -> FieldError:
    return FieldError(f"/output/{field}", "without_effect", f"This does nothing without {wanted}.")


def _not_counted(timecode: str, rate: FrameRate) -> str | None:
    """Why there is no such timecode at this rate; ``timecode`` is ``HH:MM:SS:FF`` or ``HH:MM:SS;FF``."""
    minutes, seconds, frames = (int(part) for part in re.split("[:;]", timecode)[1:])
    if ";" in timecode and not rate.drop:
        return "A semicolon is for drop-frame timecode: ask for 29.97df or 59.94df, or write a colon."
    if frames >= rate.counted:
        return f"At this rate, frames are counted from 00 to {rate.counted - 1}."
    # SMPTE ST 12-1: one number in fifteen of a minute's first second is left out, but for each tenth minute
    if rate.drop and seconds == 0 and minutes % 10 and frames < rate.counted // 15:
        return "Drop-frame timecode leaves this number out."
    return None


def safe_names(names: Sequence[str]) -> tuple[str, ...]:
    """File names without suffix for ``names``: legal on every file system, no two alike on any.

    Letters and digits of all scripts are kept, and dots, hyphens and underscores inside; the rest become
    underscores. Names that differ in case only, or not at all, are told apart by a number.
    """
    taken: set[str] = set()
    return tuple(_untaken(_legal(name), taken) for name in names)


def _legal(name: str) -> str:
    plain = unicodedata.normalize("NFC", name)
    kept = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" or c in "._-" else "_" for c in plain
    )
    cut = kept.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore").rstrip(".")
    # hidden files, options of commands, and devices
    if not cut or cut[0] in ".-" or cut.partition(".")[0].casefold() in _DEVICES:
        return f"_{cut}"
    return cut


def _untaken(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while _folded(candidate) in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(_folded(candidate))
    return candidate


def _folded(name: str) -> str:
    """What two names have in common that a file system may take for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
