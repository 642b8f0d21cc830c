"""Recordings as parts of a request, from paths or open files, that can be sent more than once."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from voicereel_client._flow import Opener, Part

Sample: TypeAlias = "str | os.PathLike[str] | BinaryIO"

_AUDIO_TYPES = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
}


def sample_parts(samples: Sample | Iterable[Sample], *, field: str = "samples") -> list[Part]:
    return [_sample(sample, number, field) for number, sample in enumerate(_each(samples), 1)]


def _each(samples: Sample | Iterable[Sample]) -> Iterable[Sample]:
    """A single one is meant as such, although a path has letters and a file has lines."""
    if isinstance(samples, (str, os.PathLike)):
        return [samples]
    return [cast(BinaryIO, samples)] if hasattr(samples, "read") else samples


def _sample(sample: Sample, number: int, field: str) -> Part:
    if isinstance(sample, (str, os.PathLike)):
        path = Path(sample)
        return _audio(field, path.name, lambda: path.open("rb"))
    name = Path(str(getattr(sample, "name", f"sample-{number}"))).name
    return _audio(field, name, _reopened(sample))


def _audio(field: str, name: str, opener: Opener) -> Part:
    content_type = _AUDIO_TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
    return Part(field, opener, filename=name, content_type=content_type)


def _reopened(stream: BinaryIO) -> Opener:
    """Always from its beginning, wherever it stands, and never closed; a pipe is held in memory."""
    if not stream.seekable():
        content = stream.read()
        return lambda: io.BytesIO(content)

    def wound_back() -> AbstractContextManager[BinaryIO]:
        stream.seek(0)
        return nullcontext(stream)

    return wound_back
