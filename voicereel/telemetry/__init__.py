"""What operators see: logs, metrics, traces, crashes. Nothing a customer wrote is in any of them."""

from voicereel.settings import Settings
from voicereel.telemetry import crashes, traces
from voicereel.telemetry.logs import adopt_library_logs, configure, log

__all__ = ["configure", "log", "start"]


def start(settings: Settings, *, process: str) -> None:
    """Begin to tell: the first thing an entry point does. ``process`` is a part of all that is told."""
    from voicereel.telemetry import metrics

    configure(process=process)
    adopt_library_logs()
    if settings.traces_endpoint and not traces.configure(process=process, endpoint=settings.traces_endpoint):
        log().warning("traces_off", reason="the extra 'traces' is not installed")
    if settings.sentry_dsn and not crashes.configure(settings.sentry_dsn, process=process):
        log().warning("crash_reports_off", reason="the extra 'sentry' is not installed")
    metrics.configure(settings.home)
