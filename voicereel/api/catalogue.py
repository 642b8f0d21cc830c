"""What there is right now: stock voices, and how busy the workers are."""

from collections.abc import Mapping

from flask import Response

from voicereel.api import cursors
from voicereel.api.binding import Call, Handler
from voicereel.api.replies import json_reply, page_reply
from voicereel.services.catalogue import CatalogueService


def handlers(catalogue: CatalogueService) -> Mapping[str, Handler]:
    def list_voices(call: Call) -> Response:
        cursor = cursors.decode(call.values["cursor"], cursors.VOICE)
        page = catalogue.voices(limit=call.values["limit"], cursor=cursor, language=call.values["language"])
        return page_reply(page.data, cursors.encode(page.next_cursor))

    def get_queue(_call: Call) -> Response:
        return json_reply(catalogue.queue())

    return {"listVoices": list_voices, "getQueue": get_queue}
