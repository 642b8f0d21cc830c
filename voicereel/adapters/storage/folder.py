"""Artifacts in a folder. A key is written once, whole or not at all."""

import errno
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from voicereel.adapters.storage.keys import check_key
from voicereel.domain.errors import FileTooLarge, NotFound, Unavailable
from voicereel.ports import StoredFile, StoredKey
from voicereel.telemetry import log

_BLOCK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OUT_OF_REACH = (errno.EIO, errno.EROFS)


# What is being written, and what a file system keeps for itself.
_NOT_OURS = (".incoming/", "lost+found/")


class FolderStore:
    """`ArtifactStore` in a folder: temporary file, fsync, link to its name, fsync the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._incoming = self.root / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def put_file(self, key: str, path: Path) -> StoredFile:
        """Take over a finished file: moved when it lies on the same disk, else copied."""
        with _writing():
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
            os.close(descriptor)
            incoming = Path(name)
            try:
                shutil.move(path, incoming)
                stored = _measure(incoming)
                self._publish(incoming, key)
            finally:
                incoming.unlink(missing_ok=True)
        return stored

    def put_stream(self, key: str, stream: BinaryIO, *, max_bytes: int) -> StoredFile:
        """Write a stream of at most ``max_bytes``; `FileTooLarge` leaves nothing behind."""
        digest, size = hashlib.sha256(), 0
        with _writing(), tempfile.NamedTemporaryFile(dir=self._incoming) as incoming:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > max_bytes:
                    raise FileTooLarge(max_bytes)
                digest.update(block)
                incoming.write(block)
            incoming.flush()
            self._publish(Path(incoming.name), key)
        return StoredFile(size_bytes=size, sha256=digest.hexdigest())

    def _publish(self, incoming: Path, key: str) -> None:
        final = self._path(key)
        incoming.chmod(0o640)
        os.utime(incoming)  # what no row names is removed by the age of its key, not of its bytes
        _fsync(incoming)
        try:
            _link(incoming, final)
        except FileNotFoundError:  # somebody tidied the folder away while it was still empty
            _link(incoming, final)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("file") from None

    def open_range(self, key: str, *, offset: int, length: int) -> BinaryIO:
        file = self.open(key)
        file.seek(offset)
        return io.BufferedReader(_Range(file, length), _BLOCK)

    def fetch(self, key: str, into: Path) -> Path:  # noqa: ARG002 - other stores copy into the folder
        """A readable local path of the file; here it is the stored file itself: do not change it."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("file")
        return path

    def url(self, key: str, *, expires_s: int, name: str, media_type: str) -> None:
        """Nobody but the API serves a folder."""

    def delete(self, key: str) -> None:
        path = self._path(key)
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            path.unlink()
        self._tidy(path)

    def delete_under(self, prefix: str) -> None:
        """Remove all keys that begin with ``prefix/``, and the folders that this leaves empty."""
        folder = self._path(prefix)
        shutil.rmtree(folder, ignore_errors=True)
        self._tidy(folder)

    def _tidy(self, path: Path) -> None:
        """Remove the empty folders above a path; a tenant's own folder stays."""
        for parent in path.parents:
            if self.root in (parent, parent.parent) or not _removed_if_empty(parent):
                return

    def keys(self, prefix: str = "", *, after: str = "") -> Iterator[StoredKey]:
        if prefix:
            check_key(prefix)
        return self._walk(f"{prefix}/" if prefix else "", after)

    def _walk(self, prefix: str, after: str) -> Iterator[StoredKey]:
        """One folder at a time; a folder whose keys all come before ``after`` is not looked into."""
        for key, entry in _entries(self.root / prefix, prefix):
            if key in _NOT_OURS or (key < after and not after.startswith(key)):
                continue
            if key.endswith("/"):
                yield from self._walk(key, after)
            elif key > after and (stored := _stored(key, entry)):
                yield stored

    def forget_unfinished(self) -> None:
        """Remove what a killed process had begun to write; only while nobody writes."""
        for path in self._incoming.iterdir():
            path.unlink(missing_ok=True)

    def writable(self) -> bool:
        return os.access(self._incoming, os.W_OK)

    def _path(self, key: str) -> Path:
        check_key(key)
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root):
            raise ValueError("a key stays inside its store")
        return path


class _Range(io.RawIOBase):
    """So many bytes of an open file, from where it stands; closes it."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer, as the base class says
        block = self._file.read(min(len(buffer), self._left))
        self._left -= len(block)
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _writing() -> Iterator[None]:
    """What a disk refuses, as errors that say whether to try again."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            refused = Unavailable("The artifact store is full; try again later.", code="store_full")
        elif error.errno in _OUT_OF_REACH:
            refused = Unavailable(
                "The artifact store cannot be reached; try again.", code="store_unavailable"
            )
        else:
            raise
        log().error("store_failed", error=errno.errorcode[error.errno])
        raise refused from error


def _link(incoming: Path, final: Path) -> None:
    """Give a file its name; where that cannot be made to last, take it back."""
    made = [folder for folder in final.parents if not folder.exists()]
    final.parent.mkdir(parents=True, exist_ok=True)
    os.link(incoming, final)
    try:
        for path in (final, *made):  # a name is on disk once the folder that holds it is
            _fsync(path.parent)
    except OSError:
        final.unlink(missing_ok=True)
        raise


def _entries(folder: Path, prefix: str) -> list[tuple[str, os.DirEntry[str]]]:
    """What lies in a folder, in key order; the key of a folder ends in a slash, as its files' keys go on."""
    try:
        with os.scandir(folder) as found:
            entries = [
                (prefix + entry.name + "/" * entry.is_dir(follow_symlinks=False), entry) for entry in found
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(entries, key=itemgetter(0))


def _stored(key: str, entry: os.DirEntry[str]) -> StoredKey | None:
    """None when it was deleted a moment ago."""
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    modified_at = datetime.fromtimestamp(facts.st_mtime, UTC)
    return StoredKey(key=key, modified_at=modified_at, size_bytes=facts.st_size)


def _removed_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _measure(path: Path) -> StoredFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return StoredFile(size_bytes=path.stat().st_size, sha256=digest.hexdigest())


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
