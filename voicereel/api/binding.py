"""The spec is the route map: handlers are bound to its operations by `operationId`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from flask import Flask, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from voicereel.api.auth import authorize
from voicereel.api.parameters import Parameter, Parameters
from voicereel.api.replies import request_id
from voicereel.domain.account import Principal
from voicereel.domain.errors import FileTooLarge
from voicereel.services.accounts import AccountService

JSON = "application/json"
MULTIPART = "multipart/form-data"

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that passed the door: who calls, and its parameters by their names in the spec."""

    operation: str
    principal: Principal
    request_id: str
    values: Mapping[str, Any]


Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the spec. ``scopes`` is None where anybody may call it.

    ``media_type`` is that of the body, which may be left out where it is not ``needs_body``.
    """

    id: str
    method: str
    path: str
    scopes: tuple[str, ...] | None
    parameters: Parameters
    media_type: str | None
    needs_body: bool


class SpecError(Exception):
    """The handlers and the spec disagree; the process must not start."""


@cache
def spec_text() -> str:
    return resources.files("voicereel").joinpath("openapi.yaml").read_text(encoding="utf-8")


@cache
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(spec_text(), Loader=yaml.CSafeLoader)
    return loaded


@cache
def operations() -> tuple[Operation, ...]:
    return tuple(_operations(spec()))


def bind(
    app: Flask, handlers: Mapping[str, Handler], *, accounts: AccountService, limits: Mapping[str, int]
) -> None:
    """Give every operation its handler. ``limits`` are the largest bodies by media type, in bytes."""
    known = {operation.id: operation for operation in operations()}
    if handlers.keys() != known.keys():
        raise SpecError(f"unknown or unbound operations: {sorted(handlers.keys() ^ known.keys())}")
    for name, operation in known.items():
        app.add_url_rule(
            operation.path.replace("{", "<").replace("}", ">"),
            endpoint=name,
            view_func=_view(operation, handlers[name], accounts, limits[operation.media_type or JSON]),
            methods=[operation.method],
            provide_automatic_options=False,
        )


def _view(
    operation: Operation, handler: Handler, accounts: AccountService, max_bytes: int
) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        principal = authorize(accounts, operation.scopes)
        # One more than is accepted: a body of unknown length that reaches it is known to be too long.
        request.max_content_length = max_bytes + 1
        values = operation.parameters.read(request, path)
        _check_body(operation, max_bytes)
        return handler(
            Call(operation=operation.id, principal=principal, request_id=request_id(), values=values)
        )

    return view


def _check_body(operation: Operation, max_bytes: int) -> None:
    if (request.content_length or 0) > max_bytes:
        raise FileTooLarge(max_bytes)
    if operation.media_type is None or request.mimetype == operation.media_type:
        return
    if operation.needs_body or request.content_length or request.mimetype:
        raise UnsupportedMediaType


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield _operation(document, path, method, item)


def _operation(document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any]) -> Operation:
    node = item[method]
    declared = [*item.get("parameters", ()), *node.get("parameters", ())]
    security = node.get("security", document["security"])
    body = _resolve(document, node.get("requestBody", {}))
    return Operation(
        id=node["operationId"],
        method=method.upper(),
        path=path,
        scopes=tuple(scope for entry in security for scope in entry["apiKey"]) if security else None,
        parameters=Parameters(tuple(_parameter(document, each) for each in declared)),
        media_type=next(iter(body.get("content", {})), None),
        needs_body=body.get("required", False),
    )


def _parameter(document: Mapping[str, Any], node: Mapping[str, Any]) -> Parameter:
    node = _resolve(document, node)
    return Parameter(
        name=node["name"],
        place=node["in"],
        required=node.get("required", False),
        schema=_resolve(document, node["schema"]),
    )


def _resolve(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node with its `$ref` followed; keywords beside the reference are kept."""
    if "$ref" not in node:
        return node
    target: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**_resolve(document, target), **{key: value for key, value in node.items() if key != "$ref"}}
