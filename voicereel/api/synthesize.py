"""A script becomes a job, or an estimate of one."""

from collections.abc import Mapping

from flask import Response

from voicereel.api.binding import Call, Handler
from voicereel.api.bodies import raw_body, read_script
from voicereel.api.once import once
from voicereel.api.replies import post_reply
from voicereel.services.estimates import EstimateService
from voicereel.services.jobs import JobService
from voicereel.telemetry import traces


def handlers(jobs: JobService, estimates: EstimateService) -> Mapping[str, Handler]:
    def synthesize(call: Call) -> Response:
        raw = raw_body()
        script = read_script(raw)
        reply = jobs.submit(
            call.principal,
            script,
            once=once(call, raw),
            request_id=call.request_id,
            trace=traces.current(),
        )
        return post_reply(reply, reply.body)

    def estimate(call: Call) -> Response:
        raw = raw_body()
        reply = estimates.estimate(call.principal, read_script(raw), once=once(call, raw))
        return post_reply(reply, reply.body)

    return {"synthesize": synthesize, "estimate": estimate}
