"""What only the asynchronous client can do wrong. The rest of its behaviour is tested beside the other's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from inspect import signature
from pathlib import Path

import httpx
import pytest

from tests.client.service import (
    JOB_ID,
    Body,
    Service,
    VirtualTime,
    content,
    event,
    events,
    job,
    ok,
    outputs,
    streamed,
)
from voicereel_client import AsyncVoiceReel, Event, VoiceReel, _download

ONE = event(1, "job.updated", job("running"))
LAST = event(2, "job.finished", job("succeeded"))
MP3 = b"mp3" * 1000


class Endless(Body):
    """Goes silent after its chunks; ``silent`` tells when."""

    def __init__(self, *chunks: bytes) -> None:
        super().__init__(chunks)
        self.silent = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        self.silent.set()
        await asyncio.Event().wait()


def run(service: Service, work: Callable[[AsyncVoiceReel], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with service.async_client(VirtualTime()) as vr:
            await work(vr)

    asyncio.run(whole())


async def canceled(call: Awaitable[object], body: Endless) -> None:
    task = asyncio.ensure_future(call)
    await body.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert body.closed


def test_a_canceled_wait_closes_its_stream(service: Service):
    async def work(vr: AsyncVoiceReel) -> None:
        body = Endless(ONE)
        service.answers(streamed(lambda: body))
        await canceled(vr.jobs.wait(JOB_ID), body)

    run(service, work)


def test_a_canceled_download_leaves_no_file_and_is_taken_up_later(service: Service, tmp_path: Path):
    async def work(vr: AsyncVoiceReel) -> None:
        body = Endless(MP3[:100])
        done = ok(job(outputs=outputs(mp3=MP3)))
        service.answers(done, lambda _: httpx.Response(200, stream=body))
        await canceled(vr.jobs.download(JOB_ID, tmp_path), body)
        assert [path.name for path in tmp_path.iterdir()] == ["reel.mp3.part"]
        service.answers(done, content(MP3))
        await vr.jobs.download(JOB_ID, tmp_path)

    run(service, work)
    assert service.seen[-1].headers["range"] == "bytes=100-"
    assert (tmp_path / "reel.mp3").read_bytes() == MP3


def test_whole_files_are_read_beside_the_event_loop(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "reel.mp3.part").write_bytes(MP3)
    readers, digest_of = [], _download._digest_of

    def seen(path: Path):
        readers.append(threading.current_thread())
        return digest_of(path)

    monkeypatch.setattr(_download, "_digest_of", seen)
    service.answers(ok(job(outputs=outputs(mp3=MP3))))
    run(service, lambda vr: vr.jobs.download(JOB_ID, tmp_path))
    assert readers
    assert threading.main_thread() not in readers


def test_listeners_may_be_coroutine_functions(service: Service):
    heard: list[int | None] = []

    async def hear(event: Event) -> None:
        await asyncio.sleep(0)
        heard.append(event.id)

    service.answers(events(ONE, LAST), ok(job("succeeded")))
    run(service, lambda vr: vr.jobs.wait(JOB_ID, hear))
    assert heard == [1, 2]


def test_leaving_an_iteration_closes_its_stream(service: Service):
    body = Body((ONE, LAST))

    async def work(vr: AsyncVoiceReel) -> None:
        service.answers(streamed(lambda: body))
        async with aclosing(vr.jobs.events(JOB_ID)) as following:
            async for _ in following:
                break
        assert body.closed

    run(service, work)


def test_an_injected_client_stays_open_and_an_own_one_does_not(service: Service):
    async def work() -> None:
        lent = service.async_http_client()
        async with AsyncVoiceReel("k", http_client=lent):
            pass
        assert not lent.is_closed
        async with AsyncVoiceReel("k", "http://127.0.0.1:1") as vr:
            pass
        with pytest.raises(RuntimeError, match="closed"):
            await vr.queue.get()

    asyncio.run(work())


@pytest.mark.parametrize("noun", ["speakers", "voices", "jobs", "queue", "usage"])
def test_both_clients_have_the_same_methods(noun: str):
    blocking, awaited = (getattr(kind("k"), noun) for kind in (VoiceReel, AsyncVoiceReel))
    assert methods(blocking) == methods(awaited) != {}


def methods(resource: object) -> dict[str, str]:
    public = (name for name in dir(resource) if not name.startswith("_"))
    return {name: str(signature(getattr(resource, name)).parameters) for name in public}
