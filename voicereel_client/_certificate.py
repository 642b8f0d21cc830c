"""A change certificate checked against the WAV files it speaks of: nothing of the service is asked.

WAV alone: its samples lie in the file as they are.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicereel_client._errors import DownloadError

CERTIFICATE = "certificate.json"
REEL = "reel.wav"


@dataclass(frozen=True)
class LineCheck:
    """A line whose take is the one it was. ``claimed``: the certificate says that its delivered samples are
    the same, too; ``identical``: they are.
    """

    line_id: str
    claimed: bool
    identical: bool


@dataclass(frozen=True)
class Wav:
    """The samples of a WAV file as bytes, so many to a frame."""

    rate: int
    frame_bytes: int
    data: memoryview

    def heard(self, take: Mapping[str, Any], start_ms: int) -> bytes:
        """Where a take sounds that begins at ``start_ms``; after the end of the file there is silence."""
        first = (start_ms * self.rate + 500) // 1000 * self.frame_bytes
        # by the take's own length: that of its place in milliseconds is rounded here and there
        size = -(-take["samples"] * self.rate // take["sample_rate"]) * self.frame_bytes
        return bytes(self.data[first : first + size]).ljust(size, b"\0")


def verify(before: Path, after: Path) -> list[LineCheck]:
    """Compare what two downloads of a job have in common, line by line, in order.

    ``after`` is of the revision that followed ``before``'s. Raises DownloadError where a file is not what
    its certificate says, or the two do not follow one another.
    """
    was, now = (_certificate(folder) for folder in (before, after))
    content = (before / CERTIFICATE).read_bytes()
    if (now["previous"] or {}).get("sha256") != hashlib.sha256(content).hexdigest():
        raise _wrong("The certificates do not follow one another.")
    for folder, document in ((before, was), (after, now)):
        _check_reel(folder, document)
    return list(_checks(now, read_wav(before / REEL), read_wav(after / REEL)))


def _certificate(folder: Path) -> Mapping[str, Any]:
    try:
        document = json.loads((folder / CERTIFICATE).read_bytes())
        return {**document, "lines": document["lines"], "previous": document["previous"]}
    except (ValueError, KeyError, TypeError) as error:
        raise _wrong(f"{folder / CERTIFICATE} is no certificate.") from error


def _check_reel(folder: Path, document: Mapping[str, Any]) -> None:
    said = {file["format"]: file["sha256"] for file in document["mastering"]["files"]}
    if said.get("wav") != hashlib.sha256((folder / REEL).read_bytes()).hexdigest():
        raise _wrong(f"{folder / REEL} is not the file that its certificate names.")


def _checks(document: Mapping[str, Any], before: Wav, after: Wav) -> Iterator[LineCheck]:
    for line in document["lines"]:
        was = line["before"]
        if line["same_take"] and was:
            here = after.heard(line["take"], line["start_ms"])
            then = before.heard(line["take"], was["start_ms"])
            yield LineCheck(line["id"], bool(line["same_delivered"]), here == then)


def read_wav(path: Path) -> Wav:
    """A RIFF or RF64 file's format and data."""
    content = memoryview(path.read_bytes())
    if bytes(content[:4]) not in (b"RIFF", b"RF64") or bytes(content[8:12]) != b"WAVE":
        raise _wrong(f"{path} is no WAV file.")
    rate = frame_bytes = 0
    for name, chunk in _chunks(content):
        if name == b"fmt ":
            _, _, rate, _, frame_bytes = struct.unpack_from("<HHIIH", chunk)
        elif name == b"data" and frame_bytes:
            return Wav(rate, frame_bytes, chunk)
    raise _wrong(f"{path} has no samples.")


def _chunks(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 12
    while at + 8 <= len(content):
        name, size = bytes(content[at : at + 4]), struct.unpack_from("<I", content, at + 4)[0]
        # of RF64 the size is elsewhere; the data come last
        size = min(size, len(content) - at - 8)
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _wrong(detail: str) -> DownloadError:
    return DownloadError(detail, code="certificate_mismatch")
