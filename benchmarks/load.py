"""Requests over kept-alive connections, one process, little CPU:

    python benchmarks/load.py METHOD URL [KEY] [BODY_FILE] [options]

A closed loop: each connection sends its next request when it has its reply. With ``--rate`` an open
loop: requests come at their own times, and one that finds no free connection waits in line; its
latency counts from when it was to be sent. Prints JSON: requests a second, median and 99th percentile in
milliseconds, errors, and how much CPU this process took itself.
"""

import argparse
import asyncio
import itertools
import json
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 16
SECONDS = 8.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("method")
    parser.add_argument("url", help="{} in it stands for each of --ids in turn")
    parser.add_argument("key", nargs="?", help="an API key, or @FILE with one a line, used in turn")
    parser.add_argument("body", nargs="?", type=Path)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--warm", type=float, default=0.0, help="seconds before those that count")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second of an open loop")
    parser.add_argument("--ids", type=Path)
    parser.add_argument("--once", action="store_true", help="a fresh Idempotency-Key a request")
    return parser.parse_args()


def requests(given: argparse.Namespace) -> Iterator[bytes]:
    """Every request as it goes over the wire, without end."""
    url = urlsplit(given.url)
    body = given.body.read_bytes() if given.body else b""
    keys = _keys(given.key)
    ids = given.ids.read_text().split() if given.ids else [""]
    paths = [url.path.replace("{}", each) for each in ids]
    heads = [
        f"{given.method} {path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{key}"
        for key, path in zip(
            itertools.islice(itertools.cycle(keys), max(len(keys), len(paths))), itertools.cycle(paths)
        )
    ]
    run = uuid.uuid4().hex[:12]
    for number, head in enumerate(itertools.cycle(heads)):
        once = f"Idempotency-Key: {run}-{number}\r\n" if given.once else ""
        yield f"{head}{once}\r\n".encode() + body


def _keys(given: str | None) -> list[str]:
    """The header of each key; one that is empty where there is no key."""
    if not given:
        return [""]
    keys = Path(given[1:]).read_text().split() if given.startswith("@") else [given]
    return [f"Authorization: Bearer {key}\r\n" for key in keys]


class Load:
    """What is to be sent, and what came back."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.waiting: deque[float] = deque()
        self.free: list[Connection] = []
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.lost = 0
        self.open = 0
        self._requests = requests(given)
        self.counts_from = time.perf_counter() + given.warm
        self.until = self.counts_from + given.seconds

    def next(self) -> bytes:
        return next(self._requests)

    def done(self, connection: "Connection", began: float, status: int) -> None:
        now = time.perf_counter()
        if self.counts_from <= now <= self.until or self.given.rate:
            self.latencies.append(now - began)
            self.statuses[status] += 1
        self.use(connection)

    def use(self, connection: "Connection") -> None:
        """Send the next request, or note that there is none yet."""
        if self.waiting:
            connection.send(self.waiting.popleft())
        elif self.given.rate:
            self.free.append(connection)
        elif time.perf_counter() < self.until:
            connection.send(time.perf_counter())

    def arrive(self, due: float) -> None:
        if self.free:
            self.free.pop().send(due)
        else:
            self.waiting.append(due)


class Connection(asyncio.Protocol):
    """One connection: a request, its reply, the next one."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._began = 0.0
        self._busy = False
        self._left: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._load.open += 1
        self._load.use(self)

    def send(self, began: float) -> None:
        self._began, self._busy = began, True
        self._transport.write(self._load.next())

    def data_received(self, data: bytes) -> None:
        data = self._left + data
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            self._left = data
            return
        self._left, self._busy = b"", False
        self._load.done(self, self._began, int(data[9:12]))

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.open -= 1
        if self._busy:
            self._load.lost += 1
        if self in self._load.free:
            self._load.free.remove(self)


def _length(head: bytes) -> int:
    _, found, after = head.lower().partition(b"content-length:")
    if not found:
        raise ValueError("a reply without a length")
    return int(after.partition(b"\r\n")[0])


async def drive(load: Load) -> None:
    given, url = load.given, urlsplit(load.given.url)
    loop = asyncio.get_running_loop()

    async def connect() -> None:
        await loop.create_connection(lambda: Connection(load), url.hostname, url.port)

    await asyncio.gather(*(connect() for _ in range(given.connections)))
    began = time.perf_counter()
    number = 0
    while (now := time.perf_counter()) < load.until:
        # A server may close a connection that it has kept for long.
        for _ in range(given.connections - load.open):
            await connect()
        while given.rate and (due := began + number / given.rate) <= now:
            load.arrive(due)
            number += 1
        await asyncio.sleep(0.001 if given.rate else 0.1)
    deadline = time.perf_counter() + 10
    while given.rate and len(load.free) < load.open and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)


def main() -> None:
    given = arguments()
    load = Load(given)
    asyncio.run(drive(load))
    load.latencies.sort()
    seconds = given.seconds + given.warm
    found = {
        "per_s": round(len(load.latencies) / (seconds if given.rate else given.seconds), 1),
        "p50_ms": percentile(load.latencies, 50),
        "p99_ms": percentile(load.latencies, 99),
        "errors": load.lost + len(load.waiting) + sum(n for s, n in load.statuses.items() if s >= 400),
        "statuses": dict(sorted(load.statuses.items())),
        "requests": len(load.latencies),
        "load_cpu": round(time.process_time() / seconds, 2),
    }
    print(json.dumps(found))


def percentile(ordered: list[float], share: int) -> float | None:
    """Of latencies in seconds, in milliseconds; None where there are none."""
    if not ordered:
        return None
    return round(1000 * ordered[min(len(ordered) * share // 100, len(ordered) - 1)], 2)


if __name__ == "__main__":
    main()
