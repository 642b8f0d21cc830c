"""Requests become bytes. The only module that knows httpx; import it late, httpx is slow to load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, aclosing, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urljoin

import httpx

from voicereel_client._errors import APIConnectionError, APITimeoutError
from voicereel_client._flow import Part, Request, Response
from voicereel_client._version import __version__

HttpClient: TypeAlias = httpx.Client
AsyncHttpClient: TypeAlias = httpx.AsyncClient
CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Wire:
    """Where requests go and what each carries. ``timeout`` is in seconds for each read and write."""

    base_url: str
    api_key: str = field(repr=False)
    timeout: float | None

    def built(self, http: HttpClient | AsyncHttpClient, request: Request, opened: ExitStack) -> httpx.Request:
        files = [_file(part, opened) for part in request.parts]
        return http.build_request(
            request.method,
            urljoin(self.base_url.rstrip("/") + "/", request.path),
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
            headers["Authorization"] = f"Bearer {self.api_key}"
        return headers

    def _timeouts(self, request: Request) -> httpx.Timeout:
        whole = self.timeout
        connect = CONNECT_TIMEOUT_S if whole is None else min(CONNECT_TIMEOUT_S, whole)
        read = whole if request.read_timeout is None else request.read_timeout
        return httpx.Timeout(whole, connect=connect, read=read)


# Each job that is waited for holds a connection: how many there may be is for the service to say.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class Transport:
    """A client that is handed in is never closed. Redirects are never followed: the key stays here."""

    def __init__(self, wire: Wire, http_client: HttpClient | None) -> None:
        self._wire = wire
        self._owned = http_client is None
        self._http = http_client or httpx.Client(limits=_LIMITS)

    def close(self) -> None:
        if self._owned:
            self._http.close()

    def send(self, request: Request) -> Response:
        with ExitStack() as opened, _translated():
            built = self._wire.built(self._http, request, opened)
            reply = self._http.send(built, stream=True, follow_redirects=False)
            if request.stream and reply.is_success:
                return _response(reply, handle=(reply, reply.iter_bytes()))
            with closing(reply):
                return _response(reply, content=reply.read())

    def read(self, response: Response) -> bytes:
        _, chunks = response.handle
        with _translated():
            chunk: bytes = next(chunks, b"")
            return chunk

    def release(self, response: Response) -> None:
        reply, _ = response.handle
        with suppress(httpx.RequestError):
            reply.close()


class AsyncTransport:
    """``Transport`` for asyncio."""

    def __init__(self, wire: Wire, http_client: AsyncHttpClient | None) -> None:
        self._wire = wire
        self._owned = http_client is None
        self._http = http_client or httpx.AsyncClient(limits=_LIMITS)

    async def close(self) -> None:
        if self._owned:
            await self._http.aclose()

    async def send(self, request: Request) -> Response:
        with ExitStack() as opened, _translated():
            built = self._wire.built(self._http, request, opened)
            reply = await self._http.send(built, stream=True, follow_redirects=False)
            if request.stream and reply.is_success:
                return _response(reply, handle=(reply, reply.aiter_bytes()))
            async with aclosing(reply):
                return _response(reply, content=await reply.aread())

    async def read(self, response: Response) -> bytes:
        _, chunks = response.handle
        with _translated():
            chunk: bytes = await anext(chunks, b"")
            return chunk

    async def release(self, response: Response) -> None:
        reply, chunks = response.handle
        with suppress(httpx.RequestError):
            await chunks.aclose()
            await reply.aclose()


def _file(part: Part, opened: ExitStack) -> tuple[str, tuple[str | None, Any, str | None]]:
    content = part.body.encode() if isinstance(part.body, str) else opened.enter_context(part.body())
    return part.name, (part.filename, content, part.content_type)


def _response(reply: httpx.Response, *, content: bytes = b"", handle: object = None) -> Response:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Response(reply.status_code, headers, content, handle)


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
