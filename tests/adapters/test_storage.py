"""The contract of an artifact store, on the folder store."""

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest

from voicereel.adapters.storage import FolderStore
from voicereel.domain.errors import FileTooLarge, NotFound

DATA = b"some sound" * 1000


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def put(store: FolderStore, key: str, tmp_path: Path, data: bytes = DATA) -> None:
    path = tmp_path / "made"
    path.write_bytes(data)
    store.put_file(key, path)


def test_what_was_put_comes_back_with_its_size_and_hash(store: FolderStore, tmp_path: Path) -> None:
    stored = store.put_stream("t/j/1/1/a.wav", io.BytesIO(DATA), max_bytes=len(DATA))
    assert (stored.size_bytes, stored.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    with store.open("t/j/1/1/a.wav") as file:
        assert file.read() == DATA
    assert store.fetch("t/j/1/1/a.wav", tmp_path).read_bytes() == DATA
    assert list(store.keys()) == ["t/j/1/1/a.wav"]


def test_a_key_is_written_once(store: FolderStore, tmp_path: Path) -> None:
    put(store, "t/j/1/1/a.wav", tmp_path)
    with pytest.raises(FileExistsError):
        put(store, "t/j/1/1/a.wav", tmp_path, b"another")
    assert store.fetch("t/j/1/1/a.wav", tmp_path).read_bytes() == DATA


def test_what_is_too_large_leaves_nothing_behind(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(FileTooLarge):
        store.put_stream("t/j/a", io.BytesIO(DATA), max_bytes=len(DATA) - 1)
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_up_leaves_no_key(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(store, "t/j/1/1/a.wav", tmp_path)
    assert list(store.keys()) == []


def test_what_is_not_there_is_not_found(store: FolderStore, tmp_path: Path) -> None:
    for read in (store.open, lambda key: store.fetch(key, tmp_path)):
        with pytest.raises(NotFound):
            read("t/j/none")


@pytest.mark.parametrize("key", ["../x", "t/../../x", "/etc/passwd", ""])
def test_a_key_stays_inside_the_store(store: FolderStore, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="inside"):
        put(store, key, tmp_path)


def test_deleting_a_job_leaves_no_empty_folder_and_keeps_the_others(
    store: FolderStore, tmp_path: Path
) -> None:
    for key in ("t/j1/1/1/a", "t/j1/2/1/b", "t/j2/3/1/c"):
        put(store, key, tmp_path)
    store.delete_under("t/j1/1/1")
    assert sorted(path.name for path in (tmp_path / "store" / "t" / "j1").iterdir()) == ["2"]
    store.delete_under("t/j1/2/1")
    assert sorted(path.name for path in (tmp_path / "store" / "t").iterdir()) == ["j2"]
    store.delete_under("t/none/9/9")
    assert list(store.keys()) == ["t/j2/3/1/c"]
