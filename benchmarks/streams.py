"""Keeps event streams open: `python benchmarks/streams.py URL KEY IDS_FILE COUNT`.

Prints ``open`` once all are, and holds them until its standard input ends; then how many were still
open. One that a server process refuses, being full, is asked for again: the next may be taken elsewhere.
"""

import asyncio
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

_PATIENCE_S = 30.0


class Streams:
    """All of them; ``live`` are those whose events are coming."""

    def __init__(self, url: str, key: str, ids: list[str]) -> None:
        self.url, self.key, self.ids = urlsplit(url), key, ids
        self.live = 0
        self.refused = 0
        self.ended = 0

    async def hold(self, number: int) -> None:
        while not await self._read(self.ids[number % len(self.ids)]):
            self.refused += 1
            await asyncio.sleep(0.05)

    async def _read(self, job_id: str) -> bool:
        """Until the stream ends; False where it was refused."""
        reader, writer = await asyncio.open_connection(self.url.hostname, self.url.port)
        writer.write(
            f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: {self.url.netloc}\r\n"
            f"Authorization: Bearer {self.key}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            writer.close()
            return False
        self.live += 1
        try:
            while await reader.read(65536):
                pass
        finally:
            self.live -= 1
            self.ended += 1
            writer.close()
        return True


async def main() -> None:
    url, key, ids, count = sys.argv[1:5]
    streams = Streams(url, key, Path(ids).read_text().split())
    tasks = [asyncio.create_task(streams.hold(number)) for number in range(int(count))]
    async with asyncio.timeout(_PATIENCE_S):
        while streams.live < int(count):
            await asyncio.sleep(0.05)
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"open": streams.live, "ended": streams.ended, "refused": streams.refused}))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
