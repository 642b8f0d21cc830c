"""Very many requests of one client at once."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from voicereel_client import AsyncVoiceReel

MANY = 120


@contextmanager
def serving_all_or_none(many: int) -> Iterator[str]:
    """A server that answers nobody before so many have asked."""
    everybody = threading.Barrier(many, timeout=20)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            everybody.wait()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
            """Nothing is logged."""

    class Server(ThreadingHTTPServer):
        request_queue_size = many

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_requests_do_not_wait_for_one_another() -> None:
    """A job that is waited for holds its connection for as long as that takes."""

    async def ask(url: str) -> None:
        async with AsyncVoiceReel("k", url, max_retries=0, timeout=20) as vr:
            await asyncio.gather(*(vr.queue.get() for _ in range(MANY)))

    with serving_all_or_none(MANY) as url:
        asyncio.run(ask(url))
