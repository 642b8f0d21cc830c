"""The client's own check is the service's: the same contract, the same codes at the same pointers."""

import json
from typing import Any

import pytest

from tests.client.script_schema import FILE, made
from voicereel.api.bodies import read_script
from voicereel.domain.errors import InvalidRequest
from voicereel_client.scripts import contract

UNDERSTOOD = {
    "type", "properties", "additionalProperties", "required", "propertyNames", "maxProperties", "anyOf",
    "enum", "items", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength",
    "pattern", "minimum", "maximum",
}  # fmt: skip
LINE = {"speaker": "spk_1", "text": "Hi"}


def keywords(rule: Any) -> set[str]:
    if isinstance(rule, list):
        return {each for one in rule for each in keywords(one)}
    if not isinstance(rule, dict):
        return set()
    below = [*rule.get("properties", {}).values(), *(v for k, v in rule.items() if k != "properties")]
    return {*rule, *keywords(below)}


def test_the_client_carries_the_contract_of_today():
    assert FILE.read_text(encoding="utf-8") == made(), "run: python -m tests.client.script_schema"


def test_the_client_understands_every_word_of_it():
    assert keywords(json.loads(made())) <= UNDERSTOOD


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"lines": []},
        {"lines": "x"},
        {"lines": [LINE] * 2001},
        {"title": "a\nb", "language": "english!", "seed": -1, "metadata": {"a b": "x", "c": 7}},
        {"cast": {" ": "spk_1", "A": {"speed": 3}, "B": {"speaker": "spk_1", "seed": 1}}, "colour": "red"},
        {"output": {"formats": ["mp3", "aiff"], "sample_rate": 44, "channels": True}},
        {"output": {"formats": ["mp3", "mp3"]}},
        {"output": {"formats": [], "loudness_lufs": "loud"}, "captions": {"style": "x"}},
        {"lines": [LINE | {"id": "a b"}, LINE | {"id": "l3"}, LINE, LINE | {"text": " "}]},
        {"lines": [{"text": "x" * 5001}, "x", {"speaker": "", "text": ""}, LINE | {"speed": 9, "seed": 1.0}]},
        {"lines": [LINE | {"slot": {"start_ms": 5, "end_ms": 5}}, LINE | {"slot": {"start_ms": 1.5}}]},
        {"lines": [LINE | {"pause_after_ms": "1", "overlap_ms": -1, "language": "e", "gain_db": None}]},
    ],
)
def test_what_is_refused_here_is_refused_there(change: dict[str, Any]):
    script = {"lines": [LINE], **change}
    found = {(each.pointer, each.code) for each in contract.violations(script)}
    try:
        read_script(json.dumps(script).encode())
        refused = set()
    except InvalidRequest as error:
        refused = {(each.pointer, each.code) for each in error.errors}
    assert found == {each for each in refused if each[1] not in ("unknown_speaker", "overlap_too_long")}
