"""Engines as nobody wants them, in a process: `python -m tests.workers.engines.odd NAME`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.audio.clip import Clip
from workers.engines.base import EngineError, EngineTake, Synthesizer, TakeRequest
from workers.engines.host import serve
from workers.engines.tts.fake import Fake


def command(name: str, *arguments: object) -> tuple[str, ...]:
    """How the process of one of these is started."""
    return (sys.executable, "-m", "tests.workers.engines.odd", name, *map(str, arguments))


class Raising(Fake):
    """Raises an error that quotes the text, at each line with BOOM; ends too early at STOP."""

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        for request in requests:
            if "BOOM" in request.text:
                raise ValueError(request.text)
            if "STOP" in request.text:
                return
            yield from super().synthesize([request])

    def enroll(self, reference: Clip, *, language: str, transcript: str | None) -> Mapping[str, Any]:
        if language == "xx":
            raise EngineError("Nobody speaks this.", code="unsupported_language")
        raise ValueError(transcript)


class Talkative(Fake):
    """Prints to standard output, from Python and from below it, and reads standard input."""

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        for take in super().synthesize(requests):
            sys.stdout.write("speaking")
            sys.stdout.flush()
            os.write(1, b"x" * 100)
            assert sys.stdin.read() == ""
            yield take


class Deaf(Fake):
    """Hears no signal that can be ignored, has a process of its own, and hangs when it enrolls."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = Path(folder)

    def load(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (self._folder / "child").write_text(str(child.pid))

    def enroll(self, reference: Clip, *, language: str, transcript: str | None) -> Mapping[str, Any]:
        (self._folder / "enrolling").touch()
        time.sleep(600)
        raise AssertionError


class Unready(Fake):
    """Dies when it is loaded, as often as the first argument says; each start leaves a file."""

    def __init__(self, folder: str, deaths: str) -> None:
        super().__init__()
        self._folder, self._deaths = Path(folder), int(deaths)

    def load(self) -> None:
        number = len(list(self._folder.iterdir()))
        (self._folder / str(number)).touch()
        if number < self._deaths:
            os._exit(3)


class Unloadable(Fake):
    def load(self) -> None:
        raise EngineError("The weights are missing.", code="no_weights")


def absent() -> Synthesizer:
    raise ModuleNotFoundError(name="a_package_that_is_not_there")


def broken() -> Synthesizer:
    raise OSError("/secret/path")


MAKERS: dict[str, Callable[..., Synthesizer]] = {
    "absent": absent,
    "broken": broken,
    "deaf": Deaf,
    "fake": Fake,
    "raising": Raising,
    "talkative": Talkative,
    "unloadable": Unloadable,
    "unready": Unready,
}

if __name__ == "__main__":
    serve(lambda: MAKERS[sys.argv[1]](*sys.argv[2:]))
