"""Every metric there is: name, kind, labels. docs/guides/observability.md explains each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge", "scraped"]

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STAGE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
_WAIT_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 30, 60, 300, 1800)
_ATTEMPTS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric. A ``scraped`` one is read from the database when somebody asks."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


FIGURES: Mapping[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure(
            name="voicereel_http_requests_total",
            kind="counter",
            help="Requests answered",
            labels=("operation", "method", "status_class"),
        ),
        Figure(
            name="voicereel_http_request_seconds",
            kind="histogram",
            help="Time to the beginning of the answer",
            labels=("operation",),
            buckets=_REQUEST_S,
        ),
        Figure(
            name="voicereel_stage_runs_total",
            kind="counter",
            help="Attempts of stage runs ended",
            labels=("stage", "pool", "outcome"),
        ),
        Figure(
            name="voicereel_stage_attempts",
            kind="histogram",
            help="Attempts that a stage run took to succeed",
            labels=("stage",),
            buckets=_ATTEMPTS,
        ),
        Figure(
            name="voicereel_stage_seconds",
            kind="histogram",
            help="Length of attempts that succeeded",
            labels=("stage",),
            buckets=_STAGE_S,
        ),
        Figure(
            name="voicereel_stage_wait_seconds",
            kind="histogram",
            help="Time from due to claimed",
            labels=("stage",),
            buckets=_WAIT_S,
        ),
        Figure(
            name="voicereel_stage_errors_total",
            kind="counter",
            help="Errors of attempts",
            labels=("stage", "code"),
        ),
        Figure(
            name="voicereel_audio_rendered_seconds_total",
            kind="counter",
            help="Seconds of speech made by an engine",
            labels=("engine",),
        ),
        Figure(
            name="voicereel_lines_checked_total",
            kind="counter",
            help="Lines with sound that were listened to",
            labels=("engine", "recognizer"),
        ),
        Figure(
            name="voicereel_line_retries_total",
            kind="counter",
            help="Times that a bad line was spoken again with another seed",
            labels=("engine",),
        ),
        Figure(
            name="voicereel_lines_suspect_total",
            kind="counter",
            help="Lines that were left for a person to hear",
            labels=("engine",),
        ),
        Figure(
            name="voicereel_billed_amount_total",
            kind="counter",
            help="What ledger entries come to",
            labels=("currency",),
        ),
        Figure(name="voicereel_billed_seconds_total", kind="counter", help="Seconds of audio billed"),
        Figure(
            name="voicereel_outbox_published_total",
            kind="counter",
            help="Outbox rows handed on",
            labels=("topic",),
        ),
        Figure(
            name="voicereel_take_cache_lines_total",
            kind="counter",
            help="Lines for which the take cache was asked",
            labels=("outcome",),
        ),
        Figure(name="voicereel_take_cache_bytes", kind="gauge", help="Size of the takes that are kept"),
        Figure(
            name="voicereel_take_cache_evictions_total",
            kind="counter",
            help="Files of takes removed to stay within the limit",
        ),
        Figure(
            name="voicereel_gpu_memory_bytes",
            kind="gauge",
            help="Memory of a GPU",
            labels=("gpu", "kind"),
        ),
        Figure(name="voicereel_queue_waiting", kind="scraped", help="Stage runs due", labels=("pool",)),
        Figure(name="voicereel_queue_running", kind="scraped", help="Stage runs begun", labels=("pool",)),
        Figure(
            name="voicereel_queue_oldest_due_seconds",
            kind="scraped",
            help="How long the oldest stage run has been due",
            labels=("pool",),
        ),
        Figure(
            name="voicereel_workers_live",
            kind="scraped",
            help="Workers heard from in the last 30 s",
            labels=("pool",),
        ),
        Figure(
            name="voicereel_expired_leases",
            kind="scraped",
            help="Stage runs whose worker is not heard from",
        ),
        Figure(name="voicereel_outbox_rows", kind="scraped", help="Outbox rows not yet handed on"),
        Figure(name="voicereel_outbox_oldest_seconds", kind="scraped", help="Age of the oldest outbox row"),
    )
}
