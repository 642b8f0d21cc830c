"""Server-sent events of a job: the parser, and the stream that survives a broken connection."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator

from voicereel_client._errors import APIConnectionError, VoiceReelError
from voicereel_client._flow import Close, Emit, Flow, Request, Response, Sleep, fetch, fetch_json, read
from voicereel_client._models import Event, JobRecord
from voicereel_client._retries import Timing, backoff

SILENCE_S = 45.0
"""The service sends a comment every 15 s; three missed ones mean the connection is dead."""
MAX_FAILURES = 5
"""Connections in a row that brought nothing at all."""


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
    """One job's events over as many connections as it takes, none missed and none twice.

    ``max_retries`` limits the opening of each connection, None leaves it to the client.
    """

    def __init__(
        self,
        path: str,
        *,
        timing: Timing,
        last_event_id: int | None = None,
        read_timeout: float = SILENCE_S,
        max_retries: int | None = None,
    ) -> None:
        self.finished = False
        self.empty = False
        self._path = path
        self._timing = timing
        self._last_event_id = last_event_id
        self._read_timeout = read_timeout
        self._max_retries = max_retries
        self._failures = 0
        self._response: Response | None = None
        self._parser = EventParser()
        self._delivered = 0

    def more(self) -> Flow[tuple[Event, ...]]:
        """What one read brought: nothing for a ping, or when the connection ended.

        ``finished`` is set after ``job.finished``; ``empty`` when a whole connection brought no event.
        """
        try:
            response = yield from self._opened()
            chunk = yield from read(response)
        except APIConnectionError as error:
            yield from self._broken(error)
            return ()
        if not chunk:
            yield from self._ended()
            return ()
        self._failures = 0
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
            "GET",
            self._path,
            headers=headers,
            stream=True,
            read_timeout=self._read_timeout,
            max_retries=self._max_retries,
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

    def _broken(self, error: APIConnectionError) -> Flow[None]:
        yield from self.close()
        self._failures += 1
        if self._failures > MAX_FAILURES:
            raise error
        yield Sleep(backoff(self._failures, self._timing))

    def _ended(self) -> Flow[None]:
        """The service closed the stream: with the job done, or because it restarts."""
        self.empty = self._delivered == 0
        yield from self.close()
        if not self.finished:
            yield Sleep(backoff(1, self._timing))


def follow(job_path: str, *, last_event_id: int | None, timing: Timing) -> Flow[None]:
    """Emit each event until ``job.finished``, or until the stream is empty and the job at rest."""
    stream = EventStream(f"{job_path}/events", timing=timing, last_event_id=last_event_id)
    while not stream.finished:
        for event in (yield from stream.more()):
            yield Emit(event)
        if stream.empty and JobRecord.parse((yield from fetch_json(Request("GET", job_path)))).at_rest:
            break
        stream.empty = False
    yield from stream.close()
