"""The client: reads its configuration when it is made, and holds one connection pool."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voicereel_client._driver import Driver, RawDriver, Runner
from voicereel_client._profile import resolve
from voicereel_client._resources import Job, Jobs, QueueResource, Speakers, Voices
from voicereel_client._retries import Timing

if TYPE_CHECKING:
    from voicereel_client._transport import HttpClient

TIMEOUT_S = 60.0
MAX_RETRIES = 2


class VoiceReel:
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
        from voicereel_client._transport import Transport

        connection = resolve(api_key=api_key, base_url=base_url, profile=profile)
        self.base_url = connection.base_url
        transport = Transport(
            connection.base_url, api_key=connection.api_key, timeout=timeout, http_client=http_client
        )
        self._driver = Driver(transport, max_retries=max_retries, timing=timing or Timing())
        self._offer(self._driver)

    def _offer(self, runner: Runner) -> None:
        self.speakers = Speakers(runner)
        self.voices = Voices(runner)
        self.jobs = Jobs(runner)
        self.queue = QueueResource(runner)

    def __repr__(self) -> str:
        return f"VoiceReel(base_url={self.base_url!r})"

    def __enter__(self) -> VoiceReel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._driver.close()

    @property
    def with_raw_response(self) -> Any:  # noqa: ANN401 - the same methods, each giving a RawResponse
        """The same methods, each giving a ``RawResponse``: status, headers, request id and the result.

        A list gives one a page, with the page's items as its result.
        """
        view = copy.copy(self)
        view._offer(RawDriver(self._driver))
        return view

    def synthesize(
        self,
        script: Mapping[str, Any] | None = None,
        /,
        *,
        lines: Iterable[Mapping[str, Any]] | None = None,
        cast: Mapping[str, Any] | None = None,
        title: str | None = None,
        language: str | None = None,
        seed: int | None = None,
        output: Mapping[str, Any] | None = None,
        captions: Mapping[str, Any] | None = None,
        retention_hours: int | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Render a script, given whole or by its fields; a field given beside a script replaces its own."""
        fields = {
            "title": title,
            "language": language,
            "seed": seed,
            "cast": cast,
            "lines": None if lines is None else list(lines),
            "output": output,
            "captions": captions,
            "retention_hours": retention_hours,
            "metadata": metadata,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return self.jobs.synthesize({**(script or {}), **given}, idempotency_key=idempotency_key)
