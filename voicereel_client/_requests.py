"""What the requests of all endpoints have in common."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timezone
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import quote

from voicereel_client._flow import Part, Request
from voicereel_client._models import JobRecord

PAGE_SIZE = 100
WAIT_S = 600.0

Moment: TypeAlias = "datetime | str"
Cost: TypeAlias = "Decimal | str | int"


def path_to(collection: str, member: str, *rest: str) -> str:
    if not member:
        raise ValueError("An id cannot be empty.")
    return "/".join(("v1", collection, *(quote(part, safe="") for part in (member, *rest))))


def post(path: str, *, key: str | None = None, body: object = None, parts: Iterable[Part] = ()) -> Request:
    """Every POST carries a key, so that a retry cannot do the work twice."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return Request("POST", path, headers=headers, json=body, parts=tuple(parts))


def query_of(**given: object) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if value is not None}


def id_of(job: JobRecord | str) -> str:
    return job if isinstance(job, str) else job.id


def moment(value: Moment) -> str:
    """A datetime without a zone is local time."""
    if isinstance(value, str):
        return value
    return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cost_text(value: Cost) -> str:
    """An amount as the service reads it: never with an exponent."""
    return value if isinstance(value, str) else f"{value:f}"
