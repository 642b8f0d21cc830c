"""Identifiers: a prefix that says what it is, and a ULID that sorts by time of creation."""

import random
import time

from ulid import ULID


def new_id(prefix: str) -> str:
    """Ids are no secrets: their 80 random bits need not come from the system at each call.

    Python seeds its generator anew in a forked process, so no two processes give the same.
    """
    now_ms = time.time_ns() // 1_000_000
    return f"{prefix}_{ULID.from_bytes(now_ms.to_bytes(6, 'big') + random.randbytes(10))}"  # noqa: S311
