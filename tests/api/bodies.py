"""Requests that are in order, to be broken by tests, and what finishes a job without a worker."""

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from werkzeug.test import TestResponse

from voicereel.bootstrap import Services
from voicereel.domain.job import Artifact, Claim, Result, Take
from voicereel.domain.waves import Layout
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


def lexicon(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A lexicon with these entries, or with one."""
    return {"name": "Names", "entries": [*entries] or [{"grapheme": "Ruiz", "alias": "Roo-eeth"}]} | changes


def form(*files: bytes, **changes: Any) -> dict[str, Any]:
    """A multipart form with one recording, or with these."""
    samples = [(io.BytesIO(data), f"take {n}.wav") for n, data in enumerate(files or (WAV,))]
    fields = {"name": "Ana", "language": "en", "consent": json.dumps(CONSENT), "samples": samples}
    return {name: value for name, value in (fields | changes).items() if value is not None}


def source_form(**changes: Any) -> dict[str, Any]:
    """A multipart form that uploads a source."""
    fields = {"name": "Harbour", "file": (io.BytesIO(WAV), "bed.wav")} | changes
    return {name: value for name, value in fields.items() if value is not None}


def finish(services: Services, audio: bytes = AUDIO) -> None:
    """Do the work of every due stage run as the workers would, with ``audio`` as the reel."""
    while claim := services.work.claim("cpu", worker_id="w1"):
        files = tuple(_files(services, claim, audio))
        takes = tuple(_takes(services, claim, files))
        services.work.complete(claim, Result(takes=takes, artifacts=files))


def _takes(services: Services, claim: Claim, files: Sequence[Artifact]) -> Iterator[Take]:
    """Every line is the same eight samples."""
    if claim.stage != "synthesize":
        return
    for record in services.work.lines(claim, first=claim.payload["first"], last=claim.payload["last"]):
        yield Take(
            line_id=record.line.id,
            fingerprint="0" * 64,
            artifact_id=files[0].id,
            offset_samples=0,
            length_samples=8,
            sample_rate=16_000,
            duration_ms=0,
        )


def _files(services: Services, claim: Claim, audio: bytes) -> Iterator[Artifact]:
    if claim.stage == "synthesize":
        layout = Layout(sample_rate=16_000, sample_format="PCM_16", first_byte=0)
        yield _file(services, claim, "takes", "takes.wav", bytes(16), facts=layout.facts)
    if claim.stage != "package":
        return
    if suffix := claim.payload.get("format"):
        facts = {"format": suffix, "duration_ms": 1234, "loudness_lufs": -16.0, "true_peak_dbtp": -1.2}
        yield _file(services, claim, "audio", f"reel.{suffix}", audio, facts=facts, media_type="audio/mpeg")
    if "sheets" in claim.payload:
        yield _file(services, claim, "clips", "clips.zip", b"PK" + audio, facts={"format": "zip"})
        manifest = json.dumps({"clips": [CLIP | {"bytes": len(audio)}]}).encode()
        yield _file(services, claim, "clips_manifest", "clips.json", manifest, facts={"format": "json"})


# The only clip of a job that asked for clips: all of the audio.
CLIP = {
    "line_id": "l1", "role": "ANA", "in_ms": 0, "out_ms": 1, "duration_ms": 1, "in_timecode": None,
    "out_timecode": None, "samples": 1, "file": "clips/l1.wav", "sha256": "0" * 64, "offset": 2,
}  # fmt: skip


def _file(
    services: Services,
    claim: Claim,
    kind: str,
    name: str,
    data: bytes,
    *,
    facts: dict[str, Any],
    media_type: str = "application/octet-stream",
) -> Artifact:
    key = f"{claim.key_prefix}/{name}"
    stored = services.work.store.put_stream(key, io.BytesIO(data), max_bytes=len(data))
    return Artifact(
        id=new_id("art"),
        tenant_id=claim.tenant_id,
        job_id=claim.job_id,
        kind=kind,
        name=name,
        key=key,
        media_type=media_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        facts=facts,
    )
