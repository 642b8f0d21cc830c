"""Structured logs: one JSON object a line on stderr. Customers' words never enter.

Log fixed event names with ids, counts and durations; never texts, names, keys or URLs. A field that is
not in `FIELDS` is left out, and the line says so.
"""

import logging
import sys
from functools import partial

import structlog
from structlog.typing import EventDict

from voicereel.telemetry import crashes

FIELDS = frozenset(
    (
        "attempt",
        "child",
        "code",
        "count",
        "engine",
        "error",
        "event",
        "files",
        "job_id",
        "key_id",
        "level",
        "logger",
        "message",
        "method",
        "missing",
        "ms",
        "operation",
        "outcome",
        "place",
        "pool",
        "process",
        "reason",
        "request_id",
        "retryable",
        "rows",
        "seconds",
        "shard",
        "stage",
        "stage_runs",
        "version",
        "status",
        "step",
        "tenant_id",
        "timestamp",
        "topic",
        "trace",
        "worker_id",
    )
)


def configure(*, process: str) -> None:
    """Set up logging for this process; ``process`` is a part of every line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            partial(_name_process, process),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            crashes.report,
            _only_exception_type,
            _only_known_fields,
            structlog.processors.JSONRenderer(),
        ],
        # Looked up at each line: a process, or a test, may have put another stderr in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def log() -> structlog.stdlib.BoundLogger:
    """The logger; never one that prints what exceptions say, even where nobody configured it."""
    if not structlog.is_configured():
        configure(process="unnamed")
    return structlog.stdlib.get_logger()


def adopt_library_logs() -> None:
    """Send what libraries log through ours: from `WARNING` on, without what they were given."""
    logging.root.handlers[:] = [LibraryHandler(logging.WARNING)]
    gunicorn = logging.getLogger("gunicorn.error")  # names the URI of a request that fails, query and all
    gunicorn.handlers.clear()
    gunicorn.propagate = True


class LibraryHandler(logging.Handler):
    """Where a library logged and by which template; its arguments may quote a customer.

    A message without arguments may be made of them, so that it is not told either.
    """

    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if record.args and isinstance(record.msg, str) else ""
        error = record.exc_info[1] if record.exc_info else None
        log().log(
            record.levelno,
            "library_log",
            logger=record.name,
            place=f"{record.module}:{record.lineno} {record.funcName}",
            message=template,
            **({"exc_info": error} if error else {}),
        )


def _name_process(process: str, _logger: object, _method: str, event: EventDict) -> EventDict:
    """Not a context variable: threads begin without those."""
    event.setdefault("process", process)
    return event


def _only_exception_type(_logger: object, _method: str, event: EventDict) -> EventDict:
    """An exception's text may quote its input: keep where it happened, drop what it says."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["trace"] = _frames(error)
    return event


def _only_known_fields(_logger: object, _method: str, event: EventDict) -> EventDict:
    unknown = event.keys() - FIELDS
    if unknown:
        event = {key: value for key, value in event.items() if key not in unknown}
        event["missing"] = sorted(unknown)
    return event


def _frames(error: BaseException) -> list[str]:
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames
