"""Stands before a PostgreSQL and loses replies: what was sent is carried out, and nobody hears of it."""

import re
import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Cuts a connection after the server's reply to bytes that name ``CUT-<number>``, once a number."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.cut: set[bytes] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> "CuttingProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                lost = threading.Event()
                threading.Thread(target=self._up, args=(client, server, lost), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server, lost), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self._is_new(data):
                    lost.set()
                server.sendall(data)
        _end(server)

    def _down(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if lost.is_set():  # it has been committed: this is the reply that says so
                    break
                client.sendall(data)
        _end(client)
        _end(server)

    def _is_new(self, data: bytes) -> bool:
        with self._lock:
            found = set(re.findall(rb"CUT-\d+", data)) - self.cut
            self.cut |= found
        return bool(found)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
