"""Artifact stores. A key is written once, whole or not at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from voicereel.domain.errors import FileTooLarge, NotFound
from voicereel.ports import StoredFile

_BLOCK = 1 << 20


class FolderStore:
    """`ArtifactStore` in a folder: temporary file, fsync, link to its name, fsync the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def put_file(self, key: str, path: Path) -> StoredFile:
        """Take over a finished file: moved when it lies on the same disk, else copied."""
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
        with tempfile.NamedTemporaryFile(dir=self._incoming) as incoming:
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
        _fsync(incoming)
        try:
            _link(incoming, final)
        except FileNotFoundError:  # somebody tidied the folder away while it was still empty
            _link(incoming, final)
        _fsync(final.parent)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("file") from None

    def fetch(self, key: str, into: Path) -> Path:  # noqa: ARG002 - other stores copy into the folder
        """A readable local path of the file; here it is the stored file itself: do not change it."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("file")
        return path

    def delete_under(self, prefix: str) -> None:
        """Remove all keys that begin with ``prefix/``, and the folders that this leaves empty."""
        folder = self._path(prefix)
        shutil.rmtree(folder, ignore_errors=True)
        for parent in folder.parents:
            if parent.parent == self._root.resolve() or not _removed_if_empty(parent):
                return

    def keys(self, prefix: str = "") -> Iterator[str]:
        base = self._path(prefix) if prefix else self._root
        for path in sorted(base.rglob("*")):
            if path.is_file() and self._incoming not in path.parents:
                yield path.relative_to(self._root).as_posix()

    def forget_unfinished(self) -> None:
        """Remove what a killed process had begun to write; only while nobody writes."""
        for path in self._incoming.iterdir():
            path.unlink(missing_ok=True)

    def writable(self) -> bool:
        return os.access(self._incoming, os.W_OK)

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()) or path == self._root.resolve():
            raise ValueError("a key stays inside its store")
        return path


def _link(incoming: Path, final: Path) -> None:
    made = [folder for folder in final.parents if not folder.exists()]
    final.parent.mkdir(parents=True, exist_ok=True)
    os.link(incoming, final)
    for folder in made:  # a folder is on disk once the one that names it is
        _fsync(folder.parent)


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
