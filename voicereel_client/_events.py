"""Server-sent events of a job: the parser, and the stream that survives a broken connection."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator

from voicereel_client._errors import VoiceReelError
from voicereel_client._flow import (
    Close,
    Emit,
    Flow,
    Listing,
    Request,
    Response,
    Sleep,
    fetch,
    fetch_json,
    read,
)
from voicereel_client._models import Event, JobRecord
from voicereel_client._retries import PATIENCE, Timing, backoff, pause_after

SILENCE_S = 45.0
"""The service sends a comment every 15 s; three missed ones mean the connection is dead."""


class EventParser:
    """Bytes in, as they come; whole events out."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""
        self._fields: dict[str, str] = {}

    def feed(self, chunk: bytes) -> Iterator[Event]:
        for line in self._lines(chunk):
            if line:
                self._keep(line)
            elif event := self._dispatched():
                yield event

    def _lines(self, chunk: bytes) -> list[str]:
        """Lines end in LF, CR LF or CR; a CR at the very end may have its LF in the next chunk."""
        text = self._rest + self._decoder.decode(chunk)
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._rest = text.split("\n")
        self._rest += held
        return lines

    def _keep(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and "data" in self._fields:
            value = f"{self._fields['data']}\n{value}"
        self._fields[name] = value

    def _dispatched(self) -> Event | None:
        given, self._fields = self._fields, {}
        if "data" not in given:
            return None
        number = given.get("id", "")
        return Event(
            int(number) if number.isdecimal() else None,
            given.get("event", "message"),
            _object(given["data"]),
        )


def _object(text: str) -> dict[str, object]:
    try:
        data = json.loads(text)
    except ValueError:
        return {"text": text}
    return data if isinstance(data, dict) else {"value": data}


class EventStream:
    """One job's events over as many connections as the caller makes, none missed and none twice.

    ``read_timeout`` is in seconds. When a connection is over, ``is_open`` is False and the next read opens
    another, which goes on after the last event.
    """

    def __init__(
        self, path: str, *, last_event_id: int | None = None, read_timeout: float = SILENCE_S
    ) -> None:
        self.finished = False
        self.read_timeout = read_timeout
        self._path = path
        self._last_event_id = last_event_id
        self._response: Response | None = None
        self._parser = EventParser()
        self._delivered = 0

    @property
    def is_open(self) -> bool:
        return self._response is not None

    @property
    def was_empty(self) -> bool:
        """Whether a whole connection brought no event."""
        return not (self.is_open or self._delivered)

    def more(self) -> Flow[tuple[Event, ...]]:
        """What one read brought: nothing for a ping, or when the connection ended.

        ``finished`` is set after ``job.finished``. Raises what opening or reading met, once each.
        """
        try:
            response = yield from self._opened()
            chunk = yield from read(response)
        except VoiceReelError:
            yield from self.close()
            raise
        if not chunk:
            yield from self.close()
            return ()
        return self._received(chunk)

    def close(self) -> Flow[None]:
        if self._response is not None:
            yield Close(self._response)
            self._response = None

    def _opened(self) -> Flow[Response]:
        if self._response is None:
            response = yield from fetch(self._request())
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                yield Close(response)
                raise VoiceReelError("The reply is not an event stream.", code="no_event_stream")
            self._response, self._parser, self._delivered = response, EventParser(), 0
        return self._response

    def _request(self) -> Request:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_event_id is not None:
            headers["Last-Event-ID"] = str(self._last_event_id)
        return Request(
            "GET", self._path, headers=headers, stream=True, read_timeout=self.read_timeout, max_retries=0
        )

    def _received(self, chunk: bytes) -> tuple[Event, ...]:
        events = tuple(event for event in self._parser.feed(chunk) if not self._is_old(event))
        for event in events:
            self._last_event_id = self._last_event_id if event.id is None else event.id
            self.finished = self.finished or event.type == "job.finished"
        self._delivered += len(events)
        return events

    def _is_old(self, event: Event) -> bool:
        return None not in (event.id, self._last_event_id) and (event.id or 0) <= (self._last_event_id or 0)


def follow(job_path: str, *, last_event_id: int | None, timing: Timing) -> Listing[Event]:
    """Each event until ``job.finished``, or until the stream is empty and the job at rest."""
    return Listing(_followed(job_path, last_event_id=last_event_id, timing=timing))


def _followed(job_path: str, *, last_event_id: int | None, timing: Timing) -> Flow[None]:
    stream, failures = EventStream(f"{job_path}/events", last_event_id=last_event_id), 0
    while not stream.finished:
        try:
            events = yield from stream.more()
        except VoiceReelError as error:
            failures += 1
            yield Sleep(pause_after(error, failures=failures, limit=PATIENCE, timing=timing))
            continue
        for event in events:
            yield Emit(event)
        failures = 0 if stream.is_open else failures
        if stream.was_empty and (yield from _rests(job_path)):
            break
        if not (stream.is_open or stream.finished):
            yield Sleep(backoff(1, timing))
    yield from stream.close()


def _rests(job_path: str) -> Flow[bool]:
    return JobRecord.parse((yield from fetch_json(Request("GET", job_path)))).at_rest
