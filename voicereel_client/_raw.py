"""Replies as they came, beside what the methods make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from voicereel_client._driver import AsyncRunner, Runner
from voicereel_client._flow import Effect, Emit, Flow, Listing, Request, Response, through

T = TypeVar("T")


@dataclass(frozen=True)
class RawResponse(Generic[T]):
    """A reply as it came. ``parsed`` is what the method returns without ``with_raw_response``."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    parsed: T

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


class RawRunner:
    """Gives the last reply beside the result; of a list, one reply a page with the page's items."""

    def __init__(self, runner: Runner | AsyncRunner) -> None:
        self.timing = runner.timing
        self.runner: Any = runner

    def run(self, flow: Flow[Any]) -> Any:  # noqa: ANN401 - a RawResponse in the place of a T
        return self.runner.run(_with_reply(flow))

    def iterate(self, listing: Listing[Any]) -> Any:  # noqa: ANN401 - an iterator of RawResponses
        return self.runner.iterate(Listing(_with_replies(listing.flow)))


def _with_reply(flow: Flow[T]) -> Flow[RawResponse[T]]:
    last: Response | None = None

    def watch(effect: Effect) -> Flow[Any]:
        nonlocal last
        answer = yield effect
        last = answer if isinstance(effect, Request) else last
        return answer

    result = yield from through(flow, watch)
    return _raw(last, result)


def _with_replies(flow: Flow[None]) -> Flow[None]:
    last: Response | None = None
    items: list[Any] = []

    def gather(effect: Effect) -> Flow[Any]:
        nonlocal last
        if isinstance(effect, Emit):
            return items.append(effect.item)
        if not isinstance(effect, Request):
            return (yield effect)
        if last is not None:
            yield Emit(_raw(last, tuple(items)))
            items.clear()
        last = yield effect
        return last

    yield from through(flow, gather)
    yield Emit(_raw(last, tuple(items)))


def _raw(response: Response | None, parsed: T) -> RawResponse[T]:
    assert response is not None, "every flow asks the service something"
    return RawResponse(response.status_code, response.headers, response.content, parsed)
