"""Jobs: where the work stands, and its results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.bodies import raw_body
from voicereel.api.links import with_absolute_links
from voicereel.api.once import once
from voicereel.api.replies import json_reply, no_content, page_reply, post_reply
from voicereel.services.jobs import JobService


@dataclass(frozen=True, slots=True)
class JobRoutes:
    jobs: JobService

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "listJobs": self.list_jobs,
            "getJob": self.get,
            "deleteJob": self.delete,
            "cancelJob": self.cancel,
            "approveJob": self.approve,
        }

    def list_jobs(self, call: Call) -> Response:
        values = call.values
        page = self.jobs.page(
            call.principal,
            limit=values["limit"],
            cursor=cursors.decode(values["cursor"], cursors.JOB),
            status=values["status"],
            created_after=values["created_after"],
            created_before=values["created_before"],
        )
        return page_reply([_linked(job) for job in page.data], cursors.encode(page.next_cursor))

    def get(self, call: Call) -> Response:
        return json_reply(_linked(self.jobs.get(call.principal, call.values["job_id"])))

    def delete(self, call: Call) -> Response:
        self.jobs.delete(call.principal, call.values["job_id"])
        return no_content()

    def cancel(self, call: Call) -> Response:
        job_id = call.values["job_id"]
        reply = self.jobs.cancel(call.principal, job_id, once=once(call, raw_body()))
        return post_reply(reply, _linked(dict(reply.body)))

    def approve(self, call: Call) -> Response:
        job_id = call.values["job_id"]
        reply = self.jobs.approve(call.principal, job_id, once=once(call, raw_body()))
        return post_reply(reply, _linked(dict(reply.body)))


def _linked(view: dict[str, Any]) -> dict[str, Any]:
    return with_absolute_links(view, request.url_root)
