"""An open loop: requests that come at times of their own, however long the replies take."""

import asyncio
import itertools
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.load import script

_CONNECTIONS = 48
_PAUSE_S = 0.05


@dataclass(frozen=True)
class Request:
    """``once`` is its idempotency key: a request whose connection breaks is sent again as it was."""

    method: str
    path: str
    body: bytes = b""
    once: str = ""

    def wire(self, host: str, key: str) -> bytes:
        lines = [
            f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}",
            f"Content-Length: {len(self.body)}", "Content-Type: application/json",
        ]  # fmt: skip
        if self.once:
            lines.append(f"Idempotency-Key: {self.once}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def submission(script: Mapping[str, Any]) -> Request:
    return Request("POST", "/v1/synthesize", json.dumps(script).encode(), once=uuid.uuid4().hex)


def polling(jobs: Sequence[str], *, each: int, most: int) -> Iterator[Request]:
    """Questions about jobs; each so many requests a new job, and no more than can be done in the end."""
    for number in itertools.count(1):
        if number % each or number > each * most:
            yield Request("GET", f"/v1/jobs/{jobs[number % len(jobs)]}")
        else:
            yield submission(script(number, slow=0))


@dataclass
class OpenLoop:
    """So many requests a second; one that finds no free connection waits, and none is left out."""

    port: int
    key: str
    rate: float
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    broken: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, requests: Iterator[Request]) -> Iterator[None]:
        """Until the requests or the block have ended, and each request has its reply."""
        failures: list[BaseException] = []

        def drive() -> None:
            try:
                asyncio.run(self._drive(requests))
            except Exception as error:  # noqa: BLE001 - raised again below, where the test sees it
                failures.append(error)

        thread = threading.Thread(target=drive)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
        if failures:
            raise failures[0]

    def run(self, requests: Iterator[Request], count: int) -> None:
        """The next so many requests."""
        asyncio.run(self._drive(request for _, request in zip(range(count), requests, strict=False)))

    @property
    def replies(self) -> int:
        return sum(self.statuses.values())

    @property
    def note(self) -> str:
        """How fast it was is for benchmarks to say."""
        return f"{self.replies} replies, {self.broken} requests sent again"

    async def _drive(self, requests: Iterator[Request]) -> None:
        queue: asyncio.Queue[Request | None] = asyncio.Queue()
        connections = [asyncio.create_task(self._serve(queue)) for _ in range(_CONNECTIONS)]
        began = time.monotonic()
        for number, request in enumerate(requests):
            due = began + number / self.rate
            while (left := due - time.monotonic()) > 0:
                await asyncio.sleep(left)
            if self._over.is_set():
                break
            queue.put_nowait(request)
        for _ in connections:
            queue.put_nowait(None)
        await asyncio.gather(*connections)

    async def _serve(self, queue: "asyncio.Queue[Request | None]") -> None:
        connection = _Connection(self.port)
        while (item := await queue.get()) is not None:
            status, body = await self._reply(connection, item.wire(f"127.0.0.1:{self.port}", self.key))
            self.statuses[status] += 1
            if status == 202:
                self.accepted.append(json.loads(body)["id"])
        connection.close()

    async def _reply(self, connection: "_Connection", wire: bytes) -> tuple[int, bytes]:
        while True:
            try:
                return await connection.ask(wire)
            except (OSError, asyncio.IncompleteReadError):
                self.broken += 1
                connection.close()
                await asyncio.sleep(_PAUSE_S)


class _Connection:
    """One that is kept open, and opened again when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, wire: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(wire)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
