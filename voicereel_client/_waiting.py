"""Waiting for a job or a speaker: follow the events, else ask again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from voicereel_client._errors import (
    JobFailedError,
    RateLimitError,
    SpeakerRejectedError,
    VoiceReelError,
    WaitTimeoutError,
)
from voicereel_client._events import SILENCE_S, EventStream
from voicereel_client._flow import Flow, Sleep, Tell
from voicereel_client._models import Event, JobRecord, Raw, Speaker
from voicereel_client._retries import (
    LONGEST_RETRY_AFTER_S,
    PATIENCE,
    Timing,
    backoff,
    delay_after,
    is_passing,
)

T = TypeVar("T")
J = TypeVar("J", bound=JobRecord)
OnEvent = Callable[[Event], object]

FIRST_INTERVAL_S = 0.25
LONGEST_INTERVAL_S = 5.0
LAST_STRETCH_S = 20.0
STREAMS_AGAIN_S = 30.0
"""How long to poll before the events are tried again."""
EMPTY_STREAMS = 3
"""So many connections in a row without an event, and polling finds out why."""
LAST_EVENTS_S = 5.0
"""How long the events of a job at rest may take: they are all there."""
LAST_TRIES = 3


class Deadline:
    """``timeout`` in seconds, None for never."""

    def __init__(self, timeout: float | None, timing: Timing) -> None:
        self.timeout = timeout
        self._clock = timing.clock
        self._end = None if timeout is None else timing.clock() + timeout

    @property
    def left(self) -> float:
        return float("inf") if self._end is None else self._end - self._clock()

    @property
    def last_stretch(self) -> float:
        """When this is left, stop reading streams: a silent one could hold us past the deadline."""
        return 0.0 if self.timeout is None else min(LAST_STRETCH_S, self.timeout / 2)

    def pause(self, interval: float, waited_for: str) -> Flow[None]:
        if self.timeout is not None and self.left <= 0:
            raise WaitTimeoutError(waited_for, self.timeout)
        yield Sleep(min(interval, self.left))


class JobWatch(Generic[J]):
    """Follows one job's events, and polls while they cannot be had.

    Restarts of the service and cut connections are outlasted up to the deadline. Events come in order, each
    once; while streams are refused, every change found by polling is told as an event without an id.
    """

    def __init__(
        self,
        job_id: str,
        job_path: str,
        *,
        get: Callable[[], Flow[J]],
        on_event: OnEvent | None,
        timeout: float | None,
        timing: Timing,
    ) -> None:
        self._job_id = job_id
        self._get = get
        self._listener = on_event
        self._timing = timing
        self._deadline = Deadline(timeout, timing)
        self._stream = EventStream(
            f"{job_path}/events", read_timeout=self._deadline.last_stretch or SILENCE_S
        )
        self._known: Raw | None = None

    def run(self) -> Flow[J]:
        """The job at rest. Raises JobFailedError, WaitTimeoutError, and what is final (401, 404)."""
        job = None
        while job is None:
            told = yield from self._follow()
            job = yield from self._poll(told=told)
        if job.status in ("failed", "canceled"):
            raise JobFailedError(job)
        return job

    def _follow(self) -> Flow[bool]:
        """Whether the events told that the job is at rest; False where they cannot be had for now."""
        stream, failures = self._stream, 0
        while self._deadline.left > self._deadline.last_stretch:
            try:
                rests = yield from self._told((yield from stream.more()))
            except VoiceReelError as error:
                failures += 1
                given_up = _is_refused(error) or failures > PATIENCE
                delay = delay_after(error, failures=failures, timing=self._timing)
            else:
                if rests:
                    break
                failures = 0 if stream.is_open else failures + stream.was_empty
                given_up = failures > EMPTY_STREAMS
                delay = 0 if stream.is_open else backoff(failures or 1, self._timing)
            if given_up:
                return False
            if delay:
                yield from self._deadline.pause(min(delay, LONGEST_RETRY_AFTER_S), self._job_id)
        else:
            rests = False
        yield from stream.close()
        return rests

    def _told(self, events: Iterable[Event]) -> Flow[bool]:
        rests = False
        for event in events:
            yield from self._tell(event)
            rests = rests or _tells_rest(event)
        return rests

    def _poll(self, *, told: bool) -> Flow[J | None]:
        """The job at rest; None when it is time to try the events again."""
        interval, began = FIRST_INTERVAL_S, self._timing.clock()
        while True:
            job = yield from patiently(
                self._get, waited_for=self._job_id, deadline=self._deadline, timing=self._timing
            )
            if job.at_rest:
                if self._listener and not told:
                    yield from self._tell_rest(job)
                return job
            if not told:
                yield from self._tell_change(job)
            yield from self._deadline.pause(interval, self._job_id)
            if told or self._timing.clock() - began >= STREAMS_AGAIN_S:
                return None
            interval = min(LONGEST_INTERVAL_S, interval * 1.5)

    def _tell_rest(self, job: J) -> Flow[None]:
        """By the events not told yet if they can be had now, else by what was found."""
        self._stream.read_timeout = max(1.0, min(LAST_EVENTS_S, self._deadline.left))
        rests, failures = False, 0
        while failures < LAST_TRIES:
            try:
                rests = yield from self._told_to_the_end()
                break
            except VoiceReelError as error:
                failures = LAST_TRIES if _is_refused(error) else failures + 1
                delay = min(backoff(failures, self._timing), self._deadline.left)
            if failures < LAST_TRIES:
                yield Sleep(max(0.0, delay))
        yield from self._stream.close()
        if not rests:
            yield from self._tell_change(job)

    def _told_to_the_end(self) -> Flow[bool]:
        """Of one connection, or up to where the job rests."""
        rests = yield from self._told((yield from self._stream.more()))
        while self._stream.is_open and not rests:
            rests = yield from self._told((yield from self._stream.more()))
        return rests

    def _tell_change(self, job: J) -> Flow[None]:
        if job.raw != self._known:
            self._known = job.raw
            yield from self._tell(Event(None, "job.finished" if job.finished else "job.updated", job.raw))

    def _tell(self, event: Event) -> Flow[None]:
        if self._listener:
            yield Tell(self._listener, event)


def _is_refused(error: VoiceReelError) -> bool:
    """Too many streams, or none at all: polling finds out more."""
    return isinstance(error, RateLimitError) or not is_passing(error)


def _tells_rest(event: Event) -> bool:
    is_job = event.type.startswith("job.")
    return event.type == "job.finished" or (is_job and JobRecord.parse(event.data).at_rest)


def patiently(get: Callable[[], Flow[T]], *, waited_for: str, deadline: Deadline, timing: Timing) -> Flow[T]:
    """What ``get`` gives, tried over and over until the deadline where a later try may succeed."""
    failures = 0
    while True:
        try:
            return (yield from get())
        except VoiceReelError as error:
            if not is_passing(error):
                raise
            failures += 1
            delay = delay_after(error, failures=failures, timing=timing)
            yield from deadline.pause(min(delay, LONGEST_RETRY_AFTER_S), waited_for)


def wait_for_speaker(
    speaker_id: str, get: Callable[[], Flow[Speaker]], *, timeout: float | None, timing: Timing
) -> Flow[Speaker]:
    """The speaker once it is no longer processed. Raises SpeakerRejectedError, or WaitTimeoutError."""
    deadline, interval = Deadline(timeout, timing), FIRST_INTERVAL_S
    while True:
        speaker = yield from patiently(get, waited_for=speaker_id, deadline=deadline, timing=timing)
        if speaker.status != "processing":
            break
        yield from deadline.pause(interval, speaker_id)
        interval = min(LONGEST_INTERVAL_S, interval * 1.5)
    if speaker.status == "rejected":
        raise SpeakerRejectedError(speaker)
    return speaker
