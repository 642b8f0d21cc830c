"""Lexicons from the command line, and PLS documents: to lexicons and back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.service import LEXICON_ID, Run, Service, empty, lexicon, ok, page
from voicereel_client import pls

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
  alphabet="ipa" xml:lang="en-GB">
  <lexeme><grapheme>Siobhan</grapheme><grapheme>Siobh&#225;n</grapheme><phoneme>ʃɪˈvɔːn</phoneme></lexeme>
  <lexeme><grapheme> W3C </grapheme><alias>World Wide Web
    Consortium</alias></lexeme>
  <lexeme><grapheme>tomato</grapheme><phoneme alphabet="x-sampa">t@mA:t@U</phoneme></lexeme>
</lexicon>
"""


def test_a_pls_document_is_read(tmp_path: Path) -> None:
    found = pls.loads(DOCUMENT.encode())
    assert found.entries == [
        {"grapheme": "Siobhan", "ipa": "ʃɪˈvɔːn", "language": "en-GB"},
        {"grapheme": "Siobhán", "ipa": "ʃɪˈvɔːn", "language": "en-GB"},
        {"grapheme": "W3C", "alias": "World Wide Web Consortium", "language": "en-GB"},
    ]
    assert found.skipped == 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><lexicon/>', "document type"),
        ("<lexicon><lexeme/></lexicon>", "not a PLS lexicon"),
        ("<lexicon>", "Line 1"),
        (" " * (pls.MAX_BYTES + 1), "8 MiB"),
    ],
)
def test_what_is_not_one_is_refused(document: str, said: str) -> None:
    with pytest.raises(pls.PlsError, match=said):
        pls.loads(document.encode())


WORDS = st.text(st.characters(categories=("L", "N", "P", "S"), codec="utf-8"), min_size=1, max_size=8)


@given(st.lists(st.fixed_dictionaries({"grapheme": WORDS, "alias": WORDS}, optional={"ipa": WORDS})))
def test_what_is_written_is_read_back(entries: list[dict[str, str]]) -> None:
    found = pls.loads(pls.dumps(entries, language="de").encode())
    assert found.entries == [{**entry, "language": "de"} for entry in entries]


def test_entries_of_other_languages_are_not_written() -> None:
    entries = [{"grapheme": "a", "alias": "b", "language": "fr"}, {"grapheme": "c", "alias": "d"}]
    assert [entry["grapheme"] for entry in pls.loads(pls.dumps(entries, language="de").encode()).entries] == [
        "c"
    ]


# --- the command


def test_a_lexicon_is_created_of_a_pls_document(run: Run, service: Service, tmp_path: Path) -> None:
    service.answers(ok(lexicon(), status=201))
    (tmp_path / "names.pls").write_text(DOCUMENT, encoding="utf-8")
    result = run("lexicons", "create", str(tmp_path / "names.pls"), "--default")
    body = json.loads(service.bodies[0])
    assert (body["name"], body["default"], len(body["entries"])) == ("names", True, 3)
    assert LEXICON_ID in result.stdout
    assert "left out: 1" in result.stderr


def test_what_get_printed_replaces_the_lexicon_it_was(run: Run, service: Service, tmp_path: Path) -> None:
    service.answers(ok(lexicon()))
    (tmp_path / "names.json").write_text(
        run("lexicons", "get", LEXICON_ID, "--json").stdout, encoding="utf-8"
    )
    run("lexicons", "replace", LEXICON_ID, str(tmp_path / "names.json"), "--name", "More names")
    assert service.paths[-1] == f"PUT /v1/lexicons/{LEXICON_ID}"
    assert json.loads(service.bodies[-1]) == {
        "name": "More names", "default": True, "entries": lexicon()["entries"]
    }  # fmt: skip


def test_an_older_version_is_shown_as_pls(run: Run, service: Service) -> None:
    service.answers(ok(lexicon(version=1)))
    shown = run("lexicons", "get", LEXICON_ID, "--version", "1", "--pls", "en")
    assert service.seen[0].url.params["version"] == "1"
    assert pls.loads(shown.stdout.encode()).entries[0]["alias"] == "Shivawn"


@pytest.mark.parametrize("content", ["nothing", "{}", '["a"]', "<x/>"])
def test_a_file_that_is_none_is_wrong_usage(run: Run, service: Service, tmp_path: Path, content: str) -> None:
    (tmp_path / "x").write_text(content, encoding="utf-8")
    assert run("lexicons", "create", str(tmp_path / "x")).exit_code == 2
    assert not service.seen


def test_lexicons_are_listed_and_deleted(run: Run, service: Service) -> None:
    service.answers(page(lexicon()))
    assert "v2  1 entries  default  Names" in run("lexicons", "list").stdout
    service.answers(empty())
    assert run("lexicons", "delete", LEXICON_ID).stdout == f"deleted {LEXICON_ID}\n"
