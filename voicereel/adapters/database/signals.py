"""Telling other processes that something was committed, and hearing it: LISTEN and NOTIFY.

A NOTIFY inside a transaction makes all such commits wait in one line, so it is sent after the commit,
by a thread that puts many into one statement. What is lost on the way is found by looking again.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.hot_pool import KEEPALIVE
from voicereel.ports import Channel
from voicereel.telemetry import log

_SEND = "SELECT pg_notify(c, p) FROM unnest(CAST(%s AS text[]), CAST(%s AS text[])) AS told(c, p)"
_PREFIX = "voicereel_"
_LOOK_S = 0.05
_AGAIN_S = 1.0
_GATHER_S = 0.01
EVERYTHING = frozenset({""})


class Signals:
    """Sends what `tell` is given, at once but not in the caller's time."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Any]]) -> None:
        self._connect = connect
        self._sent = 0.0
        self._waiting: set[tuple[Channel, str]] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def tell(self, told: Iterable[tuple[Channel, str]]) -> None:
        """Have these ``(channel, what)`` sent; the thread is started at the first."""
        with self._changed:
            self._waiting.update(told)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="signals", daemon=True)
                with suppress(RuntimeError):  # no thread to be had: a hint is lost, not the commit
                    thread.start()
                    self._thread = thread
            self._changed.notify()

    def close(self) -> None:
        """Send what is left and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while (told := self._next()) is not None:
            try:
                self._send(told)
            except Exception as error:  # noqa: BLE001 - hints may be lost, their thread may not
                log().info("signal_lost", error=type(error).__name__)

    def _next(self) -> set[tuple[Channel, str]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
        # The first is sent at once; of many, what gathers meanwhile goes together.
        time.sleep(max(0.0, self._sent + _GATHER_S - time.monotonic()))
        with self._changed:
            told, self._waiting = self._waiting, set()
        self._sent = time.monotonic()
        return told or None

    def _send(self, told: set[tuple[Channel, str]]) -> None:
        channels = [f"{_PREFIX}{channel}" for channel, _ in told]
        with self._connect() as connection:
            connection.execute(_SEND, (channels, [what for _, what in told]))


class PostgresqlListener:
    """One connection of its own that hears one channel; made anew when it breaks."""

    def __init__(self, url: sa.URL, channel: Channel) -> None:
        # A host that vanishes is given up on here, too.
        query = {name: str(value) for name, value in {**KEEPALIVE, "connect_timeout": 5}.items()}
        url = url.set(drivername="postgresql").update_query_dict(query)
        self._conninfo = url.render_as_string(hide_password=False)
        self._channel = channel
        self._connection: object | None = None

    def wait(self, timeout_s: float) -> frozenset[str]:
        """What was told; everything may have changed while there was no connection."""
        import psycopg

        try:
            if self._connection is None:
                self._open()
                return EVERYTHING
            return self._heard(timeout_s)
        except psycopg.Error as error:
            log().info("listener_lost", error=type(error).__name__)
            self.close()
            time.sleep(min(timeout_s, _AGAIN_S))
            return EVERYTHING

    def _open(self) -> None:
        import psycopg

        connection = psycopg.connect(self._conninfo, autocommit=True)
        connection.execute(f"LISTEN {_PREFIX}{self._channel}")
        self._connection = connection

    def _heard(self, timeout_s: float) -> frozenset[str]:
        import psycopg

        if not isinstance(self._connection, psycopg.Connection):
            return EVERYTHING
        first = {told.payload for told in self._connection.notifies(timeout=timeout_s, stop_after=1)}
        if not first:
            return frozenset()
        return frozenset(first | {told.payload for told in self._connection.notifies(timeout=0)})

    def close(self) -> None:
        import psycopg

        if isinstance(self._connection, psycopg.Connection):
            self._connection.close()
        self._connection = None


class PollingListener:
    """The same for SQLite: looks at the newest event, which only one writer at a time can add."""

    def __init__(self, changed_since: Callable[[int], tuple[int, frozenset[str]]], *, hears: bool) -> None:
        self._changed_since, self._hears = changed_since, hears
        self._seen: int | None = None
        self._closed = threading.Event()

    def wait(self, timeout_s: float) -> frozenset[str]:
        if not self._hears:  # nobody but the sweeper reads the outbox, and it looks often enough
            self._closed.wait(timeout_s)
            return frozenset()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not self._closed.is_set():
            first = self._seen is None
            self._seen, changed = self._changed_since(self._seen or 0)
            if first:
                return EVERYTHING
            if changed:
                return changed
            self._closed.wait(_LOOK_S)
        return frozenset()

    def close(self) -> None:
        self._closed.set()
