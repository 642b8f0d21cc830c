"""Which failures are tried again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from voicereel_client._errors import APIConnectionError, status_error
from voicereel_client._flow import Attempt, Flow, Request, Response, Sleep

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0
LONGEST_RETRY_AFTER_S = 120.0


@dataclass(frozen=True)
class Timing:
    """Everything that depends on the moment; tests put in their own."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


def backoff(failures: int, timing: Timing) -> float:
    """Seconds to wait after so many failures: 0.5 doubling to 8, less up to a quarter."""
    delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (failures - 1))
    return delay * (1 - timing.random() / 4)


def attempts(request: Request, *, max_retries: int, timing: Timing) -> Flow[Response]:
    """Send until it succeeds, cannot succeed, or has been tried enough; raises what the last try met."""
    limit = max_retries if request.max_retries is None else request.max_retries
    failures = 0
    while True:
        outcome = yield from _attempt(request)
        failures += 1
        if isinstance(outcome, Response) and _is_done(outcome, request=request, failures=failures):
            return outcome
        delay = _delay(outcome, failures=failures, timing=timing)
        if failures > limit or delay is None:
            raise _as_error(outcome, timing)
        yield Sleep(delay)


def _attempt(request: Request) -> Flow[Response | APIConnectionError]:
    try:
        response: Response = yield Attempt(request)
    except APIConnectionError as error:
        return error
    return response


def _is_done(response: Response, *, request: Request, failures: int) -> bool:
    """A DELETE that is tried again and finds nothing was carried out the first time."""
    deleted = request.method == "DELETE" and response.status_code == 404 and failures > 1
    return deleted or 200 <= response.status_code < 300


def _delay(outcome: Response | APIConnectionError, *, failures: int, timing: Timing) -> float | None:
    """None where another try is of no use, or would come before the service wants it."""
    if isinstance(outcome, APIConnectionError):
        return backoff(failures, timing)
    if not _is_passing(outcome):
        return None
    asked = retry_after(outcome, timing)
    if asked is None:
        return backoff(failures, timing)
    return asked if asked <= LONGEST_RETRY_AFTER_S else None


def _is_passing(response: Response) -> bool:
    status = response.status_code
    if status == 409:
        return status_error(response).code == "idempotency_in_flight"
    if status == 429:
        return status_error(response).code != "quota_exceeded"
    return status == 408 or status >= 500


def _as_error(outcome: Response | APIConnectionError, timing: Timing) -> Exception:
    if isinstance(outcome, APIConnectionError):
        return outcome
    return status_error(outcome, retry_after=retry_after(outcome, timing))


def retry_after(response: Response, timing: Timing) -> float | None:
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
