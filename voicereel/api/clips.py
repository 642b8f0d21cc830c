"""The clips of a job: listed with URLs, and served one by one."""

from collections.abc import Mapping

from flask import Response, request

from voicereel.api import cursors
from voicereel.api.artifacts import download_reply
from voicereel.api.binding import Call, Handler
from voicereel.api.links import absolute
from voicereel.api.replies import page_reply
from voicereel.services.clips import ClipService


def handlers(clips: ClipService) -> Mapping[str, Handler]:
    def list_clips(call: Call) -> Response:
        values = call.values
        cursor = cursors.decode(values["cursor"], cursors.CLIP)
        after = int(cursor.removeprefix("clip:")) if cursor else 0
        page, following = clips.page(call.principal, values["job_id"], limit=values["limit"], after=after)
        linked = [{**clip, "url": absolute(clip["url"], request.url_root)} for clip in page]
        return page_reply(linked, cursors.encode(None if following is None else f"clip:{following}"))

    def download_clip(call: Call) -> Response:
        values = call.values
        download = clips.open_signed(
            values["artifact_id"],
            values["name"],
            expires=values["exp"],
            key_id=values["kid"],
            signature=values["sig"],
        )
        return download_reply(download)

    return {"listClips": list_clips, "downloadClip": download_clip}
