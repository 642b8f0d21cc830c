"""Identifiers: a prefix that says what it is, and a ULID that sorts by time of creation."""

from ulid import ULID


def new_id(prefix: str) -> str:
    return f"{prefix}_{ULID()}"
