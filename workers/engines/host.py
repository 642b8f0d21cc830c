"""The process of one engine: `python -m workers.engines.host --engine NAME`, started by a worker.

It says what the engine is, then does what it is asked through its standard input and output, until
that ends. What the engine itself prints goes to standard error. See `workers.engines.wire`.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

import click
import numpy as np

from voicereel.telemetry import configure, log
from voicereel.telemetry.logs import adopt_library_logs
from workers.audio.clip import Clip, Samples
from workers.engines.base import EngineError, EngineTake, Synthesizer, TakeRequest
from workers.engines.pool import engine_class
from workers.engines.wire import (
    Facts,
    Frame,
    facts_of_error,
    facts_of_info,
    facts_of_take,
    read_frame,
    request_of,
    write_frame,
)

_PR_SET_PDEATHSIG = 1


class WorkerGone(Exception):
    """Nobody is at the other end of the pipes."""


def serve(make: Callable[[], Synthesizer]) -> None:
    """Be the process of the engine that ``make`` makes. Returns when the worker is done with it."""

    def answer(pipes: "Pipes") -> None:
        engine = _made(make, pipes)
        while engine is not None:
            _answer(engine, pipes.receive(), pipes)

    be_child(answer)


def be_child(answer: "Callable[[Pipes], None]") -> None:
    """Have ``answer`` talk with the worker until it returns or the worker is gone."""
    _die_with_worker()
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.suppress(WorkerGone):
        answer(Pipes())


def _die_with_worker() -> None:
    """Linux only, and heard even by native code that hangs: a worker that is killed takes us along."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


class Pipes:
    """What was standard input and output; engines find nothing there, and their prints harm nothing."""

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def receive(self) -> Frame:
        return read_frame(self._fill)

    def send(self, facts: Facts, samples: Samples | None = None) -> None:
        write_frame(facts, samples, self._write)

    @property
    def pending(self) -> bool:
        """Whether the worker has said something, or has gone."""
        return bool(select.select([self._in], [], [], 0)[0])

    def _fill(self, data: memoryview) -> None:
        while data:
            count = os.readv(self._in, [data])
            if count == 0:
                raise WorkerGone
            data = data[count:]

    def _write(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._out, data) :]
            except BrokenPipeError:
                raise WorkerGone from None


def _made(make: Callable[[], Synthesizer], pipes: Pipes) -> Synthesizer | None:
    """The engine, not loaded, once its facts are told; None where it cannot be had here."""
    try:
        engine = make()
        facts = facts_of_info(engine.info)
    except ImportError as error:
        engine, facts = None, {"refused": f"not installed: {error.name or error}"}
    except Exception as error:  # noqa: BLE001 - an edge of this process: the worker is told, and goes on
        log().error("engine_not_made", exc_info=error)
        engine, facts = None, {"refused": f"could not be started: {type(error).__name__}"}
    pipes.send(facts)
    return engine


def _answer(engine: Synthesizer, question: Frame, pipes: Pipes) -> None:
    facts = question.facts
    match facts["do"]:
        case "load":
            pipes.send({**guarded(lambda: _loaded(engine)), "end": True})
        case "enroll":
            clip = Clip(question.samples, facts["rate"])
            pipes.send({**guarded(lambda: _enrolled(engine, clip, facts)), "end": True})
        case "speak":
            _speak(engine, [request_of(request) for request in facts["requests"]], pipes)
        # a "stop" that comes after the last answer has nothing to stop


def _loaded(engine: Synthesizer) -> Facts:
    engine.load()
    return {}


def _enrolled(engine: Synthesizer, clip: Clip, facts: Facts) -> Facts:
    profile = engine.enroll(clip, language=facts["language"], transcript=facts["transcript"])
    return {"profile": dict(profile)}


def guarded(do: Callable[[], Facts]) -> Facts:
    try:
        return do()
    except Exception as error:  # noqa: BLE001 - whatever an engine raises, its process goes on
        return facts_of_error(_told(error))


def _speak(engine: Synthesizer, requests: Sequence[TakeRequest], pipes: Pipes) -> None:
    """Send each take as it is ready, and stop early when something else is wanted."""
    for number, take in enumerate(_takes(engine, requests), 1):
        is_last = number == len(requests)
        pipes.send({**facts_of_take(take), "end": is_last}, take.clip.samples)
        if not is_last and pipes.pending:
            pipes.receive()  # "stop": nothing else is said while we speak
            pipes.send({"end": True})
            return


def _takes(engine: Synthesizer, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
    """One take a request, whatever the engine raises: it starts again behind the line it failed at."""
    done = 0
    while done < len(requests):
        for take in _until_it_raises(engine, requests[done:]):
            done += 1
            yield take


def _until_it_raises(engine: Synthesizer, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
    try:
        takes = iter(engine.synthesize(requests))
        for _ in requests:
            yield next(takes)
    except Exception as error:  # noqa: BLE001 - one line's failure is not its neighbours'; StopIteration, too
        silence = Clip(np.zeros(0, np.float32), engine.info.sample_rate)
        yield EngineTake(clip=silence, error=_told(error))


def _told(error: Exception) -> EngineError:
    """What may be said of an engine's exception: its own words may be the customer's."""
    if isinstance(error, EngineError):
        return error
    log().error("engine_raised", exc_info=error)
    return EngineError("The engine failed.", code="engine_failed", retryable=True)


@click.command()
@click.option("--engine", required=True, help="The entry point's name.")
def main(engine: str) -> None:
    """Serve an installed engine through standard input and output."""
    configure(process=f"engine-{engine}")
    adopt_library_logs()
    serve(lambda: engine_class(engine)())


if __name__ == "__main__":
    main()
