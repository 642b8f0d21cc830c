"""Times and numbers as people write them in tables and rows."""

from __future__ import annotations

import re

PAUSE = "pause"
_UNITS = {
    "ms": 1,
    "msec": 1,
    "s": 1000,
    "sec": 1000,
    "second": 1000,
    "seconds": 1000,
    "m": 60_000,
    "min": 60_000,
}
_AMOUNT = re.compile(r"(\d{1,9})(?:[.,](\d{1,6}))?\s*([a-z]*)", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,6}))?")
_NUMBER = re.compile(r"[-+]?(?:\d{1,20}(?:[.,]\d{0,40})?|[.,]\d{1,40})(?:e[-+]?\d{1,3})?", re.IGNORECASE)
_MINUS = str.maketrans({"\u2212": "-", "\u2012": "-", "\u2013": "-"})


def milliseconds(text: str, *, bare: str | None) -> int | None:
    """``500ms``, ``1.5 s``, ``00:01:02.500``, a number in units of ``bare``; None if it is none."""
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock:
        return _of_clock(clock)
    amount = _AMOUNT.fullmatch(text)
    if not amount:
        return None
    unit = _UNITS.get((amount[3] or bare or "").lower())
    if unit is None:
        return 0 if amount[0].strip("0.,") == "" and amount[0] else None
    return round(float(f"{amount[1]}.{amount[2] or 0}") * unit)


def _of_clock(clock: re.Match[str]) -> int | None:
    hours, minutes, seconds = (int(clock[which] or 0) for which in (1, 2, 3))
    if seconds > 59 or (clock[1] and minutes > 59):
        return None
    fraction = clock[4] or "0"
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + round(float(f"0.{fraction}") * 1000)


def number(text: str) -> float | int | None:
    """With a point or a comma; a whole number is an ``int``."""
    text = text.strip().translate(_MINUS)
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return int(text) if text.lstrip("+-").isdecimal() else value


def pause_text(pause_ms: int) -> str:
    return f"{pause_ms}ms"


def clock_text(position_ms: int) -> str:
    """``00:01:02.500``"""
    seconds, milliseconds_ = divmod(position_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds_:03}"
