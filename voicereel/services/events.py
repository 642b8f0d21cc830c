"""Event streams: one thread a process watches the database, however many streams are open."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.errors import NotFound, TooManyStreams, VoiceReelError
from voicereel.domain.job import FINISHED
from voicereel.ports import Event, UnitOfWork

_PAGE = 500
_LAST = "job.finished"


@dataclass(kw_only=True)
class EventService:
    """Hands out the events of a job, past ones first, until the job has finished.

    A stream holds a database connection only while it reads, never while it waits.
    """

    work: UnitOfWork
    view: Callable[[Principal, str], dict[str, Any]]
    max_streams: int = 40
    poll_s: float = 0.05
    ping_s: float = 15.0
    monotonic: Callable[[], float] = time.monotonic
    _open: int = 0
    _watcher: threading.Thread | None = None
    latest: int = -1
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def stream(self, principal: Principal, job_id: str, *, after: int) -> "EventStream":
        """Events with an id above ``after``, until `job.finished`. Close the stream when done."""
        with self.work.reading() as tx:
            job = tx.jobs.get(job_id, tenant_id=principal.tenant_id)
        if job is None or job.kind != "speech":
            raise NotFound("job")
        self.enter()
        return EventStream(self, principal, job_id, after)

    def read(self, job_id: str, after: int) -> tuple[Event, ...]:
        with self.work.reading() as tx:
            return tx.events.after(job_id, event_id=after, limit=_PAGE)

    def is_over(self, principal: Principal, job_id: str) -> bool:
        """Whether the job is gone or has finished: there will be no more events."""
        with self.work.reading() as tx:
            job = tx.jobs.get(job_id, tenant_id=principal.tenant_id)
        return job is None or job.status in FINISHED

    def fresh(self, principal: Principal, event: Event) -> Event:
        """The end of a job is told with download URLs that work now."""
        if event.type != _LAST:
            return event
        try:
            return replace(event, data=self.view(principal, event.job_id))
        except NotFound:  # deleted since: tell it as it was
            return event

    def wait(self, seen: int, timeout_s: float) -> None:
        """Sleep until the database has something new, or it is time to ping."""
        with self._changed:
            self._changed.wait_for(lambda: self.latest != seen, timeout=timeout_s)

    def enter(self) -> None:
        with self._changed:
            if self._open >= self.max_streams:
                raise TooManyStreams("Too many event streams are open; poll the job instead.")
            self._open += 1
            if self._watcher is None or not self._watcher.is_alive():
                self._watcher = threading.Thread(target=self._watch, name="event-watch", daemon=True)
                self._watcher.start()

    def leave(self) -> None:
        with self._changed:
            self._open -= 1

    def _watch(self) -> None:
        """Poll the newest event's number while any stream is open."""
        stop = threading.Event()
        while not stop.wait(self.poll_s) and self._is_needed():
            self._announce(self._newest())

    def _is_needed(self) -> bool:
        with self._changed:
            if self._open == 0:
                self._watcher = None
            return self._open > 0

    def _announce(self, latest: int) -> None:
        with self._changed:
            if latest != self.latest:
                self.latest = latest
                self._changed.notify_all()

    def _newest(self) -> int:
        try:
            with self.work.reading() as tx:
                return tx.events.latest()
        except VoiceReelError:
            return self.latest


class EventStream:
    """One open stream: iterate it; a None means that a ping is due."""

    def __init__(self, service: EventService, principal: Principal, job_id: str, after: int) -> None:
        self._service = service
        self._principal = principal
        self._job_id = job_id
        self._after = after
        self._open = True

    def __iter__(self) -> Iterator[Event | None]:
        service, told, check = self._service, self._service.monotonic(), True
        while self._open:
            seen = service.latest
            # Asked before the events are read: the last of them cannot slip in between.
            over = check and service.is_over(self._principal, self._job_id)
            events = service.read(self._job_id, self._after)
            yield from self._tell(events)
            if (over and len(events) < _PAGE) or any(event.type == _LAST for event in events):
                return
            now = service.monotonic()
            told = now if events else told
            check = now - told >= service.ping_s
            if check:
                told = now
                yield None
            elif not events:
                service.wait(seen, service.ping_s - (now - told))

    def _tell(self, events: Sequence[Event]) -> Iterator[Event]:
        for event in events:
            self._after = event.id
            yield self._service.fresh(self._principal, event)

    def close(self) -> None:
        """Give the place back; a second call does nothing."""
        if self._open:
            self._open = False
            self._service.leave()
