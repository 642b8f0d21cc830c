"""Download links: absolute on the request's own host where no public URL is set."""

from collections.abc import Iterator, Mapping
from typing import Any


def with_absolute_links(view: dict[str, Any], root: str) -> dict[str, Any]:
    """A job's view whose links work from outside; ``root`` is where this request came in."""
    for file in _files(view.get("outputs") or {}):
        if file["url"].startswith("/"):
            file["url"] = root.rstrip("/") + file["url"]
    return view


def _files(outputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("audio", "stems", "clips"):
        yield from outputs.get(name, ())
    yield from outputs.get("captions", {}).values()
    if outputs.get("reel"):
        yield outputs["reel"]
