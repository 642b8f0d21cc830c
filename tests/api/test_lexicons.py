"""Lexicons over HTTP: what is refused, and what a retry finds."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import lexicon, pointers, script
from tests.conftest import Headers

GOOD = {"grapheme": "Ruiz", "alias": "Roo-eeth"}


@pytest.mark.parametrize(
    ("entry", "pointer", "code"),
    [
        ({"grapheme": "Ruiz"}, "/entries/1", "no_pronunciation"),
        ({**GOOD, "grapheme": "!?"}, "/entries/1/grapheme", "nothing_to_speak"),
        ({**GOOD, "alias": " … "}, "/entries/1/alias", "nothing_to_speak"),
        ({**GOOD, "alias": ""}, "/entries/1/alias", "too_short"),
        ({**GOOD, "grapheme": "a" * 101}, "/entries/1/grapheme", "too_long"),
        ({**GOOD, "language": "english language"}, "/entries/1/language", "bad_language"),
        ({**GOOD, "ssml": "<x/>"}, "/entries/1/ssml", "unknown_field"),
        ({**GOOD, "grapheme": "ana"}, "/entries/1/grapheme", "repeated"),
    ],
)
def test_an_entry_that_cannot_be_is_named(
    client: FlaskClient, headers: Headers, entry: dict[str, Any], pointer: str, code: str
) -> None:
    body = lexicon({"grapheme": "Ana", "alias": "Anna"}, entry)
    reply = client.post("/v1/lexicons", json=body, headers=headers)
    assert (reply.status_code, pointers(reply)) == (422, {pointer: code})


def test_a_script_may_not_say_the_same_word_twice_nor_name_a_lexicon_twice(
    client: FlaskClient, headers: Headers
) -> None:
    twice = script(pronunciations=[GOOD, {**GOOD, "grapheme": "RUIZ"}])
    reply = client.post("/v1/synthesize", json=twice, headers=headers)
    assert pointers(reply) == {"/pronunciations/1/grapheme": "repeated"}
    ref = {"id": "lex_01JB8Z7W3V5K6Q2N4M8T0R1S2X"}
    reply = client.post("/v1/synthesize", json=script(lexicons=[ref, ref]), headers=headers)
    assert pointers(reply) == {"/lexicons": "repeated"}


def test_a_lexicon_is_created_once_for_a_key_and_read_as_it_was_sent(
    client: FlaskClient, headers: Headers
) -> None:
    entry = {"grapheme": "Siobhan", "ipa": "ʃɪˈvɔːn", "language": "en", "case_sensitive": True}
    keyed = headers | {"Idempotency-Key": "one"}
    first, again = (client.post("/v1/lexicons", json=lexicon(entry), headers=keyed) for _ in range(2))
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert first.json["id"] == again.json["id"]
    found = client.get(first.headers["Location"], headers=headers).json
    assert found["entries"] == [{**entry, "whole_word": True}]
    assert {"version": 1, "default": False, "entry_count": 1}.items() <= found.items()
    (listed,) = client.get("/v1/lexicons", headers=headers).json["data"]
    assert listed == {name: value for name, value in found.items() if name != "entries"}
    assert client.get(f"/v1/lexicons/{found['id']}?version=2", headers=headers).status_code == 404
