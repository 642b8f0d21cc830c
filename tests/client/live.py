"""The application on a real socket: it loses replies, breaks them off, refuses and restarts when told to."""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Fault = Callable[[Application, dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Silent(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        pass


@dataclass
class Live:
    """``faults`` befall the requests of a path, each once and in order; ``seen`` are requests and headers."""

    application: Application
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _port: int = 0
    _server: BaseWSGIServer | None = None
    _thread: threading.Thread | None = None
    _sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """On the same port as before."""
        self._server = make_server(
            "127.0.0.1", self._port, self._serve, threaded=True, request_handler=_Silent
        )
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Break off every reply under way."""
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def headers(self, path: str) -> list[dict[str, str]]:
        """Of each request to a path that ends so."""
        return [given for asked, given in self.seen if asked.endswith(path)]

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        self.seen.append((path, {name[5:]: v for name, v in environ.items() if name.startswith("HTTP_")}))
        self._sockets.append(environ["werkzeug.socket"])
        waiting = next((found for end, found in self.faults.items() if found and path.endswith(end)), None)
        if waiting:
            return waiting.pop(0)(self.application, environ, start_response)
        return self.application(environ, start_response)


def _hang_up(environ: dict[str, Any]) -> NoReturn:
    with suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


def lost(application: Application, environ: dict[str, Any], _: Callable[..., Any]) -> NoReturn:
    """The work is done and nobody hears of it."""
    with closing(application(environ, lambda *_, **__: None)) as body:  # type: ignore[type-var]
        b"".join(body)
    _hang_up(environ)


def broken_off(after: int) -> Fault:
    """Only so many bytes of the body arrive."""

    def fault(
        application: Application, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterator[bytes]:
        with closing(application(environ, start_response)) as body:  # type: ignore[type-var]
            left = after
            for chunk in body:
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    _hang_up(environ)

    return fault


def refused(status: int, code: str, **headers: str) -> Fault:
    """An answer in the application's place."""
    content = json.dumps({"status": status, "code": code, "detail": "Not now."}).encode()
    given = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(content)))]
    given += [(name.replace("_", "-"), value) for name, value in headers.items()]

    def fault(_: Application, __: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(f"{status} Refused", given)
        return [content]

    return fault
