"""One file a line, out of the archive they come in. What the archive and its manifest say is checked."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from voicereel_client._errors import DownloadError

ARCHIVE = "clips.zip"
MANIFEST = "clips.json"
BLOCK_BYTES = 1 << 20

_NAME = re.compile(r"clips/[A-Za-z0-9_][A-Za-z0-9._-]*\.wav")
# of a role: letters of any script, and nothing that leads to another folder or hides
_STEM = re.compile(r"[^\W.-][\w.-]*\.wav")


@dataclass(frozen=True)
class ClipEntry:
    """A line's file as the manifest names it; ``name`` is below the folder of the download."""

    name: str
    sha256: str
    size: int


def stem_name(name: str) -> str:
    """The service chooses it, so that it must not lead out of the folder."""
    if not _STEM.fullmatch(_without_marks(name)):
        raise DownloadError("The service gave a stem a name that is no file name.", code="bad_format")
    return f"stems/{name}"


def _without_marks(name: str) -> str:
    """Vowel signs and the like belong to names, but no pattern of Python's knows them."""
    return "".join("_" if c.isprintable() and ord(c) > 0x7F else c for c in name)


def entries(manifest: Path) -> list[ClipEntry]:
    """The files that a manifest lists."""
    try:
        clips = json.loads(manifest.read_bytes())["clips"]
        found = [ClipEntry(clip["file"], clip["sha256"], clip["bytes"]) for clip in clips if clip["file"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _wrong(MANIFEST) from error
    if not all(_NAME.fullmatch(str(entry.name)) for entry in found):
        raise DownloadError("The service gave a clip a name that is no file name.", code="bad_format")
    return found


def are_there(clips: list[ClipEntry], directory: Path) -> bool:
    return all(_is_there(clip, directory / clip.name) for clip in clips)


def _is_there(clip: ClipEntry, path: Path) -> bool:
    if not path.is_file() or path.stat().st_size != clip.size:
        return False
    with path.open("rb") as stream:
        return _sha256(stream) == clip.sha256


def unpack(archive: Path, clips: list[ClipEntry], directory: Path) -> None:
    """Write each clip, checked, and remove the archive."""
    try:
        with zipfile.ZipFile(archive) as opened:
            for clip in clips:
                _unpack_one(opened, clip, directory / clip.name)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        archive.unlink(missing_ok=True)
        raise _wrong(ARCHIVE) from error
    archive.unlink()


def _unpack_one(archive: zipfile.ZipFile, clip: ClipEntry, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(clip.name) as stream, part.open("wb") as target:
        for block in _blocks(stream):
            target.write(block)
    with part.open("rb") as stream:
        if _sha256(stream) != clip.sha256:
            raise zipfile.BadZipFile(clip.name)
    part.replace(path)


def _sha256(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in _blocks(stream):
        digest.update(block)
    return digest.hexdigest()


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def _wrong(name: str) -> DownloadError:
    return DownloadError(f"{name} did not arrive as the service made it.", code="checksum_mismatch")
