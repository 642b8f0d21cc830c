"""Server-sent events of one job."""

import json
from collections.abc import Iterator, Mapping

from flask import Response, request

from voicereel.api.binding import Call, Handler
from voicereel.api.links import with_absolute_links
from voicereel.domain.errors import VoiceReelError
from voicereel.ports import Event
from voicereel.services.events import EventService, EventStream

_PING = ": ping\n\n"


def handlers(events: EventService) -> Mapping[str, Handler]:
    def stream_job_events(call: Call) -> Response:
        after = call.values["Last-Event-ID"]
        stream = events.stream(call.principal, call.values["job_id"], after=after)
        response = Response(_written(stream, request.url_root), mimetype="text/event-stream")
        response.call_on_close(stream.close)
        # Proxies that wait for a full buffer would hold the events back.
        response.headers["X-Accel-Buffering"] = "no"
        return response

    return {"streamJobEvents": stream_job_events}


def _written(stream: EventStream, root: str) -> Iterator[str]:
    """The events as text. The first comment sends the headers off before anything has happened."""
    yield _PING
    try:
        for event in stream:
            yield _PING if event is None else _event(event, root)
    except VoiceReelError:
        # The job was deleted or the database went away: the client resumes, and is told then.
        return


def _event(event: Event, root: str) -> str:
    data = json.dumps(with_absolute_links(dict(event.data), root), ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.type}\ndata: {data}\n\n"
