"""Runs flows by blocking calls. An asynchronous driver would be this file with awaits."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from voicereel_client._errors import VoiceReelError
from voicereel_client._flow import Attempt, Close, Effect, Emit, Flow, Read, Request, Response, Sleep
from voicereel_client._retries import Timing, attempts

if TYPE_CHECKING:
    from voicereel_client._transport import Transport

T = TypeVar("T")


class Runner(Protocol):
    """What a resource needs to turn a flow into a result."""

    timing: Timing

    def run(self, flow: Flow[T]) -> T: ...

    def iterate(self, flow: Flow[None]) -> Iterator[Any]: ...


class Driver:
    def __init__(
        self,
        transport: Transport,
        *,
        max_retries: int,
        timing: Timing,
        observe: Callable[[Response], None] = lambda _: None,
    ) -> None:
        self.timing = timing
        self._transport = transport
        self._max_retries = max_retries
        self._observe = observe

    def observed_by(self, observe: Callable[[Response], None]) -> Driver:
        return Driver(self._transport, max_retries=self._max_retries, timing=self.timing, observe=observe)

    def close(self) -> None:
        self._transport.close()

    def run(self, flow: Flow[T]) -> T:
        steps = self.iterate(flow)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result

    def iterate(self, flow: Flow[T]) -> Generator[Any, None, T]:
        """Whatever the flow emits; streams it leaves open are closed, also when the caller stops early."""
        opened: list[Response] = []
        try:
            return (yield from self._steps(flow, opened))
        finally:
            flow.close()
            for response in opened:
                self._transport.release(response)

    def _steps(self, flow: Flow[T], opened: list[Response]) -> Generator[Any, None, T]:
        answer: object = None
        error: VoiceReelError | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            answer, error = None, None
            if isinstance(effect, Emit):
                yield effect.item
                continue
            try:
                answer = self._perform(effect, opened)
            except VoiceReelError as failure:
                error = failure

    def _perform(self, effect: Effect, opened: list[Response]) -> object:
        match effect:
            case Request():
                return self._request(effect, opened)
            case Attempt(request):
                return self._transport.send(request)
            case Read(response):
                return self._transport.read(response)
            case Close(response):
                self._transport.release(response)
            case Sleep(seconds):
                self.timing.sleep(seconds)
        return None

    def _request(self, request: Request, opened: list[Response]) -> Response:
        response = self.run(attempts(request, max_retries=self._max_retries, timing=self.timing))
        self._observe(response)
        if response.handle is not None:
            opened.append(response)
        return response


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


class RawDriver:
    """Gives the last reply beside the result; of a list, one reply a page with the page's items."""

    def __init__(self, driver: Driver) -> None:
        self.timing = driver.timing
        self.driver = driver

    def run(self, flow: Flow[Any]) -> Any:  # noqa: ANN401 - a RawResponse in the place of a T
        seen: list[Response] = []
        result = self.driver.observed_by(seen.append).run(flow)
        return _raw(seen[-1], result)

    def iterate(self, flow: Flow[None]) -> Iterator[Any]:
        seen: list[Response] = []
        items = self.driver.observed_by(seen.append).iterate(flow)
        for page, members in groupby(items, key=lambda _: len(seen)):
            yield _raw(seen[page - 1], tuple(members))


def _raw(response: Response, parsed: T) -> RawResponse[T]:
    return RawResponse(response.status_code, response.headers, response.content, parsed)
