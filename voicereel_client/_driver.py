"""Runs flows: by blocking calls, or by awaiting."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from voicereel_client._errors import VoiceReelError
from voicereel_client._flow import (
    Attempt,
    Close,
    Effect,
    Emit,
    Flow,
    Listing,
    Read,
    Response,
    Sleep,
    Tell,
    Work,
)
from voicereel_client._retries import Timing, retried

if TYPE_CHECKING:
    from voicereel_client._transport import AsyncTransport, Transport

T = TypeVar("T")


class Runner(Protocol):
    """What a resource needs to turn a flow into a result."""

    timing: Timing

    def run(self, flow: Flow[T]) -> T: ...

    def iterate(self, listing: Listing[T]) -> Iterator[T]: ...


class AsyncRunner(Protocol):
    """The same, awaited."""

    timing: Timing

    def run(self, flow: Flow[T]) -> Coroutine[Any, Any, T]: ...

    def iterate(self, listing: Listing[T]) -> AsyncIterator[T]: ...


class Course(Generic[T]):
    """A flow under way: what it wants next, its result, and the streams it holds open."""

    result: T

    def __init__(self, flow: Flow[T]) -> None:
        self.streams: list[Response] = []
        self._flow = flow
        self._answer: object = None
        self._error: VoiceReelError | None = None

    def next(self) -> Effect | None:
        """None at its end."""
        try:
            effect = self._flow.throw(self._error) if self._error else self._flow.send(self._answer)
        except StopIteration as stop:
            self.result = stop.value
            return None
        self._answer, self._error = None, None
        if isinstance(effect, Close) and effect.response in self.streams:
            self.streams.remove(effect.response)
        return effect

    def answer(self, outcome: object) -> None:
        self._answer = outcome
        if isinstance(outcome, Response) and outcome.handle is not None:
            self.streams.append(outcome)

    def fail(self, error: VoiceReelError) -> None:
        self._error = error

    def close(self) -> list[Response]:
        """Also when the caller stops early; gives the streams that are to be released."""
        self._flow.close()
        return self.streams


class _Driver:
    """What both drivers do; of the asynchronous one every outcome may have to be awaited."""

    def __init__(self, transport: Transport | AsyncTransport, *, max_retries: int, timing: Timing) -> None:
        self.timing = timing
        self._transport = transport
        self._max_retries = max_retries

    def _course(self, flow: Flow[T]) -> Course[T]:
        return Course(retried(flow, max_retries=self._max_retries, timing=self.timing))

    def _perform(self, effect: Effect) -> Any:  # noqa: ANN401 - the outcome, or an awaitable of it
        match effect:
            case Attempt(request):
                return self._transport.send(request)
            case Read(response):
                return self._transport.read(response)
            case Close(response):
                return self._transport.release(response)
            case Sleep(seconds):
                return self.timing.sleep(seconds)
            case Work(function):
                return self._work(function)
        raise TypeError(f"No driver performs a {type(effect).__name__}.")

    def _work(self, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - as _perform
        return function()


class Driver(_Driver):
    def close(self) -> None:
        self._transport.close()

    def run(self, flow: Flow[T]) -> T:
        course = self._course(flow)
        for _ in self._steps(course):
            pass
        return course.result

    def iterate(self, listing: Listing[T]) -> Iterator[T]:
        return self._steps(self._course(listing.flow))

    def _steps(self, course: Course[Any]) -> Generator[Any, None, None]:
        """Whatever the flow emits."""
        try:
            while (effect := course.next()) is not None:
                if isinstance(effect, Emit):
                    yield effect.item
                elif isinstance(effect, Tell):
                    effect.listener(effect.item)
                else:
                    self._advance(course, effect)
        finally:
            for response in course.close():
                self._transport.release(response)

    def _advance(self, course: Course[Any], effect: Effect) -> None:
        try:
            course.answer(self._perform(effect))
        except VoiceReelError as error:
            course.fail(error)


class AsyncDriver(_Driver):
    """For asyncio. Cancelled, it closes what it has open."""

    async def close(self) -> None:
        await _settled(self._transport.close())

    async def run(self, flow: Flow[T]) -> T:
        course = self._course(flow)
        async for _ in self._steps(course):
            pass
        return course.result

    def iterate(self, listing: Listing[T]) -> AsyncIterator[T]:
        return self._steps(self._course(listing.flow))

    async def _steps(self, course: Course[Any]) -> AsyncGenerator[Any, None]:
        try:
            while (effect := course.next()) is not None:
                if isinstance(effect, Emit):
                    yield effect.item
                elif isinstance(effect, Tell):
                    await _settled(effect.listener(effect.item))
                else:
                    await self._advance(course, effect)
        finally:
            for response in course.close():
                await _settled(self._transport.release(response))

    async def _advance(self, course: Course[Any], effect: Effect) -> None:
        try:
            course.answer(await _settled(self._perform(effect)))
        except VoiceReelError as error:
            course.fail(error)

    def _work(self, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - an awaitable
        """Beside the event loop, which goes on."""
        import asyncio

        return asyncio.to_thread(function)


async def _settled(outcome: Any) -> Any:  # noqa: ANN401 - whatever it is
    return await outcome if inspect.isawaitable(outcome) else outcome
