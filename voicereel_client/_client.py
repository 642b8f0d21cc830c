"""The clients: each reads its configuration when it is made, and holds one connection pool."""

from __future__ import annotations

import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voicereel_client._driver import AsyncDriver, AsyncRunner, Driver, Runner
from voicereel_client._endpoints import (
    LexiconFlows,
    QueueFlows,
    SourceFlows,
    SpeakerFlows,
    UsageFlows,
    VoiceFlows,
)
from voicereel_client._profile import resolve
from voicereel_client._raw import RawRunner
from voicereel_client._resources import (
    AsyncJobs,
    AsyncLexicons,
    AsyncQueueResource,
    AsyncSources,
    AsyncSpeakers,
    AsyncUsageResource,
    AsyncVoices,
    Jobs,
    Lexicons,
    QueueResource,
    Sources,
    Speakers,
    UsageResource,
    Voices,
)
from voicereel_client._retries import Timing

if TYPE_CHECKING:
    from voicereel_client._transport import AsyncHttpClient, HttpClient

TIMEOUT_S = 60.0
MAX_RETRIES = 2


class _Client:
    """What both clients are without their driver."""

    base_url: str
    _driver: Any

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _offer(self, runner: Any) -> None:  # noqa: ANN401 - a Runner of its own driver, or the raw one
        raise NotImplementedError

    @property
    def with_raw_response(self) -> Any:  # noqa: ANN401 - the same methods, each giving a RawResponse
        """The same methods, each giving a ``RawResponse``: status, headers, request id and the result.

        A list gives one a page, with the page's items as its result.
        """
        view = copy.copy(self)
        view._offer(RawRunner(self._driver))
        return view


class VoiceReel(_Client):
    """Talks to one VoiceReel service. Safe to share between threads; close it, or use ``with``.

    What is not given is read from VOICEREEL_API_KEY, VOICEREEL_BASE_URL and VOICEREEL_PROFILE, then from
    ``~/.config/voicereel/config.toml``. ``timeout`` is in seconds for each read and write, None for never.
    ``http_client`` is an ``httpx.Client`` of your own (proxy, certificates, tests); it is not closed here.
    ``timing`` replaces sleep and clock in tests.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        profile: str | None = None,
        timeout: float | None = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        http_client: HttpClient | None = None,
        timing: Timing | None = None,
    ) -> None:
        from voicereel_client._transport import Transport, Wire

        connection = resolve(api_key=api_key, base_url=base_url, profile=profile)
        self.base_url = connection.base_url
        wire = Wire(connection.base_url, connection.api_key, timeout)
        self._driver = Driver(
            Transport(wire, http_client), max_retries=max_retries, timing=timing or Timing()
        )
        self._offer(self._driver)

    def _offer(self, runner: Runner) -> None:
        self.speakers = Speakers(runner, SpeakerFlows(runner.timing))
        self.sources = Sources(runner, SourceFlows())
        self.voices = Voices(runner, VoiceFlows())
        self.jobs = Jobs(runner)
        self.lexicons = Lexicons(runner, LexiconFlows())
        self.queue = QueueResource(runner, QueueFlows())
        self.usage = UsageResource(runner, UsageFlows())
        self.synthesize = self.jobs.synthesize
        self.estimate = self.jobs.estimate

    def __enter__(self) -> VoiceReel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._driver.close()


class AsyncVoiceReel(_Client):
    """``VoiceReel`` for asyncio: the same methods, awaited; lists and events by ``async for``.

    ``http_client`` is an ``httpx.AsyncClient``. ``on_event`` and ``on_progress`` may be functions or
    coroutine functions. Cancelled, a call closes its connection; what was submitted goes on.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        profile: str | None = None,
        timeout: float | None = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        http_client: AsyncHttpClient | None = None,
        timing: Timing | None = None,
    ) -> None:
        import asyncio

        from voicereel_client._transport import AsyncTransport, Wire

        connection = resolve(api_key=api_key, base_url=base_url, profile=profile)
        self.base_url = connection.base_url
        wire = Wire(connection.base_url, connection.api_key, timeout)
        self._driver = AsyncDriver(
            AsyncTransport(wire, http_client),
            max_retries=max_retries,
            timing=timing or Timing(sleep=asyncio.sleep),
        )
        self._offer(self._driver)

    def _offer(self, runner: AsyncRunner) -> None:
        self.speakers = AsyncSpeakers(runner, SpeakerFlows(runner.timing))
        self.sources = AsyncSources(runner, SourceFlows())
        self.voices = AsyncVoices(runner, VoiceFlows())
        self.jobs = AsyncJobs(runner)
        self.lexicons = AsyncLexicons(runner, LexiconFlows())
        self.queue = AsyncQueueResource(runner, QueueFlows())
        self.usage = AsyncUsageResource(runner, UsageFlows())
        self.synthesize = self.jobs.synthesize
        self.estimate = self.jobs.estimate

    async def __aenter__(self) -> AsyncVoiceReel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._driver.close()
