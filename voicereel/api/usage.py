"""What a tenant has used, and what it costs."""

from collections.abc import Mapping

from flask import Response

from voicereel.api.binding import Call, Handler
from voicereel.api.replies import json_reply
from voicereel.services.usage import UsageService
from voicereel.services.usage_report import csv_chunks, json_chunks


def handlers(usage: UsageService) -> Mapping[str, Handler]:
    def get_usage(call: Call) -> Response:
        values = call.values
        return json_reply(
            usage.usage(call.principal, since=values["from"], until=values["to"], group_by=values["group_by"])
        )

    def get_usage_report(call: Call) -> Response:
        month = call.values["month"]
        report = usage.report(call.principal, month)
        if call.values["format"] == "json":
            return Response(json_chunks(report), mimetype="application/json")
        response = Response(csv_chunks(report), mimetype="text/csv")
        response.headers["Content-Disposition"] = f'attachment; filename="usage-{month}.csv"'
        return response

    return {"getUsage": get_usage, "getUsageReport": get_usage_report}
