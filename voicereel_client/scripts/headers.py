"""The fields of a script that are not its lines, in formats that have a place for a few lines of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voicereel_client.scripts.drafts import Draft
from voicereel_client.scripts.problems import missing


def read_header(text: str, draft: Draft, *, first_line: int) -> None:
    try:
        from voicereel_client.scripts import yaml_format
    except ModuleNotFoundError as error:
        raise missing(draft.name, "PyYAML") from error
    yaml_format.read_header(text, draft, first_line=first_line)


def header_text(script: Mapping[str, Any]) -> str:
    """The same as YAML without blank rows; nothing if there are no such fields."""
    fields = {name: value for name, value in script.items() if name != "lines"}
    if not fields:
        return ""
    try:
        from voicereel_client.scripts import yaml_format
    except ModuleNotFoundError as error:
        raise missing("<script>", "PyYAML") from error
    return yaml_format.dump(fields)
