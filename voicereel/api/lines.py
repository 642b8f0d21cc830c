"""The lines of a job's script: read, change, add, remove."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.bodies import raw_body, read_json
from voicereel.api.links import with_absolute_links
from voicereel.api.once import once
from voicereel.api.replies import json_reply, no_content, page_reply, post_reply
from voicereel.api.schemas import LineInsertBody, LineUpdateBody
from voicereel.domain.script import Line
from voicereel.services.drafts import DraftService


@dataclass(frozen=True, slots=True)
class LineRoutes:
    drafts: DraftService

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "listLines": self.list_lines,
            "getLine": self.get,
            "insertLine": self.insert,
            "updateLine": self.update,
            "deleteLine": self.delete,
        }

    def list_lines(self, call: Call) -> Response:
        values = call.values
        first = cursors.decode(values["cursor"], cursors.LINE)
        views, following = self.drafts.page(
            call.principal,
            values["job_id"],
            limit=values["limit"],
            first=cursors.number(first) or 0,
            words=values["words"],
        )
        return page_reply(
            [_linked(view) for view in views],
            cursors.encode(None if following is None else f"line:{following}"),
        )

    def get(self, call: Call) -> Response:
        values = call.values
        view = self.drafts.line(call.principal, values["job_id"], values["line_id"], words=values["words"])
        return json_reply(_linked(view))

    def insert(self, call: Call) -> Response:
        raw = raw_body()
        body = read_json(LineInsertBody, raw)
        reply = self.drafts.insert(
            call.principal, call.values["job_id"], _line(body), body.place(), once=once(call, raw)
        )
        return post_reply(reply, _linked(reply.body))

    def update(self, call: Call) -> Response:
        change = read_json(LineUpdateBody, raw_body()).change()
        values = call.values
        view = self.drafts.update(call.principal, values["job_id"], values["line_id"], change)
        return json_reply(_linked(view))

    def delete(self, call: Call) -> Response:
        self.drafts.delete(call.principal, call.values["job_id"], call.values["line_id"])
        return no_content()


def _linked(view: Mapping[str, Any]) -> dict[str, Any]:
    return with_absolute_links(dict(view), request.url_root)


def _line(body: LineInsertBody) -> Line:
    """One that came without an id has none yet."""
    return body.line(body.id or "")
