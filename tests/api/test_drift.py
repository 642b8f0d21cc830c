"""The models that parse must say exactly what the spec says."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from voicereel.api import lexicon_schemas, schemas
from voicereel.api.binding import spec

MODELS: dict[str, type[BaseModel]] = {
    "Slot": schemas.SlotBody,
    "CastEntry": schemas.CastEntryBody,
    "Line": schemas.LineBody,
    "LineInsert": schemas.LineInsertBody,
    "LineUpdate": schemas.LineUpdateBody,
    "RevisionCreate": schemas.RevisionBody,
    "Output": schemas.OutputBody,
    "Duck": schemas.DuckBody,
    "Bed": schemas.BedBody,
    "Captions": schemas.CaptionsBody,
    "CaptionLimits": schemas.CaptionLimitsBody,
    "Script": schemas.ScriptBody,
    "Pronunciation": lexicon_schemas.PronunciationBody,
    "LexiconRef": lexicon_schemas.LexiconRefBody,
    "LexiconWrite": lexicon_schemas.LexiconWriteBody,
    "ConsentCreate": schemas.ConsentBody,
    "SpeakerCreate": schemas.SpeakerCreateBody,
    "SpeakerUpdate": schemas.SpeakerUpdateBody,
    "SourceCreate": schemas.SourceCreateBody,
}

# Words for people, and the places where components live: neither changes what is accepted.
_PROSE = ("description", "title", "examples", "$defs")


def rules(schema: Any, root: dict[str, Any]) -> Any:
    """A schema as plain comparable rules: references followed, prose dropped, spellings made one."""
    if isinstance(schema, list):
        return [rules(each, root) for each in schema]
    if not isinstance(schema, dict):
        return schema
    node = _followed(schema, root)
    kept = {key: value for key, value in node.items() if key not in _PROSE}
    if "properties" in kept:
        kept["properties"] = {name: rules(value, root) for name, value in kept["properties"].items()}
    kept = {
        key: value if key in ("properties", "default") else rules(value, root) for key, value in kept.items()
    }
    return _one_spelling(kept)


def _followed(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    target: Any = root
    for step in schema["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**_followed(target, root), **{key: value for key, value in schema.items() if key != "$ref"}}


def _one_spelling(node: dict[str, Any]) -> dict[str, Any]:
    if node.get("default", "") is None and not _admits_null(node):
        del node["default"]
    if "patternProperties" in node:
        ((pattern, values),) = node.pop("patternProperties").items()
        node |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "enum" in node:
        node["enum"] = sorted(node["enum"])
    if "anyOf" in node:
        node["anyOf"] = _in_order(node["anyOf"])
    if isinstance(node.get("type"), list):
        node = _split_null(node)
    # An absent part is a part with all its defaults.
    if node.get("type") == "object" and "properties" in node:
        node.pop("default", None)
    return node


def _admits_null(node: dict[str, Any]) -> bool:
    return "anyOf" in node or (isinstance(node.get("type"), list) and "null" in node["type"])


def _in_order(schemas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(schemas, key=lambda schema: json.dumps(schema, sort_keys=True))


def _split_null(node: dict[str, Any]) -> dict[str, Any]:
    """`type: [string, null]` as the `anyOf` that pydantic writes."""
    (kind,) = (kind for kind in node["type"] if kind != "null")
    shape = {key: value for key, value in node.items() if key not in ("type", "default")}
    outer = {key: value for key, value in node.items() if key == "default"}
    return outer | {"anyOf": _in_order([{"type": kind, **shape}, {"type": "null"}])}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_its_schema(name: str) -> None:
    document, model = spec(), MODELS[name].model_json_schema()
    expected = rules(document["components"]["schemas"][name], document)
    assert rules(model, model) == _as_parsed(name, expected)


def _as_parsed(name: str, expected: dict[str, Any]) -> dict[str, Any]:
    """The bytes of files do not go through the model: it sees their names."""
    if name == "SpeakerCreate":
        del expected["properties"]["samples"]["items"]["format"]
    if name == "SourceCreate":
        del expected["properties"]["file"]["format"]
    return expected


def test_every_request_schema_has_a_model() -> None:
    """Schemas that only requests use; what replies use is checked by the schemathesis sweep."""
    document = spec()
    bodies = {
        content["schema"]["$ref"].rpartition("/")[2]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    }
    assert bodies <= MODELS.keys()


def test_a_changed_bound_is_noticed() -> None:
    document = spec()
    line = rules(document["components"]["schemas"]["Line"], document)
    line["properties"]["pause_after_ms"]["maximum"] += 1
    model = schemas.LineBody.model_json_schema()
    assert rules(model, model) != line
