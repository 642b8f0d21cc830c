"""What goes out: JSON, pages, first and replayed replies of POSTs, and the headers all of them carry."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask, Response, g, request
from pydantic_core import to_json

from voicereel.services.idempotency import Reply
from voicereel.services.ids import new_id
from voicereel.services.views import page_view

REQUEST_ID_HEADER = "X-Request-Id"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_NOTHING = "default-src 'none'; frame-ancestors 'none'"


def register_headers(app: Flask) -> None:
    app.before_request(_take_request_id)
    app.after_request(_finish)


def request_id() -> str:
    """The id of this request: the client's own where it is one, else made here."""
    found: str = g.request_id
    return found


def _take_request_id() -> None:
    offered = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = offered if _REQUEST_ID.fullmatch(offered) else new_id("req")


def _finish(response: Response) -> Response:
    headers = response.headers
    headers[REQUEST_ID_HEADER] = request_id()
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers.setdefault("Content-Security-Policy", _NOTHING)
    headers.setdefault("Cache-Control", "no-store")
    return response


def json_reply(
    body: Mapping[str, Any], *, status: int = 200, media_type: str = "application/json"
) -> Response:
    return Response(to_json(body), status=status, mimetype=media_type)


def no_content() -> Response:
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def page_reply(items: Sequence[Mapping[str, Any]], next_cursor: str | None) -> Response:
    return json_reply(page_view(items, next_cursor))


def post_reply(reply: Reply, body: Mapping[str, Any]) -> Response:
    """The reply to a POST; ``body`` is the reply's own, made ready to send."""
    response = json_reply(body, status=reply.status)
    if reply.location is not None:
        response.headers["Location"] = reply.location
    if reply.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
