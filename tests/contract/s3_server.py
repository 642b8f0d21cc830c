"""A server of S3 for tests: moto's application behind real HTTP, which can be told to misbehave."""

import io
import random
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

REFUSED, LOST, CUT = "refused", "lost", "cut"
_ERROR = b"<Error><Code>InternalError</Code><Message>By order of a test.</Message></Error>"


class S3Server:
    """Serves on a free port. ``faults`` says of each request to come what goes wrong with it.

    REFUSED: 503, nothing done; LOST: done, then 503; CUT: half of the body comes; None: nothing.
    """

    def __init__(self) -> None:
        self.faults: Iterator[str | None] = iter(())
        self.seen: list[str] = []
        self._app = DomainDispatcherApplication(create_backend_app)
        # Moto checks `If-None-Match` and writes in two steps, S3 in one.
        self._turn = threading.Lock()
        self._server = make_server(
            "127.0.0.1", 0, self._serve, threaded=True, request_handler=MotoRequestHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "S3Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._turn:
            fault = next(self.faults, None)
            self.seen.append(fault or environ["REQUEST_METHOD"])
            if fault == REFUSED:
                return _fail(start_response)
            if fault == LOST:
                list(self._app(environ, lambda *_: None))
                return _fail(start_response)
            whole = b"".join(self._app(environ, start_response))
        return [whole[: len(whole) // 2] if fault == CUT else whole]


def _fail(start_response: Any) -> Iterable[bytes]:
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(_ERROR)))]
    start_response("503 Service Unavailable", headers)
    return [_ERROR]


def at_random(share: float, *, seed: int) -> Iterator[str | None]:
    """Faults without end: half of them before the work, half of them after it."""
    dice = random.Random(seed)
    while True:
        yield dice.choice((REFUSED, LOST)) if dice.random() < share else None
