"""An endpoint is a generator: it yields what it wants done and is sent the outcome.

Nothing here does I/O, so that the blocking driver and the asynchronous one (``_driver.py``) run the same
endpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar

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
class Work:
    """Run something that reads or writes much on this machine; gives its result."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Tell:
    """Call the caller's own function; what it raises is not the flow's to handle."""

    listener: Callable[[Any], object]
    item: Any


@dataclass(frozen=True)
class Emit:
    """Hand one item to the caller who iterates."""

    item: Any


Effect: TypeAlias = Request | Attempt | Read | Close | Sleep | Work | Tell | Emit
Flow: TypeAlias = Generator[Effect, Any, T]


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A flow that emits items of one type."""

    flow: Flow[None]


def through(flow: Flow[T], handle: Callable[[Effect], Flow[Any]]) -> Flow[T]:
    """The same flow, with ``handle`` between it and whoever runs it."""
    answer: object = None
    error: VoiceReelError | None = None
    try:
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            answer, error = None, None
            try:
                answer = yield from handle(effect)
            except VoiceReelError as failure:
                error = failure
    finally:
        flow.close()


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


def pages(path: str, params: Mapping[str, str], parse: Callable[[Mapping[str, Any]], T]) -> Listing[T]:
    """Each item of each page."""
    return Listing(_paged(path, params, parse))


def _paged(path: str, params: Mapping[str, str], parse: Callable[[Mapping[str, Any]], T]) -> Flow[None]:
    cursor: str | None = ""
    while cursor is not None:
        query = {**params, "cursor": cursor} if cursor else params
        page = yield from fetch_json(Request("GET", path, params=query))
        for item in page.get("data", ()):
            yield Emit(parse(item))
        cursor = page.get("next_cursor") if page.get("has_more") else None
