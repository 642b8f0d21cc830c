"""Engines in processes of their own, as a worker sees them.

A line whose engine hangs or dies fails, alone; the lines after it are spoken by a new process.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from voicereel.domain.speakers import EngineInfo
from voicereel.telemetry import log
from workers.audio.clip import Clip, Samples
from workers.engines.base import EngineError, EngineTake, TakeRequest, Watch, unwatched
from workers.engines.child import Child
from workers.engines.wire import Facts, Frame, error_of, facts_of_request, info_of, take_of

_TRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an engine may be silent before it is taken for hung, in seconds."""

    line_s: float = 30.0
    character_s: float = 0.2
    load_s: float = 120.0
    enroll_s: float = 300.0
    # to leave lines that nobody wants any more, and to end when asked
    stop_s: float = 1.0
    grace_s: float = 10.0

    def for_line(self, request: TakeRequest) -> float:
        return self.line_s + self.character_s * len(request.text)


LIMITS = Limits()


class HostedSynthesizer:
    """A `Synthesizer` whose model lives in a host's process.

    ``watch`` is called at least every 100 ms while the engine is waited for; when it raises, the
    process is freed for the next caller, and the exception passes through.
    """

    def __init__(self, host: "Host", *, watch: Watch = unwatched) -> None:
        self._host = host
        self._watch = watch

    @property
    def info(self) -> EngineInfo:
        return self._host.info(watch=self._watch)

    def load(self) -> None:
        """Have the model loaded; everything else does so too. Raises ``engine_unavailable``."""
        self._host.load(watch=self._watch)

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        """As the protocol says; takes before the last one read may be ready, in the pipe."""
        done = 0
        while done < len(requests):
            for take in self._until_lost(requests[done:]):
                done += 1
                yield take

    def _until_lost(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        """Takes up to the line that the process is lost at, or all."""
        try:
            self.load()
        except EngineError as error:
            yield from (self._failed(error) for _ in requests)
            return
        try:
            yield from self._host.speak(requests, watch=self._watch)
        except EngineError as error:
            yield self._failed(error)

    def enroll(self, reference: Clip, *, language: str, transcript: str | None) -> Mapping[str, Any]:
        self.load()
        return self._host.enroll(reference, language=language, transcript=transcript, watch=self._watch)

    def _failed(self, error: EngineError) -> EngineTake:
        return EngineTake(clip=Clip(np.zeros(0, np.float32), self.info.sample_rate), error=error)


class Host:
    """An engine's process: started when it is needed, and again after it was lost.

    One question at a time, from one thread. ``command`` is for engines that are not installed.
    """

    def __init__(self, name: str, *, command: Sequence[str] = (), limits: Limits = LIMITS) -> None:
        self.name = name
        self._command = command or (sys.executable, "-m", "workers.engines.host", "--engine", name)
        self._limits = limits
        self._life: _Life | None = None
        self._info: EngineInfo | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, while one runs."""
        return self._life.child.pid if self._life and self._life.child.usable else None

    def start(self) -> None:
        """Have a process; what it is, it says later."""
        self._living(unwatched)

    def synthesizer(self, *, watch: Watch = unwatched) -> HostedSynthesizer:
        return HostedSynthesizer(self, watch=watch)

    def info(self, *, watch: Watch = unwatched) -> EngineInfo:
        """What the engine is, asked of the first process; nothing is loaded for it."""
        if self._info is None:
            self._info = self._living(watch).info(watch)
        return self._info

    def load(self, *, watch: Watch = unwatched) -> None:
        """Have a process that is ready to speak. Raises ``engine_unavailable`` after two in vain."""
        reason = ""
        for _ in range(_TRIES):
            try:
                self._living(watch).load(watch)
            except EngineError as error:
                log().warning("engine_not_loaded", engine=self.name, code=error.code)
                reason = error.detail
                self.end()
            else:
                return
        detail = f"The engine is not ready. {reason}"
        raise EngineError(detail, code="engine_unavailable", retryable=True)

    def speak(self, requests: Sequence[TakeRequest], *, watch: Watch) -> Iterator[EngineTake]:
        """Takes, in order, from a loaded process. Raises `EngineError` at the line it is lost at."""
        life = self._loaded()
        try:
            yield from life.speak(requests, watch)
        except EngineError as error:
            log().warning("engine_lost", engine=self.name, code=error.code)
            raise

    def enroll(
        self, reference: Clip, *, language: str, transcript: str | None, watch: Watch
    ) -> Mapping[str, Any]:
        facts = {"do": "enroll", "rate": reference.rate, "language": language, "transcript": transcript}
        return self._loaded().enroll(facts, reference.samples, watch)

    def end(self) -> None:
        """Ask the process to go. Does not wait."""
        if self._life is not None:
            self._life.child.end()

    def wait_gone(self, *, watch: Watch = unwatched) -> None:
        """Wait, within bounds, for a process that was asked to go."""
        if self._life is not None:
            self._life.child.wait_gone(watch=watch)
            self._life = None

    def _living(self, watch: Watch) -> "_Life":
        """A process that runs. The one before is gone then: two models may not fit into memory."""
        if self._life is not None and not self._life.child.usable:
            self.end()
            self.wait_gone(watch=watch)
        if self._life is None:
            self._life = _Life(Child(self._command, grace_s=self._limits.grace_s), self._limits)
        return self._life

    def _loaded(self) -> "_Life":
        assert self._life is not None, "load first"
        return self._life


class _Life:
    """One process from its start to its end: what it has been asked, and what it still owes."""

    def __init__(self, child: Child, limits: Limits) -> None:
        self.child = child
        self._limits = limits
        self._info: EngineInfo | None = None
        self._is_loading = self._is_loaded = False
        # Stands for a question whose last answer has not come.
        self._open: object | None = None

    def info(self, watch: Watch) -> EngineInfo:
        """Raises ``engine_unavailable``, with the reason, when there is no such engine here."""
        if self._info is None:
            facts = self.child.receive(within_s=self._limits.load_s, watch=watch).facts
            if "refused" in facts:
                raise EngineError(facts["refused"], code="engine_unavailable")
            self._info = info_of(facts)
        return self._info

    def load(self, watch: Watch) -> None:
        """Once a life. Whoever was called away while it loaded, or another, waits for the rest."""
        self.info(watch)
        if self._is_loaded:
            return
        if not self._is_loading:
            self.child.send({"do": "load"}, within_s=self._limits.load_s)
            self._is_loading = True
        _sound(self.child.receive(within_s=self._limits.load_s, watch=watch))
        self._is_loaded = True

    def speak(self, requests: Sequence[TakeRequest], watch: Watch) -> Iterator[EngineTake]:
        asked = self._ask(
            {"do": "speak", "requests": [facts_of_request(request) for request in requests]}, None, watch
        )
        try:
            for request in requests:
                yield take_of(self._answer(self._limits.for_line(request), watch))
        finally:
            # A caller who left early may be heard of only when others are already being served.
            if self._open is asked:
                self._settle()

    def enroll(self, facts: Facts, samples: Samples, watch: Watch) -> Mapping[str, Any]:
        self._ask(facts, samples, watch)
        try:
            profile: Mapping[str, Any] = _sound(self._answer(self._limits.enroll_s, watch)).facts["profile"]
        finally:
            self._settle()
        return profile

    def _ask(self, facts: Facts, samples: Samples | None, watch: Watch) -> object:
        self._settle()
        self.child.send(facts, samples, within_s=self._limits.line_s, watch=watch)
        self._open = object()
        return self._open

    def _answer(self, within_s: float, watch: Watch) -> Frame:
        frame = self.child.receive(within_s=within_s, watch=watch)
        if frame.facts["end"]:
            self._open = None
        return frame

    def _settle(self) -> None:
        """Have the process leave what nobody waits for; one that does not listen is ended."""
        if self._open is None or not self.child.usable:
            return
        deadline = time.monotonic() + self._limits.stop_s
        try:
            self.child.send({"do": "stop"}, within_s=self._limits.stop_s)
            while self._open is not None:
                self._answer(max(0.0, deadline - time.monotonic()), unwatched)
        except EngineError as error:
            log().info("engine_left", code=error.code)


def _sound(frame: Frame) -> Frame:
    """The frame; raises the error that it tells of."""
    error = error_of(frame.facts)
    if error is not None:
        raise error
    return frame
