"""Whether the process answers, whether it can serve, and how the service does."""

from collections.abc import Callable, Mapping

from flask import Response

from voicereel.api.binding import Call, Handler
from voicereel.api.replies import json_reply
from voicereel.services.health import HealthService
from voicereel.telemetry import metrics

_OK = {"status": "ok"}


def handlers(check_ready: Callable[[], None], health: HealthService) -> Mapping[str, Handler]:
    def get_liveness(_call: Call) -> Response:
        return json_reply(_OK)

    def get_readiness(_call: Call) -> Response:
        check_ready()
        return json_reply(_OK)

    def get_health(_call: Call) -> Response:
        return json_reply(health.report())

    def get_metrics(_call: Call) -> Response:
        return Response(metrics.exposition(health.readings()), content_type=metrics.CONTENT_TYPE)

    return {
        "getLiveness": get_liveness,
        "getReadiness": get_readiness,
        "getHealth": get_health,
        "getMetrics": get_metrics,
    }
