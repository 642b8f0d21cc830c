"""Whether the process answers, and whether it can serve."""

from collections.abc import Callable, Mapping

from flask import Response

from voicereel.api.binding import Call, Handler
from voicereel.api.replies import json_reply

_OK = {"status": "ok"}


def handlers(check_ready: Callable[[], None]) -> Mapping[str, Handler]:
    def get_liveness(_call: Call) -> Response:
        return json_reply(_OK)

    def get_readiness(_call: Call) -> Response:
        check_ready()
        return json_reply(_OK)

    return {"getLiveness": get_liveness, "getReadiness": get_readiness}
