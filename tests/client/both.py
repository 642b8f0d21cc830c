"""The asynchronous client behind the blocking one's face, so that one test says what both must do."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

from voicereel_client import AsyncJob, AsyncVoiceReel, RawResponse
from voicereel_client._resources import AsyncResource


class Blocking:
    """Calls what it stands for, and runs the loop until that is done."""

    def __init__(self, target: object, loop: asyncio.AbstractEventLoop) -> None:
        self._target = target
        self._loop = loop

    def __repr__(self) -> str:
        return repr(self._target)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._called(found) if callable(found) else self._faced(found)

    def _called(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **given: Any) -> Any:
            result = method(*args, **given)
            if inspect.isawaitable(result):
                result = self._loop.run_until_complete(result)
            return self._iterated(result) if hasattr(result, "__anext__") else self._faced(result)

        return call

    def _iterated(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        end = object()
        try:
            while (item := self._loop.run_until_complete(anext(items, end))) is not end:
                yield self._faced(item)
        finally:
            self._loop.run_until_complete(items.aclose())

    def _faced(self, value: Any) -> Any:
        if isinstance(value, RawResponse):
            return replace(value, parsed=self._faced(value.parsed))
        is_ours = isinstance(value, AsyncJob | AsyncVoiceReel | AsyncResource)
        return Blocking(value, self._loop) if is_ours else value


@contextmanager
def blocking(make: Callable[[], AsyncVoiceReel]) -> Iterator[Any]:
    loop = asyncio.new_event_loop()
    client = make()
    try:
        yield Blocking(client, loop)
    finally:
        loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
