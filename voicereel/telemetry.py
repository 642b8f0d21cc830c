"""Structured logs: one JSON object a line on stderr. Customers' words never enter.

Log fixed event names with ids, counts and durations; never texts, names, keys or URLs.
"""

import sys

import structlog


def configure(*, process: str) -> None:
    """Set up logging for this process; ``process`` is a part of every line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_exception_type,
            structlog.processors.JSONRenderer(),
        ],
        # Looked up at each line: a process, or a test, may have put another stderr in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=process)


def log() -> structlog.stdlib.BoundLogger:
    """The logger; never one that prints what exceptions say, even where nobody configured it."""
    if not structlog.is_configured():
        configure(process="unnamed")
    return structlog.stdlib.get_logger()


def _only_exception_type(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception's text may quote its input: keep where it happened, drop what it says."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["trace"] = _frames(error)
    return event


def _frames(error: BaseException) -> list[str]:
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames
