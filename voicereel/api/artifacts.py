"""Downloads by presigned URL: ranges, conditions, always an attachment."""

from collections.abc import Mapping

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import dump_options_header, parse_range_header
from werkzeug.wsgi import FileWrapper

from voicereel.api.binding import Call, Handler
from voicereel.services.artifacts import ArtifactService, Download

_BLOCK_BYTES = 1 << 16


def handlers(artifacts: ArtifactService) -> Mapping[str, Handler]:
    def download_artifact(call: Call) -> Response:
        values = call.values
        download = artifacts.open_signed(
            values["artifact_id"],
            expires=values["exp"],
            key_id=values["kid"],
            signature=values["sig"],
            disposition=values["disposition"] or "",
        )
        return download_reply(download)

    return {"downloadArtifact": download_artifact}


def download_reply(download: Download) -> Response:
    return _conditional(_whole(download), download)


def _whole(download: Download) -> Response:
    artifact = download.artifact
    body = FileWrapper(download.stream, _BLOCK_BYTES)
    response = Response(body, mimetype=artifact.media_type, direct_passthrough=True)
    response.content_length = artifact.size_bytes
    response.set_etag(artifact.sha256)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = dump_options_header("attachment", {"filename": artifact.name})
    # The URL dies with the file: a copy may be kept, but is asked about before it is used.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _conditional(response: Response, download: Download) -> Response:
    """Answer `If-None-Match`, `If-Range` and `Range`; a range we do not understand is ignored."""
    size = download.artifact.size_bytes if _is_single_range() else None
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        download.stream.close()
        raise
    return response


def _is_single_range() -> bool:
    wanted = parse_range_header(request.headers.get("Range"))
    return wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1
