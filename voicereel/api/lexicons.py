"""Lexicons: create, read, replace, list, delete."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.bodies import raw_body, read_json
from voicereel.api.lexicon_schemas import LexiconWriteBody
from voicereel.api.once import once
from voicereel.api.replies import json_reply, no_content, page_reply, post_reply
from voicereel.services.lexicons import LexiconService
from voicereel.services.views import lexicon_view


@dataclass(frozen=True, slots=True)
class LexiconRoutes:
    lexicons: LexiconService

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "createLexicon": self.create,
            "listLexicons": self.list_lexicons,
            "getLexicon": self.get,
            "replaceLexicon": self.replace,
            "deleteLexicon": self.delete,
        }

    def create(self, call: Call) -> Response:
        raw = raw_body()
        draft = read_json(LexiconWriteBody, raw).draft()
        reply = self.lexicons.create(call.principal, draft, once=once(call, raw))
        return post_reply(reply, reply.body)

    def list_lexicons(self, call: Call) -> Response:
        cursor = cursors.decode(call.values["cursor"], cursors.LEXICON)
        page = self.lexicons.page(call.principal, limit=call.values["limit"], cursor=cursor)
        return page_reply([lexicon_view(each) for each in page.data], cursors.encode(page.next_cursor))

    def get(self, call: Call) -> Response:
        values = call.values
        found = self.lexicons.get(call.principal, values["lexicon_id"], version=values["version"])
        return json_reply(lexicon_view(*found))

    def replace(self, call: Call) -> Response:
        draft = read_json(LexiconWriteBody, raw_body()).draft()
        return json_reply(
            lexicon_view(*self.lexicons.change(call.principal, call.values["lexicon_id"], draft))
        )

    def delete(self, call: Call) -> Response:
        self.lexicons.delete(call.principal, call.values["lexicon_id"])
        return no_content()
