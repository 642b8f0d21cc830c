"""The contract that the client carries, made of openapi.yaml: ``python -m tests.client.script_schema``."""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "voicereel_client" / "scripts" / "script.schema.json"
# What is for readers, and what only the service fills in.
_SAID_ELSEWHERE = {"description", "default", "examples", "example"}


def made() -> str:
    schemas = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))["components"]["schemas"]
    return json.dumps(_whole(schemas["Script"], schemas), indent=1, ensure_ascii=False) + "\n"


def _whole(rule: Any, schemas: dict[str, Any]) -> Any:
    """With every reference replaced by what it leads to."""
    if isinstance(rule, list):
        return [_whole(each, schemas) for each in rule]
    if not isinstance(rule, dict):
        return rule
    own = {name: value for name, value in rule.items() if name not in _SAID_ELSEWHERE and name != "$ref"}
    own |= _whole(schemas[rule["$ref"].rpartition("/")[2]], schemas) if "$ref" in rule else {}
    return {name: _part(name, value, schemas) for name, value in own.items()}


def _part(name: str, value: Any, schemas: dict[str, Any]) -> Any:
    if name == "properties":  # whose keys are names of fields, whatever they are
        return {field: _whole(rule, schemas) for field, rule in value.items()}
    return _whole(value, schemas)


if __name__ == "__main__":
    FILE.write_text(made(), encoding="utf-8")
