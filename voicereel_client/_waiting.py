"""Waiting for a job or a speaker: follow the events, else ask again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from voicereel_client._errors import (
    JobFailedError,
    SpeakerRejectedError,
    VoiceReelError,
    WaitTimeoutError,
)
from voicereel_client._events import SILENCE_S, EventStream
from voicereel_client._flow import Flow, Sleep
from voicereel_client._models import Event, JobRecord, Speaker
from voicereel_client._retries import Timing

J = TypeVar("J", bound=JobRecord)
OnEvent = Callable[[Event], object]

FIRST_INTERVAL_S = 0.25
LONGEST_INTERVAL_S = 5.0
LAST_STRETCH_S = 20.0


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


def wait_for_job(
    job_path: str,
    *,
    get: Callable[[], Flow[J]],
    on_event: OnEvent | None,
    timeout: float | None,
    timing: Timing,
) -> Flow[J]:
    """The job at rest. Raises JobFailedError, or WaitTimeoutError."""
    deadline = Deadline(timeout, timing)
    notify = on_event or (lambda _: None)
    followed = yield from _follow(job_path, notify=notify, deadline=deadline, timing=timing)
    silent = (lambda _: None) if followed else notify
    job = yield from _poll_job(get, notify=silent, deadline=deadline)
    if job.status in ("failed", "canceled"):
        raise JobFailedError(job)
    return job


def _follow(job_path: str, *, notify: OnEvent, deadline: Deadline, timing: Timing) -> Flow[bool]:
    """Whether the events told that the job is at rest; if not, polling has to find out."""
    stream = EventStream(
        f"{job_path}/events",
        timing=timing,
        read_timeout=deadline.last_stretch or SILENCE_S,
        max_retries=0,
    )
    rests = False
    try:
        while not (rests or stream.empty) and deadline.left > deadline.last_stretch:
            for event in (yield from stream.more()):
                notify(event)
                rests = rests or _tells_rest(event)
    except VoiceReelError:
        return False
    yield from stream.close()
    return rests


def _tells_rest(event: Event) -> bool:
    is_job = event.type.startswith("job.")
    return event.type == "job.finished" or (is_job and JobRecord.parse(event.data).at_rest)


def _poll_job(get: Callable[[], Flow[J]], *, notify: OnEvent, deadline: Deadline) -> Flow[J]:
    """Every change is told as an event without an id."""
    interval, known = FIRST_INTERVAL_S, None
    while True:
        job = yield from get()
        if job.raw != known:
            known = job.raw
            notify(Event(None, "job.finished" if job.finished else "job.updated", job.raw))
        if job.at_rest:
            return job
        yield from deadline.pause(interval, job.id)
        interval = min(LONGEST_INTERVAL_S, interval * 1.5)


def wait_for_speaker(
    get: Callable[[], Flow[Speaker]], *, timeout: float | None, timing: Timing
) -> Flow[Speaker]:
    """The speaker once it is no longer processed. Raises SpeakerRejectedError, or WaitTimeoutError."""
    deadline, interval = Deadline(timeout, timing), FIRST_INTERVAL_S
    speaker = yield from get()
    while speaker.status == "processing":
        yield from deadline.pause(interval, speaker.id)
        interval = min(LONGEST_INTERVAL_S, interval * 1.5)
        speaker = yield from get()
    if speaker.status == "rejected":
        raise SpeakerRejectedError(speaker)
    return speaker
