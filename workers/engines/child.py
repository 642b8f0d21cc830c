"""A process that an engine lives in, from outside: started, written to, read from, and ended."""

import contextlib
import fcntl
import functools
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from workers.audio.clip import Samples
from workers.engines.base import EngineError, Watch, unwatched
from workers.engines.wire import Facts, Frame, Garbled, read_frame, write_frame

# How often the watch is called while nothing comes (seconds).
_WATCH_S = 0.1
# Some 12 s of sound: so far may an engine be ahead of what writes its takes. Linux's default is a 16th.
_PIPE_BYTES = 1 << 20
# What a process may take to vanish after SIGKILL (seconds): freeing a device's memory takes a while.
_VANISH_S = 5.0


class _TooLate(Exception):
    """The deadline is over."""


class Child:
    """One process, in a group of its own; it dies with this one.

    Frames are sent and received whole. Whoever waits is called back by a watch; when that raises,
    the exception passes through. A child that fails once (`EngineError`: ``engine_timeout``,
    ``engine_crashed``) has been ended. Used by one thread; `end` may be called again and again.
    """

    def __init__(self, command: Sequence[str], *, grace_s: float) -> None:
        self._grace_s = grace_s
        self._process = _started(command)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._writable, self._readable = select.poll(), select.poll()
        self._writable.register(self._in, select.POLLOUT)
        self._readable.register(self._out, select.POLLIN)
        for descriptor in (self._in, self._out):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(
                OSError, AttributeError
            ):  # a user's share of pipes is used up; not Linux
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._ending: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether the process runs, as far as is known, and was not told to end."""
        return self._ending is None and self._process.poll() is None

    def send(
        self, facts: Facts, samples: Samples | None = None, *, within_s: float, watch: Watch = unwatched
    ) -> None:
        with self._transfer(self._writable, within_s, watch) as moved:
            write_frame(facts, samples, lambda data: moved(data, lambda rest: os.write(self._in, rest)))

    def receive(self, *, within_s: float, watch: Watch = unwatched) -> Frame:
        """The next frame, whose last byte comes ``within_s`` from now."""
        with self._transfer(self._readable, within_s, watch) as moved:
            return read_frame(lambda data: moved(data, lambda rest: os.readv(self._out, [rest])))

    @contextlib.contextmanager
    def _transfer(
        self, ready: select.poll, within_s: float, watch: Watch
    ) -> Iterator[Callable[[memoryview, Callable[[memoryview], int]], None]]:
        """Moves the bytes of one frame; a frame that stays unfinished makes the pipe worthless."""
        watch()
        deadline = time.monotonic() + within_s
        begun = False

        def move(data: memoryview, some: Callable[[memoryview], int]) -> None:
            nonlocal begun
            while data:
                count = self._moved(data, some)
                if count is None:
                    _wait(ready, deadline, watch)
                else:
                    begun = True
                    data = data[count:]

        try:
            yield move
        except _TooLate:
            self.end()
            detail = "The engine took too long."
            raise EngineError(detail, code="engine_timeout", retryable=True) from None
        except Garbled:
            self.end()
            raise EngineError("The engine stopped.", code="engine_crashed", retryable=True) from None
        except BaseException:
            if begun:
                self.end()
            raise

    def _moved(self, data: memoryview, some: Callable[[memoryview], int]) -> int | None:
        """How many bytes could be moved at once; None when the pipe is not ready."""
        if self._ending is not None:  # its descriptors may be others' by now
            raise Garbled
        try:
            count = some(data)
        except BlockingIOError:
            return None
        except OSError:
            raise Garbled from None
        if count == 0:
            raise Garbled
        return count

    def end(self) -> None:
        """Ask the process to go; what is left of its group after the grace is killed. Does not wait."""
        if self._ending is None:
            self._ending = threading.Thread(target=self._see_off, name="engine-end", daemon=True)
            self._ending.start()

    def wait_gone(self, *, watch: Watch = unwatched) -> None:
        """Wait until an ended process has gone. Raises `EngineError` when not even a kill helps."""
        assert self._ending is not None
        deadline = time.monotonic() + self._grace_s + _VANISH_S
        while True:
            self._ending.join(_WATCH_S)
            if not self._ending.is_alive():
                return
            watch()
            if time.monotonic() > deadline:
                detail = "The engine's process cannot be ended."
                raise EngineError(detail, code="engine_unavailable", retryable=True)

    def _see_off(self) -> None:
        self._signal(signal.SIGTERM)
        # Closed after the signal, which is heard once: the end of its input is heard even by a process
        # whose native code swallowed that, and a full pipe holds nobody.
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self._grace_s)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _wait(ready: select.poll, deadline: float, watch: Watch) -> None:
    """Until there is something to read, or room to write. Raises `_TooLate`."""
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise _TooLate
        if ready.poll(min(left_s, _WATCH_S) * 1000):
            return
        watch()


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process on a thread that stays: the kernel takes that thread, not us, for its parent.

    A child that dies with its parent would otherwise die with the thread that happened to start it.
    """
    try:
        return _starter().submit(_start, command).result()
    except OSError:  # no memory, no process left
        detail = "The engine's process could not be started."
        raise EngineError(detail, code="engine_crashed", retryable=True) from None


@functools.cache
def _starter() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="engine-start")


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
