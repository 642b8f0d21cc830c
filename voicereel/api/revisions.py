"""Revisions of a job: render its edits, list what was rendered."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, request

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.bodies import raw_body, read_json
from voicereel.api.links import with_absolute_links
from voicereel.api.once import once
from voicereel.api.replies import json_reply, page_reply, post_reply
from voicereel.api.schemas import RevisionBody
from voicereel.services.revisions import RevisionService
from voicereel.telemetry import traces


@dataclass(frozen=True, slots=True)
class RevisionRoutes:
    revisions: RevisionService

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "createRevision": self.create,
            "estimateRevision": self.estimate,
            "listRevisions": self.list_revisions,
        }

    def estimate(self, call: Call) -> Response:
        return json_reply(self.revisions.estimate(call.principal, call.values["job_id"]))

    def create(self, call: Call) -> Response:
        raw = raw_body()
        reply = self.revisions.revise(
            call.principal,
            call.values["job_id"],
            once=once(call, raw),
            request_id=call.request_id,
            trace=traces.current(),
            max_cost_micros=read_json(RevisionBody, raw or b"{}").max_cost_micros,
        )
        return post_reply(reply, with_absolute_links(dict(reply.body), request.url_root))

    def list_revisions(self, call: Call) -> Response:
        values = call.values
        before = cursors.number(cursors.decode(values["cursor"], cursors.REVISION))
        views, following = self.revisions.page(
            call.principal, values["job_id"], limit=values["limit"], before=before
        )
        linked = [with_absolute_links(view, request.url_root) for view in views]
        return page_reply(linked, cursors.encode(None if following is None else f"revision:{following}"))
