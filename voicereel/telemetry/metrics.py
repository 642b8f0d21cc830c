"""Figures for Prometheus: what is counted, the calls that count it, and how it is told.

The processes of a home share its folder `metrics` (`voicereel.telemetry.shared`), so that each can tell
what all of them did. Until `configure` was called, counting does nothing. Counting takes microseconds and
raises nothing: a figure that cannot be kept is lost, the work that it is about is not.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, ThreadingWSGIServer, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily

from voicereel.telemetry import shared
from voicereel.telemetry.figures import FIGURES, Figure, Kind
from voicereel.telemetry.logs import log

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Outcome = Literal["succeeded", "retried", "failed", "lost", "released"]
P = ParamSpec("P")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TAKEOVER_S = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a scraped figure."""

    name: str
    value: float
    labels: Mapping[str, str]


class _Recorder:
    """The metrics of this process, in a folder it shares with others."""

    def __init__(self, path: Path) -> None:
        self.folder = shared.Folder(path)
        self.folder.identity()
        # The library looks for the folder here, whenever it makes a file.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(path)
        self._values = values.ValueClass = values.MultiProcessValue(self.folder.identity)
        none = CollectorRegistry()
        self.counters = {
            name: Counter(name, figure.help, figure.labels, registry=none)
            for name, figure in _of_kind("counter")
        }
        self.histograms = {
            name: Histogram(name, figure.help, figure.labels, registry=none, buckets=figure.buckets)
            for name, figure in _of_kind("histogram")
        }
        self.gauges = {
            name: Gauge(name, figure.help, figure.labels, registry=none, multiprocess_mode=shared.GAUGE_MODE)
            for name, figure in _of_kind("gauge")
        }

    def close(self) -> None:
        self._values.close_all_files()
        self.folder.leave()


def _of_kind(kind: Kind) -> Iterator[tuple[str, Figure]]:
    return ((name, figure) for name, figure in FIGURES.items() if figure.kind == kind)


_recorder: _Recorder | None = None


def configure(home: Path) -> bool:
    """Count from now on, in the folder ``metrics`` of the home; False where it cannot be written."""
    global _recorder
    stop()
    try:
        _recorder = _Recorder(home / "metrics")
    except OSError as error:
        log().warning("metrics_off", code=errno.errorcode.get(error.errno or 0, ""))
        return False
    return True


def stop() -> None:
    """Count no longer."""
    global _recorder
    if _recorder is not None:
        _recorder.close()
    _recorder = None


def forget_former(home: Path) -> bool:
    """Remove the figures of former runs; for a supervisor, before it counts or starts anybody.

    False, and nothing is removed, while any process of the home lives. Without this call counters go on
    where they were, which does no harm.
    """
    return shared.forget_former(home / "metrics")


def _harmless(record: Callable[Concatenate[_Recorder, P], None]) -> Callable[P, None]:
    """A disk that is full, a file that is gone: not the business of whoever counts."""

    @wraps(record)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        if _recorder is not None:
            with suppress(OSError, ValueError, RuntimeError):
                record(_recorder, *args, **kwargs)

    return guarded


@_harmless
def request_served(to: _Recorder, operation: str, method: str, status: int, seconds: float) -> None:
    """An answer began. ``operation`` is one of the spec's, or "" for what it does not know."""
    method = method if method in _METHODS else "other"
    to.counters["voicereel_http_requests_total"].labels(
        operation or "none", method, f"{status // 100}xx"
    ).inc()
    to.histograms["voicereel_http_request_seconds"].labels(operation or "none").observe(seconds)


@_harmless
def stage_finished(
    to: _Recorder, stage: str, pool: str, outcome: Outcome, seconds: float, attempt: int
) -> None:
    """An attempt ended. Its length and its number are told of those that succeeded."""
    to.counters["voicereel_stage_runs_total"].labels(stage, pool, outcome).inc()
    if outcome == "succeeded":
        to.histograms["voicereel_stage_seconds"].labels(stage).observe(seconds)
        to.histograms["voicereel_stage_attempts"].labels(stage).observe(attempt)


@_harmless
def stage_waited(to: _Recorder, stage: str, seconds: float) -> None:
    """A stage run was claimed so long after it was due."""
    to.histograms["voicereel_stage_wait_seconds"].labels(stage).observe(max(seconds, 0.0))


@_harmless
def stage_error(to: _Recorder, stage: str, code: str) -> None:
    """An attempt ended in an error; ``code`` is one of ours."""
    to.counters["voicereel_stage_errors_total"].labels(stage, code).inc()


@_harmless
def rendered(to: _Recorder, engine: str, seconds: float) -> None:
    """An engine made so many seconds of speech."""
    to.counters["voicereel_audio_rendered_seconds_total"].labels(engine).inc(seconds)


@_harmless
def lines_checked(to: _Recorder, engine: str, *, by: Mapping[str, int], retries: int, suspect: int) -> None:
    """Lines of an engine were listened to ``by`` recognisers, spoken again, and left for a person to hear."""
    for recognizer, lines in by.items():
        to.counters["voicereel_lines_checked_total"].labels(engine, recognizer).inc(lines)
    to.counters["voicereel_line_retries_total"].labels(engine).inc(retries)
    to.counters["voicereel_lines_suspect_total"].labels(engine).inc(suspect)


@_harmless
def billed(to: _Recorder, currency: str, amount: float, seconds: float) -> None:
    """A ledger entry was committed: of ``amount``, for so many seconds of audio."""
    to.counters["voicereel_billed_amount_total"].labels(currency).inc(amount)
    to.counters["voicereel_billed_seconds_total"].inc(seconds)


@_harmless
def published(to: _Recorder, topic: str, n: int) -> None:
    """So many outbox rows were handed on."""
    to.counters["voicereel_outbox_published_total"].labels(topic).inc(n)


@_harmless
def take_cache(to: _Recorder, hits: int, misses: int) -> None:
    """So many lines had a take that could be used again, and so many had none."""
    to.counters["voicereel_take_cache_lines_total"].labels("hit").inc(hits)
    to.counters["voicereel_take_cache_lines_total"].labels("miss").inc(misses)


@_harmless
def take_cache_bytes(to: _Recorder, size_bytes: int) -> None:
    """What all kept takes come to now."""
    to.gauges["voicereel_take_cache_bytes"].set(size_bytes)


@_harmless
def takes_evicted(to: _Recorder, files: int) -> None:
    """So many files of takes were removed, to stay within the limit."""
    to.counters["voicereel_take_cache_evictions_total"].inc(files)


@_harmless
def gpu_memory(to: _Recorder, gpu: str, used_bytes: int, total_bytes: int) -> None:
    """What a GPU holds now. Of several processes that tell, the last one counts."""
    to.gauges["voicereel_gpu_memory_bytes"].labels(gpu, "used").set(used_bytes)
    to.gauges["voicereel_gpu_memory_bytes"].labels(gpu, "total").set(total_bytes)


def exposition(readings: Sequence[Reading] = ()) -> bytes:
    """All figures of this home's processes and the ``readings``, as Prometheus reads them."""
    return generate_latest(_Scrape(readings))


@dataclass(frozen=True, slots=True)
class _Scrape:
    """What `generate_latest` takes for a registry."""

    readings: Sequence[Reading]

    def collect(self) -> Iterator[Metric]:
        if _recorder is not None:
            yield from _recorder.folder.collect()
        families: dict[str, GaugeMetricFamily] = {}
        for reading in self.readings:
            figure = FIGURES[reading.name]
            family = families.setdefault(
                figure.name, GaugeMetricFamily(figure.name, figure.help, labels=figure.labels)
            )
            family.add_metric([reading.labels[name] for name in figure.labels], reading.value)
        yield from families.values()


def serve(port: int, host: str) -> None:
    """Tell all figures of this home's processes at `http://host:port/metrics`, without a key.

    Runs on a daemon thread. `/` is 200 while the process lives. The first process of a machine that asks
    for the port has it; when it ends, another takes over within five seconds.
    """
    threading.Thread(target=_serve, args=(port, host), name="metrics", daemon=True).start()


def _serve(port: int, host: str) -> None:
    server = _first_free(port, host)
    with server:
        server.serve_forever()


def _first_free(port: int, host: str) -> WSGIServer:
    while True:
        try:
            return make_server(host, port, _application, ThreadingWSGIServer, handler_class=_Quiet)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        time.sleep(_TAKEOVER_S)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Scrapes are no events."""


def _application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    pages: dict[str, Callable[[], bytes]] = {"/": lambda: b"ok\n", "/metrics": exposition}
    page = pages.get(environ["PATH_INFO"])
    start_response("200 OK" if page else "404 Not Found", [("Content-Type", CONTENT_TYPE)])
    return [page() if page else b""]
