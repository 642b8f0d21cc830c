"""Lexicons from a script to its reel, on either database: what is spoken, shown, kept and warned of."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.rendering import Studio
from voicereel.domain.errors import InvalidRequest, NotFound
from voicereel.domain.job import LineRecord, Take
from voicereel.domain.lexicons import Entry, LexiconRef
from voicereel.services.lexicons import Draft
from voicereel.services.pronouncing import Pronouncing, with_readings

# The fake engine speaks 25 letters a second, with 60 ms between two words.
LINES = [
    {"id": "one", "speaker": "stock:fake/a", "text": "Ask Siobhan, NASA's own."},
    {"id": "two", "speaker": "stock:fake/b", "text": "Who?"},
]
SIOBHAN = Entry(grapheme="Siobhan", alias="Shi Vawn")
ONLY_IPA = Entry(grapheme="own", ipa="əʊn")


def script(*pronunciations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"lines": LINES, "output": {"formats": ["wav"]}, "pronunciations": list(pronunciations)} | changes


def make(studio: Studio, *entries: Entry, default: bool = False) -> str:
    draft = Draft(name="Names", entries=entries, default=default)
    return str(studio.services.lexicons.create(studio.principal, draft, once=None).body["id"])


def warned(job: dict[str, Any]) -> list[tuple[str, str]]:
    """Its warnings, but for those of captions: the fake engine speaks fast."""
    found = [(warning["code"], warning["pointer"]) for warning in job["warnings"]]
    return [each for each in found if each[0] != "caption_limits"]


def records(studio: Studio, job_id: str) -> tuple[LineRecord, ...]:
    with studio.services.jobs.work.reading() as tx:
        return tx.jobs.lines(job_id)


def takes(studio: Studio, asked: dict[str, Any]) -> list[Take]:
    job_id = studio.submit(asked)
    studio.work()
    return [record.take for record in records(studio, job_id) if record.take]


def test_what_is_shown_is_what_was_written(fake_studio: Studio, tmp_path: Path) -> None:
    alias = {"grapheme": "Siobhan", "alias": "Shi Vawn"}
    plain = fake_studio.render(script(), tmp_path / "plain")
    job = fake_studio.render(script(alias), tmp_path / "said")
    assert (warned(plain), warned(job), job["status"]) == ([], [], "succeeded")
    reels = [json.loads((tmp_path / name / "reel.json").read_text()) for name in ("plain", "said")]
    words = [
        [(w["text"], w["start_ms"], w["end_ms"], w["source"]) for w in reel["lines"][0]["words"]]
        for reel in reels
    ]
    # "Siobhan," is eight letters long; "Shi" and "Vawn," are, too, with a gap between them
    assert words[0] == [
        ("Ask", 0, 120, "engine"), ("Siobhan,", 180, 500, "engine"),
        ("NASA's", 560, 800, "engine"), ("own.", 860, 1020, "engine"),
    ]  # fmt: skip
    assert words[1] == [
        ("Ask", 0, 120, "engine"), ("Siobhan,", 180, 560, "engine"),
        ("NASA's", 620, 860, "engine"), ("own.", 920, 1080, "engine"),
    ]  # fmt: skip
    assert [cue["text"] for cue in reels[1]["cues"]] == [cue["text"] for cue in reels[0]["cues"]]


def test_only_the_lines_it_touches_are_other_takes(fake_studio: Studio) -> None:
    before = takes(fake_studio, script())
    alias, sounds = {"grapheme": "Siobhan", "alias": "Shi Vawn"}, {"grapheme": "Ask", "ipa": "ɑsk"}
    after, deaf = takes(fake_studio, script(alias)), takes(fake_studio, script(sounds))
    changed = [one.fingerprint != other.fingerprint for one, other in zip(before, after, strict=True)]
    assert changed == [True, False]
    # an engine that cannot be told sounds makes the take it made before
    assert [take.fingerprint for take in deaf] == [take.fingerprint for take in before]


def test_the_script_goes_before_its_lexicons_and_they_before_the_tenants(fake_studio: Studio) -> None:
    words = ("Siobhan", "Ask", "own")
    third = make(fake_studio, *(Entry(grapheme=word, alias="third") for word in words), default=True)
    second = make(fake_studio, *(Entry(grapheme=word, alias="second") for word in words[:2]))
    asked = script({"grapheme": "Siobhan", "alias": "first"}, lexicons=[{"id": second}])
    job_id = fake_studio.submit(asked)
    said = [(reading.start, reading.alias) for reading in records(fake_studio, job_id)[0].readings]
    assert said == [(0, "second"), (4, "first"), (20, "third")]
    pinned = [{"id": second, "version": 1}, {"id": third, "version": 1}]
    assert fake_studio.job(job_id)["lexicons"] == pinned


def test_a_job_keeps_the_version_it_was_accepted_with(fake_studio: Studio) -> None:
    services, principal = fake_studio.services, fake_studio.principal
    lexicon_id = make(fake_studio, SIOBHAN, default=True)
    first = fake_studio.submit(script())
    draft = Draft(name="Names", entries=(replace(SIOBHAN, alias="other"),), default=True)
    changed, _ = services.lexicons.change(principal, lexicon_id, draft)
    again, _ = services.lexicons.change(principal, lexicon_id, replace(draft, name="Other"))
    assert (changed.version, again.version, again.name) == (2, 2, "Other")
    second, named = (
        fake_studio.submit(script(**each)) for each in ({}, {"lexicons": [{"id": lexicon_id, "version": 1}]})
    )
    services.lexicons.delete(principal, lexicon_id)
    aliases = [records(fake_studio, each)[0].readings[0].alias for each in (first, second, named)]
    assert aliases == ["Shi Vawn", "other", "Shi Vawn"]
    assert records(fake_studio, fake_studio.submit(script()))[0].readings == ()
    # A revision of the first job asks for the same again, though the lexicon is gone.
    with services.jobs.work.reading() as tx:
        job = tx.jobs.get(first, tenant_id=principal.tenant_id)
    assert job is not None
    books = Pronouncing(services.jobs.work).books(job.pronunciations, job.lexicons)
    line = replace(records(fake_studio, first)[1].line, text="Siobhan?")
    edited = with_readings(replace(records(fake_studio, first)[1], line=line), books)
    assert [reading.alias for reading in edited.readings] == ["Shi Vawn"]
    with pytest.raises(NotFound):
        services.lexicons.get(principal, lexicon_id)


def test_older_versions_can_be_read(fake_studio: Studio) -> None:
    services, principal = fake_studio.services, fake_studio.principal
    lexicon_id = make(fake_studio, SIOBHAN, ONLY_IPA)
    services.lexicons.change(principal, lexicon_id, Draft(name="Names", entries=()))
    old, entries = services.lexicons.get(principal, lexicon_id, version=1)
    assert (old.version, old.entry_count, entries) == (1, 2, (SIOBHAN, ONLY_IPA))
    assert services.lexicons.get(principal, lexicon_id)[1] == ()
    with pytest.raises(NotFound):
        services.lexicons.get(principal, lexicon_id, version=3)


def test_what_is_not_honoured_or_not_used_is_a_warning(fake_studio: Studio) -> None:
    asked = script(
        {"grapheme": "Ask", "ipa": "ɑsk"},
        {"grapheme": "Nobody", "alias": "x"},
        {"grapheme": "Who", "alias": "Hoo", "language": "fr"},
    )
    job_id = fake_studio.submit(asked)
    expected = [
        ("pronunciation_ignored", "/lines/0"),
        ("pronunciation_unused", "/pronunciations/1"),
        ("pronunciation_unused", "/pronunciations/2"),
    ]
    assert warned(fake_studio.job(job_id)) == expected
    fake_studio.work()
    assert warned(fake_studio.job(job_id)) == expected  # what the worker says once more is not noted twice


def refused(studio: Studio, asked: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        studio.submit(asked)
    return [(error.pointer, error.code) for error in caught.value.errors]


def test_lexicons_that_there_are_not_are_refused(fake_studio: Studio) -> None:
    lexicon_id = make(fake_studio, SIOBHAN)
    nobody = "lex_01JB8Z7W3V5K6Q2N4M8T0R1S2X"
    asked = script(lexicons=[{"id": nobody}, {"id": lexicon_id, "version": 2}])
    assert refused(fake_studio, asked) == [
        ("/lexicons/0/id", "unknown_lexicon"), ("/lexicons/1/version", "unknown_version")
    ]  # fmt: skip
    stranger = replace(fake_studio.principal, tenant_id="ten_other")
    with pytest.raises(NotFound):
        fake_studio.services.lexicons.get(stranger, lexicon_id)


def test_lines_that_get_too_long_are_refused(fake_studio: Studio) -> None:
    long = {"grapheme": "a", "alias": "abc " * 100 + "a"}
    line = {"speaker": "stock:fake/a", "text": "a " * 20}
    assert refused(fake_studio, script(long, lines=[line])) == [("/lines/0/text", "line_too_long")]
    assert refused(fake_studio, script(long, lines=[{**line, "text": "a " * 12}] * 50)) == [
        ("/lines", "script_too_long")
    ]


def test_ten_lexicons_can_be_for_every_script(fake_studio: Studio) -> None:
    ids = [make(fake_studio, default=True) for _ in range(10)]
    with pytest.raises(InvalidRequest):
        make(fake_studio, default=True)
    same = Draft(name="Names", entries=(SIOBHAN,), default=True)
    fake_studio.services.lexicons.change(fake_studio.principal, ids[0], same)
    with fake_studio.services.jobs.work.reading() as tx:
        found = tx.lexicons.defaults(fake_studio.principal.tenant_id)
    # those of one millisecond are in no order
    assert set(found) == {LexiconRef(id=each, version=2 if each == ids[0] else 1) for each in ids}


def test_a_lexicon_that_was_deleted_long_ago_is_forgotten(fake_studio: Studio) -> None:
    lexicon_id = make(fake_studio, SIOBHAN)
    kept = make(fake_studio, SIOBHAN)
    fake_studio.services.lexicons.delete(fake_studio.principal, lexicon_id)
    with fake_studio.services.jobs.work.writing() as tx:
        assert tx.lexicons.forget_deleted(older_than_s=3600) == 0
        assert tx.lexicons.entries(lexicon_id, 1) == (SIOBHAN,)
        assert tx.lexicons.forget_deleted(older_than_s=-1) == 1
        assert (tx.lexicons.entries(lexicon_id, 1), tx.lexicons.entries(kept, 1)) == (None, (SIOBHAN,))
