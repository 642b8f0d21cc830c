"""A small VoiceReel in memory, spoken to through ``httpx.MockTransport``, that can be told to misbehave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from click.testing import Result

from voicereel_client import AsyncVoiceReel, Timing, VoiceReel

JOB_ID = "job_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
SPEAKER_ID = "spk_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
SOURCE_ID = "src_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
LEXICON_ID = "lex_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
BASE_URL = "http://voicereel.test"
KEY = "vr_live_secret"

Run = Callable[..., Result]
Reply = Callable[[httpx.Request], httpx.Response]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body for either driver, chunk by chunk; ``closed`` counts how often it was let go."""

    def __init__(self, chunks: Iterable[bytes], *, cut: bool = False) -> None:
        self._chunks = chunks
        self._cut = cut
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._cut:
            raise httpx.ReadError("the connection was cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class VirtualTime:
    """Sleeping takes no time, but the clock goes on."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.moment = 1000.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += seconds

    @property
    def timing(self) -> Timing:
        return Timing(
            sleep=self.sleep, clock=lambda: self.moment, now=lambda: self.moment, random=lambda: 0.0
        )


@dataclass
class Service:
    """``replies`` answer the requests in order, the last one for ever; ``seen`` is what came in."""

    replies: list[Reply | BaseException] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.bodies.append(request.read())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, BaseException):
            raise reply
        return reply(request)

    def answers(self, *replies: Reply | BaseException) -> None:
        self.replies = list(replies)

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.seen]

    def http_client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))

    def async_http_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))

    def client(self, time: VirtualTime, **settings: Any) -> VoiceReel:
        return VoiceReel(KEY, BASE_URL, http_client=self.http_client(), timing=time.timing, **settings)

    def async_client(self, time: VirtualTime) -> AsyncVoiceReel:
        http_client = self.async_http_client()
        return AsyncVoiceReel(KEY, BASE_URL, http_client=http_client, timing=time.timing)


def ok(body: object, *, status: int = 200, **headers: str) -> Reply:
    return lambda _: httpx.Response(status, json=body, headers={"X-Request-Id": "req_1", **_spelled(headers)})


def problem(status: int, code: str = "some_code", **headers: str) -> Reply:
    body = {
        "type": f"https://voicereel.dev/problems/{code}",
        "title": "A problem",
        "status": status,
        "detail": "It cannot be done.",
        "instance": "/v1/x",
        "code": code,
        "request_id": "req_1",
        "retryable": False,
        "errors": [{"pointer": "/lines/0/text", "code": "blank", "detail": "Nothing to say."}],
    }
    content = json.dumps(body).encode()
    kind = {"Content-Type": "application/problem+json", "X-Request-Id": "req_1"}
    return lambda _: httpx.Response(status, content=content, headers={**kind, **_spelled(headers)})


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def routed(*, streams: Iterable[Reply | BaseException], jobs: Iterable[Reply | BaseException]) -> Reply:
    """Event streams and reads of the job each have their own replies, the last one for ever."""
    waiting = {True: list(streams), False: list(jobs)}

    def reply(request: httpx.Request) -> httpx.Response:
        replies = waiting[request.url.path.endswith("/events")]
        chosen = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(chosen, BaseException):
            raise chosen
        return chosen(request)

    return reply


def empty(status: int = 204) -> Reply:
    return lambda _: httpx.Response(status)


def page(*items: dict[str, Any], next_cursor: str | None = None) -> Reply:
    return ok({"data": list(items), "has_more": next_cursor is not None, "next_cursor": next_cursor})


def job(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {
        "id": JOB_ID,
        "kind": "speech",
        "status": status,
        "stale": False,
        "revision": 0,
        "created_at": "2026-11-20T09:31:00.000Z",
        "started_at": None,
        "finished_at": None,
        "progress": {"done": 1, "total": 3, "unit": "line"},
        "stages": [{"name": "synthesize", "status": "running", "attempt": 1, "progress": 0.3}],
        "warnings": [],
        "error": None,
        "outputs": None,
        "billable_ms": None,
        "lexicons": [],
        "metadata": {},
        **fields,
    }


def speaker(status: str = "ready", **fields: Any) -> dict[str, Any]:
    return {"id": SPEAKER_ID, "name": "Ana", "language": "en", "status": status, "engine": "espeak", **fields}


def lexicon(**fields: Any) -> dict[str, Any]:
    entries = [{"grapheme": "Siobhan", "alias": "Shivawn", "case_sensitive": False, "whole_word": True}]
    return {
        "id": LEXICON_ID,
        "name": "Names",
        "version": 2,
        "default": True,
        "entry_count": 1,
        "created_at": "2026-11-20T09:30:00.000Z",
        "updated_at": "2026-11-20T09:31:00.000Z",
        "entries": entries,
        **fields,
    }


def file(name: str, content: bytes, **fields: Any) -> dict[str, Any]:
    return {
        "url": f"{BASE_URL}/v1/artifacts/{name}/content?exp=1&kid=u1&sig=x",
        "expires_at": "2026-11-20T09:46:00.000Z",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        **fields,
    }


def outputs(**contents: bytes) -> dict[str, Any]:
    """Outputs whose files are named ``<keyword>`` at the store: mp3, vtt, srt, ttml, json."""
    formats = ("json", "vtt", "srt", "ttml")
    captions = {name: file(name, contents[name]) for name in formats if name in contents}
    return {
        "audio": [file("mp3", contents["mp3"], format="mp3", duration_ms=1)] if "mp3" in contents else [],
        "captions": captions,
        "reel": captions.get("json"),
        "stems": [],
        "clips": [],
        "cue_sheets": {},
    }


def content(body: bytes) -> Reply:
    """As the store serves it: with Range."""

    def reply(request: httpx.Request) -> httpx.Response:
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if not start:
            return httpx.Response(200, content=body)
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        return httpx.Response(206, content=body[start:], headers=headers)

    return reply


def broken(*chunks: bytes, status: int = 200, **headers: str) -> Reply:
    return lambda _: httpx.Response(status, stream=Body(chunks, cut=True), headers=_spelled(headers))


def event(number: int, kind: str, data: dict[str, Any]) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def events(*chunks: bytes, cut: bool = False) -> Reply:
    return streamed(lambda: Body(chunks, cut=cut))


def streamed(body: Callable[[], Body]) -> Reply:
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    return lambda _: httpx.Response(200, stream=body(), headers=headers)
