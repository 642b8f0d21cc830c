"""Requests become bytes. The only module that knows httpx; import it late, httpx is slow to load."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias
from urllib.parse import urljoin

import httpx

from voicereel_client._errors import APIConnectionError, APITimeoutError
from voicereel_client._flow import Part, Request, Response
from voicereel_client._version import __version__

HttpClient: TypeAlias = httpx.Client
CONNECT_TIMEOUT_S = 10.0


class Transport:
    """``timeout`` is in seconds for each read and write; a client that is handed in is never closed."""

    def __init__(
        self, base_url: str, *, api_key: str, timeout: float | None, http_client: HttpClient | None
    ) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._authorization = f"Bearer {api_key}"
        self._timeout = timeout
        self._owned = http_client is None
        self._http = http_client or httpx.Client()

    def close(self) -> None:
        if self._owned:
            self._http.close()

    def send(self, request: Request) -> Response:
        with ExitStack() as opened, _translated():
            reply = self._http.send(self._built(request, opened), stream=True, follow_redirects=False)
            return _streamed(reply) if request.stream and reply.is_success else _whole(reply)

    def read(self, response: Response) -> bytes:
        _, chunks = response.handle
        with _translated():
            chunk: bytes = next(chunks, b"")
            return chunk

    def release(self, response: Response) -> None:
        reply, _ = response.handle
        with contextlib.suppress(httpx.RequestError):
            reply.close()

    def _built(self, request: Request, opened: ExitStack) -> httpx.Request:
        files = [_file(part, opened) for part in request.parts]
        return self._http.build_request(
            request.method,
            urljoin(self._base_url, request.path),
            params=dict(request.params) or None,
            headers=self._headers(request),
            json=request.json,
            files=files or None,
            timeout=self._timeouts(request),
        )

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {"User-Agent": f"voicereel-client/{__version__}", **request.headers}
        if request.stream:
            headers["Accept-Encoding"] = "identity"
        if request.authorized:
            headers["Authorization"] = self._authorization
        return headers

    def _timeouts(self, request: Request) -> httpx.Timeout:
        whole = self._timeout
        connect = CONNECT_TIMEOUT_S if whole is None else min(CONNECT_TIMEOUT_S, whole)
        read = whole if request.read_timeout is None else request.read_timeout
        return httpx.Timeout(whole, connect=connect, read=read)


def _file(part: Part, opened: ExitStack) -> tuple[str, tuple[str | None, Any, str | None]]:
    content = part.body.encode() if isinstance(part.body, str) else opened.enter_context(part.body())
    return part.name, (part.filename, content, part.content_type)


def _whole(reply: httpx.Response) -> Response:
    try:
        return Response(reply.status_code, _headers(reply), reply.read())
    finally:
        reply.close()


def _streamed(reply: httpx.Response) -> Response:
    return Response(reply.status_code, _headers(reply), handle=(reply, reply.iter_bytes()))


def _headers(reply: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in reply.headers.items()}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise APITimeoutError(f"No reply in time from {_address(error)} ({type(error).__name__}).") from error
    except httpx.RequestError as error:
        raise APIConnectionError(
            f"No reply from {_address(error)}: {error or type(error).__name__}."
        ) from error


def _address(error: httpx.RequestError) -> str:
    """Where a request went, without its path: a presigned URL must not be shown."""
    try:
        url = error.request.url
    except RuntimeError:  # httpx could not say which request it was
        return "the service"
    return f"{url.scheme}://{url.netloc.decode()}"
