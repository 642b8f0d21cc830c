"""A job's files onto the disk: resumed where they broke off, checked, and then put in place at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from voicereel_client._certificate import CERTIFICATE
from voicereel_client._clips import ARCHIVE, MANIFEST, ClipEntry, are_there, entries, stem_name, unpack
from voicereel_client._errors import (
    APIConnectionError,
    APIStatusError,
    DownloadError,
    PermissionDeniedError,
    VoiceReelError,
)
from voicereel_client._flow import Flow, Request, Response, Sleep, Tell, Work, fetch, read
from voicereel_client._models import File, JobRecord, Outputs
from voicereel_client._retries import PATIENCE, Timing, pause_after

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class DownloadProgress:
    """``done`` and ``total`` are bytes of this one file."""

    name: str
    done: int
    total: int


OnProgress = Callable[[DownloadProgress], object]


def named_files(outputs: Outputs | None) -> dict[str, File]:
    """The file names a job's results are saved under."""
    if outputs is None:
        return {}
    files: dict[str, File] = {f"reel.{_suffix(audio.format)}": audio for audio in outputs.audio}
    files |= {f"reel.{_suffix(name)}": file for name, file in outputs.captions.items()}
    files |= {"reel.json": outputs.reel} if outputs.reel else {}
    files |= {"reel.html": outputs.preview} if outputs.preview else {}
    files |= {CERTIFICATE: outputs.certificate} if outputs.certificate else {}
    files |= {f"reel.{_suffix(name)}": file for name, file in outputs.cue_sheets.items()}
    files |= {stem_name(stem.name): stem for stem in outputs.stems}
    clips = {file.name: file for file in outputs.clips}
    # the manifest first: it says what has to be unpacked
    return files | {name: clips[name] for name in (MANIFEST, ARCHIVE) if name in clips}


def _suffix(name: str) -> str:
    """The service chooses it, so that it must not lead out of the folder."""
    if not re.fullmatch(r"[A-Za-z0-9]{1,16}", name):
        raise DownloadError("The service named a format that is no file suffix.", code="bad_format")
    return name


class PartFile:
    """The bytes so far, in ``<name>.part``, with their running SHA-256. Reads what there is already.

    ``etag`` is what the store called the file that they are of, if it said so.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.etag: str | None = None
        self.size = 0
        self._digest = hashlib.sha256()
        if self.path.exists():
            self._digest, self.size = _digest_of(self.path)

    def append(self, chunk: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.size, self.etag, self._digest = 0, None, hashlib.sha256()

    def matches(self, file: File) -> bool:
        return self.size == file.bytes and self._digest.hexdigest() == file.sha256

    def finish(self) -> None:
        self.path.touch()
        self.path.replace(self.target)


def _digest_of(path: Path) -> tuple[hashlib._Hash, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest, size


class Download:
    """All files of one job into one folder. ``reread`` gives the job with fresh URLs."""

    def __init__(
        self,
        directory: Path,
        *,
        reread: Callable[[], Flow[JobRecord]],
        on_progress: OnProgress | None,
        timing: Timing,
    ) -> None:
        self._directory = directory
        self._reread = reread
        self._on_progress = on_progress
        self._timing = timing
        self._files: Mapping[str, File] = {}

    def run(self, job: JobRecord) -> Flow[list[Path]]:
        """Files that are there already and right are not fetched again."""
        self._files = named_files(job.outputs) or named_files((yield from self._reread()).outputs)
        if not self._files:
            raise DownloadError(f"Job {job.id} has no files (it is {job.status}).", code="no_outputs")
        self._directory.mkdir(parents=True, exist_ok=True)
        paths: list[Path] = []
        for name in self._files:
            if name == ARCHIVE and MANIFEST in self._files:
                paths += yield from self._clips()
            else:
                yield from self._one(name)
                paths.append(self._directory / name)
        return paths

    def _clips(self) -> Flow[list[Path]]:
        """Every clip out of the archive, which is fetched only if one is not there already."""
        clips: list[ClipEntry] = yield Work(partial(entries, self._directory / MANIFEST))
        if not (yield Work(partial(are_there, clips, self._directory))):
            yield from self._one(ARCHIVE)
            yield Work(partial(unpack, self._directory / ARCHIVE, clips, self._directory))
        return [self._directory / clip.name for clip in clips]

    def _one(self, name: str) -> Flow[None]:
        target, file = self._directory / name, self._files[name]
        target.parent.mkdir(exist_ok=True)
        if not (yield Work(partial(_is_there, target, file))):
            part: PartFile = yield Work(partial(PartFile, target))
            resumed = part.size > 0
            yield from self._fill(name, part)
            if resumed and not part.matches(file):
                part.discard()
                yield from self._fill(name, part)
            _check(part, file)
            part.finish()
        yield from self._tell(DownloadProgress(name, file.bytes, file.bytes))

    def _fill(self, name: str, part: PartFile) -> Flow[None]:
        """Until all bytes are there, over broken connections and expired URLs."""
        failures, furthest, renewed_at = 0, part.size, -1
        while part.size < self._files[name].bytes:
            try:
                yield from self._receive(name, part)
            except PermissionDeniedError:
                if renewed_at == part.size:
                    raise
                renewed_at = part.size
                self._files = named_files((yield from self._reread()).outputs)
            except VoiceReelError as error:
                failures = 1 if part.size > furthest else failures + 1
                furthest = max(furthest, part.size)
                yield Sleep(pause_after(error, failures=failures, limit=PATIENCE, timing=self._timing))

    def _receive(self, name: str, part: PartFile) -> Flow[None]:
        file = self._files[name]
        response = yield from _open(file, part)
        while chunk := (yield from read(response)):
            part.append(chunk)
            yield from self._tell(DownloadProgress(name, part.size, file.bytes))
        if part.size < file.bytes:
            raise APIConnectionError(f"{name} broke off.")

    def _tell(self, progress: DownloadProgress) -> Flow[None]:
        if self._on_progress:
            yield Tell(self._on_progress, progress)


def _open(file: File, part: PartFile) -> Flow[Response]:
    """The rest of the file; all of it where the service cannot go on from here.

    The store may be anybody's: it gets the URL and never the key.
    """
    request = Request("GET", file.url, headers=_range(part), stream=True, authorized=False, max_retries=0)
    try:
        response = yield from fetch(request)
    except APIStatusError as error:
        if error.status_code != 416 or not part.size:
            raise
        part.discard()
        return (yield from _open(file, part))
    if part.size and not response.headers.get("content-range", "").startswith(f"bytes {part.size}-"):
        part.discard()
    etag = response.headers.get("etag", "")
    part.etag = etag if etag.startswith('"') else None
    return response


def _range(part: PartFile) -> dict[str, str]:
    """A weak ETag does not promise the same bytes; then the SHA-256 alone decides."""
    condition = {"If-Range": part.etag} if part.etag else {}
    return {"Range": f"bytes={part.size}-", **condition} if part.size else {}


def _is_there(target: Path, file: File) -> bool:
    if not target.is_file() or target.stat().st_size != file.bytes:
        return False
    return _digest_of(target)[0].hexdigest() == file.sha256


def _check(part: PartFile, file: File) -> None:
    if not part.matches(file):
        name = part.target.name
        part.discard()
        raise DownloadError(f"{name} did not arrive as the service made it.", code="checksum_mismatch")
