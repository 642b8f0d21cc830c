"""The nouns of both clients: each method hands its endpoint's flow to the driver, or awaits that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from voicereel_client._driver import AsyncRunner, Runner
from voicereel_client._endpoints import (
    LexiconFlows,
    QueueFlows,
    SourceFlows,
    SpeakerFlows,
    UsageFlows,
    VoiceFlows,
)
from voicereel_client._flow import Flow, Listing
from voicereel_client._jobs import JobFlows
from voicereel_client._models import JobRecord, Raw
from voicereel_client._raw import RawRunner

F = TypeVar("F", covariant=True)
P = ParamSpec("P")
T = TypeVar("T")


class Resource(Generic[F]):
    def __init__(self, runner: Runner, flows: F) -> None:
        self._runner = runner
        self._flows = flows


class AsyncResource(Generic[F]):
    def __init__(self, runner: AsyncRunner, flows: F) -> None:
        self._runner = runner
        self._flows = flows


def _run(endpoint: Callable[Concatenate[F, P], Flow[T]]) -> Callable[Concatenate[Resource[F], P], T]:
    @wraps(endpoint)
    def method(self: Resource[F], /, *args: P.args, **given: P.kwargs) -> T:
        return self._runner.run(endpoint(self._flows, *args, **given))

    return method


def _each(
    endpoint: Callable[Concatenate[F, P], Listing[T]],
) -> Callable[Concatenate[Resource[F], P], Iterator[T]]:
    @wraps(endpoint)
    def method(self: Resource[F], /, *args: P.args, **given: P.kwargs) -> Iterator[T]:
        return self._runner.iterate(endpoint(self._flows, *args, **given))

    return method


def _awaited(
    endpoint: Callable[Concatenate[F, P], Flow[T]],
) -> Callable[Concatenate[AsyncResource[F], P], Coroutine[Any, Any, T]]:
    @wraps(endpoint)
    async def method(self: AsyncResource[F], /, *args: P.args, **given: P.kwargs) -> T:
        return await self._runner.run(endpoint(self._flows, *args, **given))

    return method


def _async_each(
    endpoint: Callable[Concatenate[F, P], Listing[T]],
) -> Callable[Concatenate[AsyncResource[F], P], AsyncIterator[T]]:
    @wraps(endpoint)
    def method(self: AsyncResource[F], /, *args: P.args, **given: P.kwargs) -> AsyncIterator[T]:
        return self._runner.iterate(endpoint(self._flows, *args, **given))

    return method


def _of_job(
    endpoint: Callable[Concatenate[JobFlows[Job], JobRecord | str, P], Flow[T]],
) -> Callable[Concatenate[Job, P], T]:
    """A method of a job: the endpoint's, for that job."""

    @wraps(endpoint)
    def method(self: Job, /, *args: P.args, **given: P.kwargs) -> T:
        return _run(endpoint)(self._jobs, self, *args, **given)

    return method


def _of_async_job(
    endpoint: Callable[Concatenate[JobFlows[AsyncJob], JobRecord | str, P], Flow[T]],
) -> Callable[Concatenate[AsyncJob, P], Coroutine[Any, Any, T]]:
    @wraps(endpoint)
    async def method(self: AsyncJob, /, *args: P.args, **given: P.kwargs) -> T:
        return await _awaited(endpoint)(self._jobs, self, *args, **given)

    return method


def _each_of_job(
    endpoint: Callable[Concatenate[JobFlows[Job], JobRecord | str, P], Listing[T]],
) -> Callable[Concatenate[Job, P], Iterator[T]]:
    @wraps(endpoint)
    def method(self: Job, /, *args: P.args, **given: P.kwargs) -> Iterator[T]:
        return _each(endpoint)(self._jobs, self, *args, **given)

    return method


def _each_of_async_job(
    endpoint: Callable[Concatenate[JobFlows[AsyncJob], JobRecord | str, P], Listing[T]],
) -> Callable[Concatenate[AsyncJob, P], AsyncIterator[T]]:
    @wraps(endpoint)
    def method(self: AsyncJob, /, *args: P.args, **given: P.kwargs) -> AsyncIterator[T]:
        return _async_each(endpoint)(self._jobs, self, *args, **given)

    return method


@dataclass(frozen=True, kw_only=True)
class Job(JobRecord):
    """A job as last read, that can be waited for, approved, downloaded, edited and revised; see ``Jobs``."""

    _jobs: Any = field(default=None, repr=False, compare=False)

    wait = _of_job(JobFlows["Job"].wait)
    approve = _of_job(JobFlows["Job"].approve)
    download = _of_job(JobFlows["Job"].download)
    line = _of_job(JobFlows["Job"].line)
    save_line = _of_job(JobFlows["Job"].save_line)
    lines = _each_of_job(JobFlows["Job"].lines)
    update_line = _of_job(JobFlows["Job"].update_line)
    move_line = _of_job(JobFlows["Job"].move_line)
    insert_line = _of_job(JobFlows["Job"].insert_line)
    delete_line = _of_job(JobFlows["Job"].delete_line)
    estimate_revision = _of_job(JobFlows["Job"].estimate_revision)
    revise = _of_job(JobFlows["Job"].revise)
    revisions = _each_of_job(JobFlows["Job"].revisions)


@dataclass(frozen=True, kw_only=True)
class AsyncJob(JobRecord):
    """``Job`` of an asynchronous client."""

    _jobs: Any = field(default=None, repr=False, compare=False)

    wait = _of_async_job(JobFlows["AsyncJob"].wait)
    approve = _of_async_job(JobFlows["AsyncJob"].approve)
    download = _of_async_job(JobFlows["AsyncJob"].download)
    line = _of_async_job(JobFlows["AsyncJob"].line)
    save_line = _of_async_job(JobFlows["AsyncJob"].save_line)
    lines = _each_of_async_job(JobFlows["AsyncJob"].lines)
    update_line = _of_async_job(JobFlows["AsyncJob"].update_line)
    move_line = _of_async_job(JobFlows["AsyncJob"].move_line)
    insert_line = _of_async_job(JobFlows["AsyncJob"].insert_line)
    delete_line = _of_async_job(JobFlows["AsyncJob"].delete_line)
    estimate_revision = _of_async_job(JobFlows["AsyncJob"].estimate_revision)
    revise = _of_async_job(JobFlows["AsyncJob"].revise)
    revisions = _each_of_async_job(JobFlows["AsyncJob"].revisions)


class Speakers(Resource[SpeakerFlows]):
    create = _run(SpeakerFlows.create)
    get = _run(SpeakerFlows.get)
    update = _run(SpeakerFlows.update)
    delete = _run(SpeakerFlows.delete)
    wait = _run(SpeakerFlows.wait)
    list = _each(SpeakerFlows.list)


class AsyncSpeakers(AsyncResource[SpeakerFlows]):
    create = _awaited(SpeakerFlows.create)
    get = _awaited(SpeakerFlows.get)
    update = _awaited(SpeakerFlows.update)
    delete = _awaited(SpeakerFlows.delete)
    wait = _awaited(SpeakerFlows.wait)
    list = _async_each(SpeakerFlows.list)


class Sources(Resource[SourceFlows]):
    create = _run(SourceFlows.create)
    get = _run(SourceFlows.get)
    delete = _run(SourceFlows.delete)
    list = _each(SourceFlows.list)


class AsyncSources(AsyncResource[SourceFlows]):
    create = _awaited(SourceFlows.create)
    get = _awaited(SourceFlows.get)
    delete = _awaited(SourceFlows.delete)
    list = _async_each(SourceFlows.list)


class Voices(Resource[VoiceFlows]):
    list = _each(VoiceFlows.list)


class AsyncVoices(AsyncResource[VoiceFlows]):
    list = _async_each(VoiceFlows.list)


class Lexicons(Resource[LexiconFlows]):
    create = _run(LexiconFlows.create)
    get = _run(LexiconFlows.get)
    replace = _run(LexiconFlows.replace)
    delete = _run(LexiconFlows.delete)
    list = _each(LexiconFlows.list)


class AsyncLexicons(AsyncResource[LexiconFlows]):
    create = _awaited(LexiconFlows.create)
    get = _awaited(LexiconFlows.get)
    replace = _awaited(LexiconFlows.replace)
    delete = _awaited(LexiconFlows.delete)
    list = _async_each(LexiconFlows.list)


class QueueResource(Resource[QueueFlows]):
    get = _run(QueueFlows.get)


class AsyncQueueResource(AsyncResource[QueueFlows]):
    get = _awaited(QueueFlows.get)


class UsageResource(Resource[UsageFlows]):
    get = _run(UsageFlows.get)
    report = _run(UsageFlows.report)
    report_csv = _run(UsageFlows.report_csv)


class AsyncUsageResource(AsyncResource[UsageFlows]):
    get = _awaited(UsageFlows.get)
    report = _awaited(UsageFlows.report)
    report_csv = _awaited(UsageFlows.report_csv)


class Jobs(Resource[JobFlows[Job]]):
    def __init__(self, runner: Runner) -> None:
        super().__init__(runner, JobFlows(self._parse, runner.timing))
        self._plain = Jobs(runner.runner) if isinstance(runner, RawRunner) else self

    def _parse(self, raw: Raw) -> Job:
        return replace(Job.parse(raw), _jobs=self._plain)

    synthesize = _run(JobFlows[Job].synthesize)
    estimate = _run(JobFlows[Job].estimate)
    get = _run(JobFlows[Job].get)
    cancel = _run(JobFlows[Job].cancel)
    approve = _run(JobFlows[Job].approve)
    delete = _run(JobFlows[Job].delete)
    wait = _run(JobFlows[Job].wait)
    download = _run(JobFlows[Job].download)
    list = _each(JobFlows[Job].list)
    clips = _each(JobFlows[Job].clips)
    events = _each(JobFlows[Job].events)
    lines = _each(JobFlows[Job].lines)
    line = _run(JobFlows[Job].line)
    save_line = _run(JobFlows[Job].save_line)
    update_line = _run(JobFlows[Job].update_line)
    move_line = _run(JobFlows[Job].move_line)
    insert_line = _run(JobFlows[Job].insert_line)
    delete_line = _run(JobFlows[Job].delete_line)
    estimate_revision = _run(JobFlows[Job].estimate_revision)
    revise = _run(JobFlows[Job].revise)
    revisions = _each(JobFlows[Job].revisions)


class AsyncJobs(AsyncResource[JobFlows[AsyncJob]]):
    def __init__(self, runner: AsyncRunner) -> None:
        super().__init__(runner, JobFlows(self._parse, runner.timing))
        self._plain = AsyncJobs(runner.runner) if isinstance(runner, RawRunner) else self

    def _parse(self, raw: Raw) -> AsyncJob:
        return replace(AsyncJob.parse(raw), _jobs=self._plain)

    synthesize = _awaited(JobFlows[AsyncJob].synthesize)
    estimate = _awaited(JobFlows[AsyncJob].estimate)
    get = _awaited(JobFlows[AsyncJob].get)
    cancel = _awaited(JobFlows[AsyncJob].cancel)
    approve = _awaited(JobFlows[AsyncJob].approve)
    delete = _awaited(JobFlows[AsyncJob].delete)
    wait = _awaited(JobFlows[AsyncJob].wait)
    download = _awaited(JobFlows[AsyncJob].download)
    list = _async_each(JobFlows[AsyncJob].list)
    clips = _async_each(JobFlows[AsyncJob].clips)
    events = _async_each(JobFlows[AsyncJob].events)
    lines = _async_each(JobFlows[AsyncJob].lines)
    line = _awaited(JobFlows[AsyncJob].line)
    save_line = _awaited(JobFlows[AsyncJob].save_line)
    update_line = _awaited(JobFlows[AsyncJob].update_line)
    move_line = _awaited(JobFlows[AsyncJob].move_line)
    insert_line = _awaited(JobFlows[AsyncJob].insert_line)
    delete_line = _awaited(JobFlows[AsyncJob].delete_line)
    estimate_revision = _awaited(JobFlows[AsyncJob].estimate_revision)
    revise = _awaited(JobFlows[AsyncJob].revise)
    revisions = _async_each(JobFlows[AsyncJob].revisions)
