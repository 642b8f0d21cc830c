"""What makes a take the same as one made before: everything its samples depend on, hashed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def take_fingerprint(
    *,
    engine: str,
    engine_version: str,
    voice: Mapping[str, Any],
    text: str,
    language: str,
    speed: float,
    pitch_st: float,
    style: str | None,
    seed: int,
) -> str:
    """A SHA-256 in hex. Gain, pauses and position are not part of it: they belong to the mix."""
    facts = [engine, engine_version, voice, text, language, speed, pitch_st, style, seed]
    canonical = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
