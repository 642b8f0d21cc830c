"""Moments as customers write them: RFC 3339."""

import re
from datetime import UTC, datetime

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_moment(text: str) -> datetime:
    """A moment in UTC; `ValueError` for anything else, and for moments no UTC year can hold."""
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError("not a moment of RFC 3339")
    try:
        return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the years 1 to 9999") from None
