"""Sources: upload, read, list, delete."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.once import once
from voicereel.api.replies import json_reply, no_content, page_reply, post_reply
from voicereel.api.source_upload import read_source
from voicereel.services.sources import SourceService
from voicereel.services.views import source_view


@dataclass(frozen=True, slots=True)
class SourceRoutes:
    sources: SourceService

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "createSource": self.create,
            "listSources": self.list_sources,
            "getSource": self.get,
            "deleteSource": self.delete,
        }

    def create(self, call: Call) -> Response:
        form = read_source(self.sources.max_bytes)
        content = form.fingerprint() if call.values["Idempotency-Key"] else b""
        reply = self.sources.add(call.principal, form.upload, once=once(call, content))
        return post_reply(reply, reply.body)

    def list_sources(self, call: Call) -> Response:
        cursor = cursors.decode(call.values["cursor"], cursors.SOURCE)
        page = self.sources.page(call.principal, limit=call.values["limit"], cursor=cursor)
        return page_reply([source_view(each) for each in page.data], cursors.encode(page.next_cursor))

    def get(self, call: Call) -> Response:
        return json_reply(source_view(self.sources.get(call.principal, call.values["source_id"])))

    def delete(self, call: Call) -> Response:
        self.sources.delete(call.principal, call.values["source_id"])
        return no_content()
