"""Event streams: one thread a process listens to the database, however many streams are open."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.errors import NotFound, TooManyStreams, VoiceReelError
from voicereel.domain.job import FINISHED
from voicereel.ports import Event, Listener, UnitOfWork

_PAGE = 500
_LAST = "job.finished"
_LISTEN_S = 1.0


@dataclass(kw_only=True)
class EventService:
    """Hands out the events of a job, past ones first, until the job has finished.

    ``view`` and ``told`` make what is told of jobs and of their lines, with download URLs of this moment.

    A stream holds a database connection only while it reads, never while it waits: one listener a
    process hears which jobs have something new, and wakes the streams of those alone.
    """

    work: UnitOfWork
    view: Callable[[Principal, str], dict[str, Any]]
    told: Callable[[str, Sequence[Event]], Iterable[Event]]
    max_streams: int = 40
    ping_s: float = 15.0
    monotonic: Callable[[], float] = time.monotonic
    _streams: dict[str, set["EventStream"]] = field(default_factory=dict)
    _open: int = 0
    _watcher: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stream(self, principal: Principal, job_id: str, *, after: int | None) -> "EventStream":
        """Events with an id above ``after``, until `job.finished`. Close the stream when done.

        Without ``after``, those of the newest revision.
        """
        with self.work.reading() as tx:
            job = tx.jobs.get(job_id, tenant_id=principal.tenant_id)
            if job is None or job.kind != "speech":
                raise NotFound("job")
            if after is None:
                after = tx.events.first_of(job_id, revision=job.revision) - 1 if job.revision else 0
        stream = EventStream(self, principal, job_id, after)
        self._enter(stream)
        return stream

    def read(self, job_id: str, after: int) -> tuple[Event, ...]:
        with self.work.reading() as tx:
            return tx.events.after(job_id, event_id=after, limit=_PAGE)

    def is_over(self, principal: Principal, job_id: str) -> bool:
        """Whether the job is gone or has finished: there will be no more events."""
        with self.work.reading() as tx:
            job = tx.jobs.get(job_id, tenant_id=principal.tenant_id)
        return job is None or job.status in FINISHED

    def fresh(self, principal: Principal, event: Event) -> Event:
        """The end of a job is told with download URLs that work now; of an earlier revision as it was."""
        if event.type != _LAST:
            return event
        try:
            view = self.view(principal, event.job_id)
        except NotFound:  # deleted since: tell it as it was
            return event
        return replace(event, data=view) if is_of(view, event) else event

    def is_last(self, principal: Principal, event: Event) -> bool:
        """Whether a job has ended with this event: another revision may have begun since."""
        if event.type != _LAST:
            return False
        with self.work.reading() as tx:
            job = tx.jobs.get(event.job_id, tenant_id=principal.tenant_id)
        return job is None or is_of({"revision": job.revision}, event)

    def _enter(self, stream: "EventStream") -> None:
        with self._lock:
            if self._open >= self.max_streams:
                raise TooManyStreams("Too many event streams are open; poll the job instead.")
            self._open += 1
            self._streams.setdefault(stream.job_id, set()).add(stream)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="event-watch", daemon=True)
                self._watcher.start()

    def leave(self, stream: "EventStream") -> None:
        with self._lock:
            self._open -= 1
            left = self._streams.get(stream.job_id, set())
            left.discard(stream)
            if not left:
                self._streams.pop(stream.job_id, None)

    def _watch(self) -> None:
        """Listen while any stream is open."""
        listener = self.work.listen("events")
        try:
            while self._is_needed():
                self.wake(self._heard(listener))
        finally:
            listener.close()

    def _is_needed(self) -> bool:
        with self._lock:
            if self._open == 0:
                self._watcher = None
            return self._open > 0

    def _heard(self, listener: Listener) -> frozenset[str]:
        try:
            return listener.wait(_LISTEN_S)
        except VoiceReelError:
            time.sleep(_LISTEN_S)
            return frozenset({""})

    def wake(self, job_ids: frozenset[str]) -> None:
        """Have the streams of these jobs look again; an empty string among them: all streams."""
        with self._lock:
            wanted = self._streams if "" in job_ids else job_ids & self._streams.keys()
            woken = [stream for job_id in wanted for stream in self._streams[job_id]]
        for stream in woken:
            stream.changed.set()


class EventStream:
    """One open stream: iterate it; a None means that a ping is due."""

    def __init__(self, service: EventService, principal: Principal, job_id: str, after: int) -> None:
        self.job_id = job_id
        self.changed = threading.Event()
        self._service = service
        self._principal = principal
        self._after = after
        self._open = True

    def __iter__(self) -> Iterator[Event | None]:
        service, told, check = self._service, self._service.monotonic(), True
        while self._open:
            self.changed.clear()
            # Asked before the events are read: the last of them cannot slip in between.
            over = check and service.is_over(self._principal, self.job_id)
            events = service.read(self.job_id, self._after)
            yield from self._tell(events)
            if (over and len(events) < _PAGE) or self._is_last(events):
                return
            now = service.monotonic()
            told = now if events else told
            check = now - told >= service.ping_s
            if check:
                told = now
                yield None
            elif not events:
                self.changed.wait(service.ping_s - (now - told))

    def _is_last(self, events: Sequence[Event]) -> bool:
        return any(self._service.is_last(self._principal, event) for event in events)

    def _tell(self, events: Sequence[Event]) -> Iterator[Event]:
        for event in self._service.told(self.job_id, events):
            self._after = event.id
            yield self._service.fresh(self._principal, event)

    def close(self) -> None:
        """Give the place back; a second call does nothing."""
        if self._open:
            self._open = False
            self._service.leave(self)


def is_of(view: Mapping[str, Any], event: Event) -> bool:
    """Whether a job's view is of the revision that an event told of."""
    return bool(view["revision"] == event.data.get("revision", 0))
