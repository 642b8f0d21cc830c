"""Which formats there are, and how a file finds its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from voicereel_client.scripts import casting, contract
from voicereel_client.scripts.drafts import Draft, place_of
from voicereel_client.scripts.problems import Place, Problem, ScriptError, missing
from voicereel_client.scripts.sources import CASTS_ITSELF, ScriptSource
from voicereel_client.scripts.texts import MAX_BYTES


@dataclass(frozen=True)
class Format:
    """``library`` is what has to be installed for it."""

    suffixes: tuple[str, ...]
    library: str = ""


FORMATS: Mapping[str, Format] = {
    "json": Format((".json",)),
    "yaml": Format((".yaml", ".yml"), "PyYAML"),
    "srt": Format((".srt",), "srt"),
    "vtt": Format((".vtt",), "webvtt-py"),
    "fountain": Format((".fountain", ".spmd")),
    "plain": Format((".txt", ".text")),
    "csv": Format((".csv", ".tsv")),
    "xlsx": Format((".xlsx", ".xlsm"), "openpyxl"),
}
STDIN = "<stdin>"


def load(
    path: str | os.PathLike[str],
    *,
    file_format: str | None = None,
    cast: Mapping[str, Any] | None = None,
    speaker: str | None = None,
) -> ScriptSource:
    """Read a script file; without ``file_format`` (a key of FORMATS) its name tells.

    ``cast`` gives roles their voices and comes before the file's own; ``speaker`` says the lines that name
    nobody. Raises ScriptError, and OSError if the file cannot be opened.
    """
    with Path(path).open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    return loads(content, file_format=file_format, name=os.fspath(path), cast=cast, speaker=speaker)


def loads(
    content: bytes | str,
    *,
    file_format: str | None = None,
    name: str = STDIN,
    cast: Mapping[str, Any] | None = None,
    speaker: str | None = None,
) -> ScriptSource:
    """The same for what a file holds; ``name`` is for messages, and its end may tell the format."""
    draft = Draft(name, speaker=speaker)
    if len(content) > MAX_BYTES:
        detail = f"More than {MAX_BYTES // 1024**2} MiB: no script is so long."
        raise draft.stop("file_too_large", detail)
    known = file_format or format_of(name) or _guessed(content)
    _module(known, draft).read(content, draft)
    if (
        known not in CASTS_ITSELF
        and not draft.lines
        and not any(p.severity == "error" for p in draft.problems)
    ):
        draft.error("no_lines", "Nothing to speak is found in this file: is it of this format?")
    casting.apply(cast or {}, draft)
    draft.finish()
    return ScriptSource(name, known, draft.script, draft.places, draft.problems)


def dumps(
    script: Mapping[str, Any],
    file_format: str,
    *,
    name: str = "<script>",
    places: Mapping[str, Place] | None = None,
) -> bytes:
    """A script as a file. Raises ScriptError for one that the format has no way to write.

    What it can write but not hold, such as the speed of a line in SRT, is left out: ``losses.lost`` names it.
    ``name`` and ``places`` are those of the ScriptSource it comes from, for messages.
    """
    module = _module(file_format, Draft(name))
    wrong = [] if file_format in CASTS_ITSELF else [*contract.violations(script)]
    found = [Problem("error", each.code, each.detail, pointer=each.pointer) for each in wrong]
    if not found:
        try:
            written: bytes = module.write(script)
        except ScriptError as error:
            found = [*error.problems]
        else:
            return written
    known = places or {}
    raise ScriptError(name, (replace(each, place=place_of(known, each.pointer)) for each in found))


def read_object(content: bytes, *, name: str) -> dict[str, Any]:
    """What a JSON or YAML file holds that is no script, such as a cast. Raises ScriptError."""
    draft = Draft(name)
    module = _module("json" if format_of(name) == "json" else "yaml", draft)
    module.read(content, draft)
    draft.finish()
    return draft.script


def format_of(name: str) -> str | None:
    suffix = Path(name).suffix.lower()
    return next((known for known, about in FORMATS.items() if suffix in about.suffixes), None)


def _guessed(content: bytes | str) -> str:
    """By how the file begins; JSON if nothing tells, as it was before there were others."""
    start = content[:16].encode(errors="replace") if isinstance(content, str) else content[:16]
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"
    return "vtt" if start.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT") else "json"


def _module(file_format: str, draft: Draft) -> ModuleType:
    about = FORMATS.get(file_format)
    if about is None:
        raise draft.stop("unknown_format", f"{file_format!r} is none of {', '.join(FORMATS)}.")
    try:
        return import_module(f"voicereel_client.scripts.{file_format}_format")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("voicereel_client"):
            raise
        raise missing(draft.name, about.library) from error
