"""Moments as customers write them: RFC 3339."""

import re
from datetime import UTC, datetime

_FIRST_YEAR = 1000

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_moment(text: str) -> datetime:
    """A moment in UTC; `ValueError` for anything else, and out of the years 1000 to 9999.

    Earlier years are typing errors, and some clocks write them with fewer digits than they read.
    """
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError("not a moment of RFC 3339")
    try:
        moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the years that can be written") from None
    if moment.year < _FIRST_YEAR:
        raise ValueError("before the first year that is taken")
    return moment
