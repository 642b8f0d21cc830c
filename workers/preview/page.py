"""The page: one template, its style and its scripts, with the reel as data.

Nothing a customer wrote is ever markup: it is JSON inside a data block, and the scripts show it as
text only (the page's own policy refuses them anything else). The same reel gives the same bytes.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, BinaryIO, NamedTuple, TextIO

from workers.preview.sound import AUDIO_TYPE, LinePeaks, Peaks

# In the order in which they run.
_SCRIPTS = ("data", "problems", "player", "draw", "timeline", "transcript", "captions", "keys", "main")
# Divisible by three: the base64 of one block continues that of the last.
_BLOCK_BYTES = 3 * 65_536

# Nothing is loaded, nothing is sent; only the style and the script of this page run, and the script
# cannot turn text into markup. The audio is a blob made from the page's own bytes.
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; media-src blob:; img-src data:;"
    " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def page_data(
    document: Mapping[str, Any],
    *,
    warnings: Sequence[Mapping[str, Any]],
    shape: Peaks,
    line_peaks: LinePeaks,
    has_audio: bool,
    files: Sequence[str],
) -> dict[str, Any]:
    """What the page shows: the reel, the warnings that belong to no line, and the waveforms.

    ``files`` are the reel's audio files: what a reader may open where the page does not hold the sound
    itself, or a browser cannot play it.
    """
    lines = [base64.b64encode(peaks).decode() for peaks in line_peaks.data]
    return {
        "reel": document,
        "warnings": list(warnings),
        "peaks": {
            "reel": {"bucket_ms": shape.bucket_ms, "data": base64.b64encode(shape.data).decode()},
            "lines": {"bucket_ms": line_peaks.bucket_ms, "data": lines},
        },
        "audio": AUDIO_TYPE if has_audio else None,
        "files": list(files),
    }


def write_page(path: Path, data: Mapping[str, Any], audio: Path | None) -> None:
    """Write the page with ``data`` (JSON-ready) and the bytes of ``audio``, if there are any."""
    frame = _frame()
    with path.open("w", encoding="utf-8") as page:
        page.write(frame.before_data + _block(data) + frame.before_audio)
        if audio is not None:
            with audio.open("rb") as sound:
                _write_base64(page, sound)
        page.write(frame.rest)


def _block(data: Mapping[str, Any]) -> str:
    """JSON that can neither end its element nor begin a comment: both need a ``<``."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _write_base64(page: TextIO, sound: BinaryIO) -> None:
    while block := sound.read(_BLOCK_BYTES):
        page.write(base64.b64encode(block).decode())


class _Frame(NamedTuple):
    before_data: str
    before_audio: str
    rest: str


@cache
def _frame() -> _Frame:
    """All of the page that is the same for every reel."""
    style, script = f"\n{_asset('preview.css')}", _script()
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    head, rest = _asset("template.html").split("$data")
    middle, tail = rest.split("$audio")
    return _Frame(
        Template(head).substitute(policy=policy, style=style),
        middle,
        Template(tail).substitute(script=script),
    )


def _script() -> str:
    """All scripts as one, in a scope of their own."""
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{parts}}})();\n'


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
