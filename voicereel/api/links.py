"""Download links: absolute on the request's own host where no public URL is set."""

from collections.abc import Iterator, Mapping
from typing import Any


def with_absolute_links(view: dict[str, Any], root: str) -> dict[str, Any]:
    """A job's view, or a line's, whose links work from outside; ``root`` is where this request came in."""
    for file in _files(view.get("outputs") or {}):
        file["url"] = absolute(file["url"], root)
    if view.get("audio"):
        view["audio"] = {**view["audio"], "url": absolute(view["audio"]["url"], root)}
    return view


def absolute(url: str, root: str) -> str:
    return root.rstrip("/") + url if url.startswith("/") else url


def _files(outputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("audio", "stems", "clips"):
        yield from outputs.get(name, ())
    for name in ("captions", "cue_sheets"):
        yield from outputs.get(name, {}).values()
    yield from (outputs[name] for name in ("reel", "preview", "certificate") if outputs.get(name))
