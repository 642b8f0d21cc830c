"""Which failures are tried again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from voicereel_client._errors import APIConnectionError, APIStatusError, VoiceReelError, status_error
from voicereel_client._flow import Attempt, Effect, Flow, Request, Response, Sleep, through

T = TypeVar("T")

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0
LONGEST_RETRY_AFTER_S = 120.0
PATIENCE = 8
"""Failures in a row after which a stream or a download is given up: 40 s."""


@dataclass(frozen=True)
class Timing:
    """Everything that depends on the moment; tests put in their own. ``sleep`` may give an awaitable."""

    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


def backoff(failures: int, timing: Timing) -> float:
    """Seconds to wait after so many failures: 0.5 doubling to 8, less up to a quarter."""
    delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (failures - 1))
    return delay * (1 - timing.random() / 4)


def retried(flow: Flow[T], *, max_retries: int, timing: Timing) -> Flow[T]:
    """The flow, each of its requests tried as often as it takes and is of use."""

    def handle(effect: Effect) -> Flow[Any]:
        if isinstance(effect, Request):
            return (yield from _attempts(effect, max_retries=max_retries, timing=timing))
        return (yield effect)

    return through(flow, handle)


def _attempts(request: Request, *, max_retries: int, timing: Timing) -> Flow[Response]:
    """Send until it succeeds, cannot succeed, or has been tried enough; raises what the last try met."""
    limit = max_retries if request.max_retries is None else request.max_retries
    failures = 0
    while True:
        try:
            return (yield from _attempt(request, is_first=failures == 0, timing=timing))
        except VoiceReelError as error:
            failures += 1
            delay = pause_after(error, failures=failures, limit=limit, timing=timing)
        yield Sleep(delay)


def _attempt(request: Request, *, is_first: bool, timing: Timing) -> Flow[Response]:
    """A DELETE that is tried again and finds nothing was carried out the first time."""
    response: Response = yield Attempt(request)
    deleted = request.method == "DELETE" and response.status_code == 404 and not is_first
    if deleted or 200 <= response.status_code < 300:
        return response
    raise status_error(response, retry_after=_retry_after(response, timing))


def pause_after(error: VoiceReelError, *, failures: int, limit: int, timing: Timing) -> float:
    """Seconds until the next try. Raises the error itself where there is to be none."""
    delay = delay_after(error, failures=failures, timing=timing)
    if failures > limit or not is_passing(error) or delay > LONGEST_RETRY_AFTER_S:
        raise error
    return delay


def is_passing(error: VoiceReelError) -> bool:
    """Whether the same request may succeed later."""
    if not isinstance(error, APIStatusError):
        return isinstance(error, APIConnectionError)
    if error.status_code == 409:
        return error.code == "idempotency_in_flight"
    if error.status_code == 429:
        return error.code != "quota_exceeded"
    return error.status_code == 408 or error.status_code >= 500


def delay_after(error: VoiceReelError, *, failures: int, timing: Timing) -> float:
    """Seconds until the next try: what the service asks for, else ``backoff``."""
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    return backoff(failures, timing) if asked is None else asked


def _retry_after(response: Response, timing: Timing) -> float | None:
    """Seconds, from either form of the header."""
    value = response.headers.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    moment = _http_date(value)
    return None if moment is None else max(0.0, moment.timestamp() - timing.now())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
