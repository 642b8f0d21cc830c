"""The whole service on one machine: API, workers and upkeep as one command.

The supervisor imports no worker code: children are started by module name, watched, and started
again when they die. It holds a lock on its home folder, so there is one a home.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from voicereel.bootstrap import Services, build
from voicereel.children import TICK_S, Child, stop
from voicereel.dispatcher import Dispatcher
from voicereel.domain.errors import VoiceReelError
from voicereel.home import make_home
from voicereel.settings import Settings
from voicereel.telemetry import log

_STOP_S = 3.0

# How long a worker that is asked to stop has until its next checkpoint.
WORKER_STOP_S = 20


class HomeBusy(Exception):
    """Another supervisor holds this home folder."""


class Supervisor:
    """Runs the children until it is told to stop; see `run`."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.url = settings.public_url or f"http://{host}:{port}"
        self._settings = settings
        self._listener = listener
        self._address = (host, port)
        self._services = build(settings)
        self._prefix = settings.worker_prefix
        self._stopping = False
        self._ready = False
        self._dispatcher = Dispatcher(services=self._services, sweep_s=settings.sweep_s)
        self._children = list(self._make_children())

    def _make_children(self) -> Iterator[Child]:
        # Whatever a child leaves in its temporary folder when it is killed goes at the next start.
        environment = {**self._settings.environment(), "TMPDIR": str(self._settings.scratch)}
        descriptor = self._listener.fileno()
        command = api_command(self._settings, bind=f"fd://{descriptor}", graceful_s=2)
        yield Child(f"{self._prefix}api", command, environment, (descriptor,))
        for number in range(self._settings.worker_count):
            name = f"{self._prefix}{self._settings.pool}-{number:02}"
            yield Child(name, worker_command(self._settings), {**environment, "VOICEREEL_WORKER_ID": name})

    @property
    def _address_file(self) -> Path:
        """Where others find the URL; there only while the service is ready."""
        return self._settings.home / "server.json"

    @property
    def services(self) -> Services:
        return self._services

    def stop(self, *_: object) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping = True

    def run(self) -> Iterator[str]:
        """Start everything, yield the URL once it is ready, then watch until stopped."""
        self._address_file.unlink(missing_ok=True)
        self._tidy()
        self._requeue(self._prefix)
        upkeep = threading.Thread(target=self._dispatcher.run, name="upkeep", daemon=True)
        upkeep.start()
        try:
            while not self._stopping and upkeep.is_alive():
                self._tick(time.monotonic())
                if not self._ready and self._is_ready():
                    self._ready = True
                    self._write_address()
                    yield self.url
                time.sleep(TICK_S)
        finally:
            self._end(upkeep)

    def _tick(self, now: float) -> None:
        for child in self._children:
            if child.keep_alive(now):
                self._requeue(f"{child.name}.")

    def _requeue(self, worker_prefix: str) -> None:
        """What dead workers held is due at once: nobody needs to wait for their leases to end."""
        try:
            released = self._services.work.release_workers(worker_prefix)
        except VoiceReelError as error:
            log().warning("requeue_failed", code=error.code)
        else:
            if released:
                log().info("unfinished_work_requeued", stage_runs=released)

    def _tidy(self) -> None:
        """Remove what workers that were killed had begun; nobody else is at work in this home."""
        shutil.rmtree(self._settings.scratch, ignore_errors=True)
        self._settings.scratch.mkdir(parents=True)
        self._services.work.store.forget_unfinished()

    def _is_ready(self) -> bool:
        """The API answers that it is ready, and an engine has advertised itself."""
        connection = HTTPConnection(*self._address, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200 and bool(self._services.catalogue.engines())
        except (OSError, HTTPException, VoiceReelError):
            return False
        finally:
            connection.close()

    def _write_address(self) -> None:
        temporary = self._settings.home / ".server.json"
        temporary.write_text(json.dumps({"url": self.url, "pid": os.getpid()}))
        temporary.replace(self._address_file)

    def _end(self, upkeep: threading.Thread) -> None:
        """Ask every child to stop; after three seconds, make it."""
        self._address_file.unlink(missing_ok=True)
        stop(self._children, within_s=_STOP_S)
        self._requeue(self._prefix)
        self._dispatcher.stop()
        upkeep.join(_STOP_S)
        self._services.close()
        self._listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; the API's processes inherit it, so a free port (0) stays ours."""
    listener = socket.create_server((host, port), backlog=1024)
    listener.set_inheritable(True)
    return listener


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home folder; raises `HomeBusy` when another supervisor does."""
    make_home(home)
    with (home / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeBusy(f"VoiceReel is already running on {home}.") from None
        yield


def api_command(settings: Settings, *, bind: str, graceful_s: int) -> tuple[str, ...]:
    """The API's processes and threads. Each open event stream holds a thread, and no connection."""
    options = {
        "--bind": bind,
        "--worker-class": "gthread",
        "--workers": settings.api_workers,
        "--threads": settings.api_threads,
        "--graceful-timeout": graceful_s,
        "--keep-alive": 75,
        "--backlog": 1024,
        "--log-level": "warning",
    }
    flags = [str(part) for option in options.items() for part in option]
    return (sys.executable, "-m", "gunicorn", *flags, "--no-control-socket", "voicereel.wsgi:app")


def worker_command(settings: Settings) -> tuple[str, ...]:
    """A worker of one pool: woken by the broker where there is one, else it looks for itself.

    One thread a process: a process renders one thing at a time, and holds one message.
    """
    if not settings.broker_url:
        return (sys.executable, "-m", "workers.main")
    stop_ms = str(WORKER_STOP_S * 1000)
    return (
        sys.executable, "-m", "dramatiq", "workers.main:boot", "--use-spawn",
        "--processes", "1", "--threads", "1", "--worker-shutdown-timeout", stop_ms,
        "--skip-logging",
    )  # fmt: skip
