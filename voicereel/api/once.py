"""Idempotency keys: what makes one POST the same as another."""

import hashlib

from voicereel.api.binding import Call
from voicereel.services.idempotency import Once


def once(call: Call, content: bytes) -> Once | None:
    """``content`` stands for the whole request; None when the client sent no key."""
    key = call.values["Idempotency-Key"]
    if key is None:
        return None
    ids = [call.values[name] for name in ("job_id", "speaker_id") if name in call.values]
    return Once(
        route="/".join((call.operation, *ids)), key=key, request_sha256=hashlib.sha256(content).hexdigest()
    )
