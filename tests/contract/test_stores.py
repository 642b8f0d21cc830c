"""What every `ArtifactStore` keeps, whatever it is made of."""

import hashlib
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path

import pytest

from voicereel.adapters.storage.folder import FolderStore
from voicereel.domain.errors import FileTooLarge, NotFound
from voicereel.ports import ArtifactStore, StoredFile

DATA = b"some sound" * 1000
KEY = "t/j/1/1/a.wav"
# more than one part of an upload
LARGE_BYTES = 20 << 20


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return request.getfixturevalue("bucket").store


def put(store: ArtifactStore, key: str, data: bytes = DATA) -> StoredFile:
    return store.put_stream(key, io.BytesIO(data), max_bytes=len(data))


def names(store: ArtifactStore, prefix: str = "", **options: str) -> list[str]:
    return [found.key for found in store.keys(prefix, **options)]


def file_with(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "made"
    path.write_bytes(data)
    return path


def content(store: ArtifactStore, key: str) -> bytes:
    with store.open(key) as file:
        return file.read()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_was_put_comes_back_with_its_size_and_hash(store: ArtifactStore, tmp_path: Path) -> None:
    stored = put(store, KEY)
    assert (stored.size_bytes, stored.sha256) == (len(DATA), digest(DATA))
    assert content(store, KEY) == DATA
    assert store.fetch(KEY, tmp_path).read_bytes() == DATA
    (listed,) = store.keys()
    assert (listed.key, listed.size_bytes, listed.modified_at.tzinfo) == (KEY, len(DATA), UTC)


def test_a_file_is_taken_over(store: ArtifactStore, tmp_path: Path) -> None:
    made = file_with(tmp_path, DATA)
    assert store.put_file(KEY, made).sha256 == digest(DATA)
    assert not made.exists()
    assert content(store, KEY) == DATA


def test_an_empty_file_is_a_file(store: ArtifactStore, tmp_path: Path) -> None:
    assert put(store, KEY, b"").sha256 == digest(b"")
    assert store.fetch(KEY, tmp_path).read_bytes() == b""


def test_a_file_of_several_parts_comes_back_whole(store: ArtifactStore, tmp_path: Path) -> None:
    data = b"".join(block.to_bytes(4, "big") for block in range(LARGE_BYTES // 4))
    assert store.put_file(KEY, file_with(tmp_path, data)) == StoredFile(
        size_bytes=LARGE_BYTES, sha256=digest(data)
    )
    assert digest(store.fetch(KEY, tmp_path).read_bytes()) == digest(data)
    assert digest(content(store, KEY)) == digest(data)


@pytest.mark.parametrize("size", [len(DATA), LARGE_BYTES], ids=["small", "large"])
def test_a_key_is_written_once(store: ArtifactStore, tmp_path: Path, size: int) -> None:
    put(store, KEY)
    with pytest.raises(FileExistsError):
        store.put_file(KEY, file_with(tmp_path, bytes(size)))
    with pytest.raises(FileExistsError):
        put(store, KEY, bytes(size))
    assert content(store, KEY) == DATA


def test_of_two_writers_at_once_one_wins_and_the_other_is_told(store: ArtifactStore) -> None:
    start = threading.Barrier(2)

    def write(data: bytes) -> bytes | None:
        start.wait()
        try:
            put(store, KEY, data)
        except FileExistsError:
            return None
        return data

    with ThreadPoolExecutor(2) as writers:
        written = [data for data in writers.map(write, (b"first", b"second")) if data]
    assert [content(store, KEY)] == written


@pytest.mark.parametrize("size", [len(DATA), LARGE_BYTES], ids=["small", "large"])
def test_what_is_too_large_leaves_nothing_behind(store: ArtifactStore, size: int) -> None:
    with pytest.raises(FileTooLarge):
        store.put_stream(KEY, io.BytesIO(bytes(size)), max_bytes=size - 1)
    assert names(store) == []


def test_a_stream_that_breaks_off_leaves_nothing_behind(store: ArtifactStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if block := super().read(size):
                return block
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put_stream(KEY, Broken(bytes(LARGE_BYTES)), max_bytes=LARGE_BYTES)
    assert names(store) == []


def test_what_is_not_there_is_not_found(store: ArtifactStore, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    for read in (store.open, lambda key: store.fetch(key, into)):
        with pytest.raises(NotFound):
            read("t/j/none")
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("key", ["../x", "t/../../x", "/etc/passwd", "", "t//x", "t/"])
def test_a_key_stays_inside_the_store(store: ArtifactStore, tmp_path: Path, key: str) -> None:
    uses: list[Callable[[], object]] = [
        lambda: put(store, key),
        lambda: store.open(key),
        lambda: store.fetch(key, tmp_path),
        lambda: store.delete(key),
        lambda: store.delete_under(key),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="inside"):
            use()


def test_a_range_of_a_file_can_be_read_alone(store: ArtifactStore) -> None:
    put(store, KEY, b"0123456789")
    for offset, length in ((0, 10), (3, 4), (9, 1)):
        with store.open_range(KEY, offset=offset, length=length) as stream:
            assert stream.read() == b"0123456789"[offset : offset + length]
    with pytest.raises(NotFound):
        store.open_range("t/j/none", offset=0, length=1)


def test_deleting_under_a_prefix_keeps_its_neighbours(store: ArtifactStore) -> None:
    for key in ("a/b/1", "a/b/c/2", "a/bc/3", "a/b.wav"):
        put(store, key)
    store.delete_under("a/b")
    store.delete_under("a/none")
    assert names(store) == ["a/b.wav", "a/bc/3"]


def test_deleting_one_key_twice_is_no_error(store: ArtifactStore) -> None:
    for key in ("a/b", "a/c", "a/d/e"):
        put(store, key)
    for key in ("a/b", "a/b", "a/d", "a/none/x"):
        store.delete(key)
    assert names(store) == ["a/c", "a/d/e"]


def test_keys_come_in_order_below_a_prefix_and_after_a_key(store: ArtifactStore) -> None:
    # A dot sorts before the slash, a digit behind it: folder by folder is not the order of keys.
    keys = ["a-/1", "a.wav", "a/b-", "a/b.x", "a/b/c", "a/b/d", "a/b0", "a0/1", "é/1"]
    for key in reversed(keys):
        put(store, key, b"x")
    assert names(store) == keys
    for place in range(len(keys)):
        assert names(store, after=keys[place]) == keys[place + 1 :]
    assert names(store, after="a/b") == keys[2:]
    assert names(store, "a/b") == ["a/b/c", "a/b/d"]
    assert names(store, "a", after="a/b/c") == ["a/b/d", "a/b0"]
    assert names(store, "none") == []


def test_a_store_that_is_there_can_be_written_to(store: ArtifactStore) -> None:
    assert store.writable()
