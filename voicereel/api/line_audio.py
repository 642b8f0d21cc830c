"""The audio of one line: by its job and id, and by the presigned URL that events and lines carry."""

from collections.abc import Mapping

from flask import Response

from voicereel.api.artifacts import download_reply
from voicereel.api.binding import Call, Handler
from voicereel.services.line_audio import LineAudioService


def handlers(audio: LineAudioService) -> Mapping[str, Handler]:
    def get_line_audio(call: Call) -> Response:
        values = call.values
        return download_reply(audio.open_line(call.principal, values["job_id"], values["line_id"]))

    def download_line_audio(call: Call) -> Response:
        values = call.values
        download = audio.open_signed(
            values["artifact_id"],
            values["span"],
            values["name"],
            expires=values["exp"],
            key_id=values["kid"],
            signature=values["sig"],
        )
        return download_reply(download)

    return {"getLineAudio": get_line_audio, "downloadLineAudio": download_line_audio}
