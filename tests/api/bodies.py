"""Requests that are in order, to be broken by tests, and what finishes a job without a worker."""

import io
import json
from collections.abc import Iterator
from typing import Any

from werkzeug.test import TestResponse

from voicereel.bootstrap import Services
from voicereel.domain.job import Artifact, Claim, Result, Take
from voicereel.services.ids import new_id

JSON = "application/json"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(64)
AUDIO = bytes(range(256)) * 40

Pointers = dict[str, str]

CONSENT: dict[str, Any] = {
    "subject": "Ana Ruiz",
    "attested_by": "legal@example.com",
    "attested_at": "2026-11-01T10:00:00Z",
}


def pointers(reply: TestResponse) -> Pointers:
    """Where the errors of a problem are, and their codes."""
    return {error["pointer"]: error["code"] for error in reply.json["errors"]}


def script(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "cast": {"ANA": "stock:fake/ana", "BEN": {"speaker": "stock:fake/ben", "speed": 1.05}},
        "lines": [line(), line(speaker="BEN", text="Hear what?", overlap_ms=120)],
    }
    return body | changes


def line(**changes: Any) -> dict[str, Any]:
    return {"speaker": "ANA", "text": "Did you hear that?"} | changes


def form(*files: bytes, **changes: Any) -> dict[str, Any]:
    """A multipart form with one recording, or with these."""
    samples = [(io.BytesIO(data), f"take {n}.wav") for n, data in enumerate(files or (WAV,))]
    fields = {"name": "Ana", "language": "en", "consent": json.dumps(CONSENT), "samples": samples}
    return {name: value for name, value in (fields | changes).items() if value is not None}


def finish(services: Services, audio: bytes = AUDIO) -> None:
    """Do the work of every due stage run as the workers would, with ``audio`` as the reel."""
    while claim := services.work.claim("cpu", worker_id="w1"):
        services.work.complete(
            claim,
            Result(takes=tuple(_takes(services, claim)), artifacts=tuple(_files(services, claim, audio))),
        )


def _takes(services: Services, claim: Claim) -> Iterator[Take]:
    if claim.stage != "synthesize":
        return
    for record in services.work.lines(claim, first=claim.payload["first"], last=claim.payload["last"]):
        yield Take(
            line_id=record.line.id,
            fingerprint="0" * 64,
            artifact_id="",
            offset_samples=0,
            length_samples=0,
            sample_rate=16_000,
            duration_ms=0,
        )


def _files(services: Services, claim: Claim, audio: bytes) -> Iterator[Artifact]:
    if claim.stage != "package" or "format" not in claim.payload:
        return
    suffix = claim.payload["format"]
    key = f"{claim.key_prefix}/reel.{suffix}"
    stored = services.work.store.put_stream(key, io.BytesIO(audio), max_bytes=len(audio))
    yield Artifact(
        id=new_id("art"),
        tenant_id=claim.tenant_id,
        job_id=claim.job_id,
        kind="audio",
        name=f"reel.{suffix}",
        key=key,
        media_type="audio/mpeg",
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        facts={"format": suffix, "duration_ms": 1234, "loudness_lufs": -16.0, "true_peak_dbtp": -1.2},
    )
