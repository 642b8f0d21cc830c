"""An endpoint is a generator: it yields what it wants done and is sent the outcome.

Nothing here does I/O, so that one driver (``_driver.py``) runs every endpoint, and an asynchronous one
needs no endpoint written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias, TypeVar

from voicereel_client._errors import VoiceReelError

T = TypeVar("T")
Opener: TypeAlias = Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True)
class Part:
    """One part of a multipart body. A callable opens the file anew, so that a retry can send it again."""

    name: str
    body: str | Opener
    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True)
class Request:
    """``path`` is below the base URL, or a whole URL. ``authorized`` is off where a URL is its own key.

    A ``stream`` reply comes back unread. ``max_retries`` and ``read_timeout`` (seconds) replace the client's.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    parts: tuple[Part, ...] = ()
    stream: bool = False
    authorized: bool = True
    max_retries: int | None = None
    read_timeout: float | None = None


@dataclass(frozen=True)
class Response:
    """``headers`` are keyed in lower case; ``handle`` belongs to the transport."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes = b""
    handle: Any = field(default=None, repr=False)

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


@dataclass(frozen=True)
class Attempt:
    """Send once. Endpoints yield a Request; what becomes of it is a row of attempts."""

    request: Request


@dataclass(frozen=True)
class Read:
    """The next bytes of a streamed response; b"" is its end."""

    response: Response


@dataclass(frozen=True)
class Close:
    response: Response


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class Emit:
    """Hand one item to the caller who iterates."""

    item: Any


Effect: TypeAlias = Request | Attempt | Read | Close | Sleep | Emit
Flow: TypeAlias = Generator[Effect, Any, T]


def fetch(request: Request) -> Flow[Response]:
    response: Response = yield request
    return response


def fetch_json(request: Request) -> Flow[dict[str, Any]]:
    """Every body of the service is an object; something between us may have answered in its place."""
    response = yield from fetch(request)
    try:
        body = json.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise VoiceReelError(
            "The reply is not the service's: no JSON object.",
            code="bad_reply",
            request_id=response.request_id,
        )
    return body


def read(response: Response) -> Flow[bytes]:
    chunk: bytes = yield Read(response)
    return chunk


def pages(path: str, params: Mapping[str, str], parse: Callable[[Mapping[str, Any]], object]) -> Flow[None]:
    """Emit each item of each page."""
    cursor: str | None = ""
    while cursor is not None:
        query = {**params, "cursor": cursor} if cursor else params
        page = yield from fetch_json(Request("GET", path, params=query))
        for item in page.get("data", ()):
            yield Emit(parse(item))
        cursor = page.get("next_cursor") if page.get("has_more") else None
