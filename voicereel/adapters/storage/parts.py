"""A stream cut into parts that fit into memory, measured on the way."""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO

from voicereel.domain.errors import FileTooLarge

_BLOCK_BYTES = 1 << 20


class MeasuredParts:
    """A stream in parts, counted and hashed on the way; more than ``max_bytes`` is `FileTooLarge`."""

    def __init__(self, stream: BinaryIO, *, part_bytes: int, max_bytes: int | None = None) -> None:
        self._stream = stream
        self._part_bytes = part_bytes
        self._max_bytes = max_bytes
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def parts(self) -> Iterator[bytes]:
        while part := self._read():
            self.size_bytes += len(part)
            if self._max_bytes is not None and self.size_bytes > self._max_bytes:
                raise FileTooLarge(self._max_bytes)
            self.digest.update(part)
            yield part

    def _read(self) -> bytes:
        """One part, however few bytes the stream gives at once."""
        part = io.BytesIO()
        while block := self._stream.read(min(_BLOCK_BYTES, self._part_bytes - part.tell())):
            part.write(block)
        return part.getvalue()
