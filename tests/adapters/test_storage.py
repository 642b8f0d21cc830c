"""What only a folder does; what every store keeps is in tests/contract/test_stores.py."""

import errno
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from voicereel.adapters.storage.folder import FolderStore
from voicereel.domain.errors import Unavailable

DATA = b"some sound" * 1000
KEY = "t/j/1/1/a.wav"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def put(store: FolderStore, key: str, tmp_path: Path) -> None:
    path = tmp_path / "made"
    path.write_bytes(DATA)
    store.put_file(key, path)


def put_stream(store: FolderStore, key: str, _: Path) -> None:
    store.put_stream(key, io.BytesIO(DATA), max_bytes=len(DATA))


def files(tmp_path: Path) -> list[str]:
    """All that lies in the store's folder, unfinished files among them."""
    return [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()]


def refuse(code: int) -> OSError:
    return OSError(code, os.strerror(code))


# --- a disk that fails -----------------------------------------------------------------------


def full_at_fsync(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fsync(_: int) -> None:
        raise refuse(code)

    monkeypatch.setattr(os, "fsync", fsync)


def full_at_the_folders_fsync(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    calls, real = count(1), os.fsync

    def fsync(descriptor: int) -> None:
        if next(calls) > 1:
            raise refuse(code)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def full_while_writing(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def half_a_copy(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[: len(DATA) // 2])
        raise refuse(code)

    def half_a_file(**options: Any) -> Any:
        file = real(**options)

        def write(block: bytes) -> None:
            file.file.write(block[: len(block) // 2])
            raise refuse(code)

        file.write = write
        return file

    real = tempfile.NamedTemporaryFile
    monkeypatch.setattr(shutil, "move", half_a_copy)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", half_a_file)


@pytest.mark.parametrize("fails", [full_at_fsync, full_at_the_folders_fsync, full_while_writing])
@pytest.mark.parametrize("write", [put, put_stream])
def test_a_full_disk_leaves_nothing_behind(
    store: FolderStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[pytest.MonkeyPatch, int], None],
    write: Callable[[FolderStore, str, Path], None],
) -> None:
    fails(monkeypatch, errno.ENOSPC)
    with pytest.raises(Unavailable):
        write(store, KEY, tmp_path)
    assert files(tmp_path) == []
    monkeypatch.undo()
    write(store, KEY, tmp_path)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "store_full"),
        (errno.EDQUOT, "store_full"),
        (errno.EIO, "store_unavailable"),
        (errno.EROFS, "store_unavailable"),
    ],
)
def test_a_disk_that_fails_says_how_and_that_it_may_pass(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, told: str
) -> None:
    full_at_fsync(monkeypatch, code)
    with pytest.raises(Unavailable) as refused:
        put(store, KEY, tmp_path)
    assert (refused.value.code, refused.value.retryable) == (told, True)


def test_another_failure_of_the_disk_is_not_taken_for_one_that_passes(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_at_fsync(monkeypatch, errno.EBADF)
    with pytest.raises(OSError, match="Bad file descriptor"):
        put(store, KEY, tmp_path)
    assert files(tmp_path) == []


# --- folders ---------------------------------------------------------------------------------


def test_deleting_a_job_leaves_no_empty_folder_and_keeps_the_others(
    store: FolderStore, tmp_path: Path
) -> None:
    for key in ("t/j1/1/1/a", "t/j1/2/1/b", "t/j2/3/1/c"):
        put(store, key, tmp_path)
    store.delete_under("t/j1/1/1")
    assert sorted(path.name for path in (tmp_path / "store" / "t" / "j1").iterdir()) == ["2"]
    store.delete("t/j1/2/1/b")
    assert sorted(path.name for path in (tmp_path / "store" / "t").iterdir()) == ["j2"]
    store.delete_under("t/none/9/9")
    assert files(tmp_path) == ["c"]


def test_a_file_is_as_old_as_its_key(store: FolderStore, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(DATA)
    os.utime(old, (0, 0))
    store.put_file(KEY, old)
    (stored,) = store.keys()
    assert stored.modified_at.year > 1970


def test_unfinished_files_are_no_keys_and_can_be_forgotten(store: FolderStore, tmp_path: Path) -> None:
    put(store, KEY, tmp_path)
    (tmp_path / "store" / ".incoming" / "half").write_bytes(b"x")
    assert [found.key for found in store.keys("")] == [KEY]
    store.forget_unfinished()
    assert files(tmp_path) == ["a.wav"]


def test_a_folder_is_served_by_the_api(store: FolderStore) -> None:
    assert store.url(KEY, expires_s=60, name="a.wav", media_type="audio/wav") is None
