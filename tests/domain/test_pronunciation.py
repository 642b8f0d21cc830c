"""Words that are said otherwise than written: which are found, what is spoken, and when it was said."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicereel.domain.books import Book, find
from voicereel.domain.lexicons import Entry, Reading, repeated_entries
from voicereel.domain.pronunciation import changed, spoken_form
from voicereel.domain.script import spoken_text
from voicereel.domain.words import Timing, words_from_timings


def said(text: str, *entries: Entry, language: str = "en") -> str:
    """What is spoken of a text by one book."""
    found = find(spoken_text(text), language, [Book(entries)])
    return spoken_form(text, [each.reading for each in found], ipa=False).text


def entry(grapheme: str, alias: str = "X", **fields: object) -> Entry:
    return Entry(**{"grapheme": grapheme, "alias": alias} | fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "entries", "expected"),
    [
        ("I live in New York now.", [entry("York", "Jork"), entry("New York", "NYC")], "I live in NYC now."),
        ("NASA's NASA-led (NASA) SNASA NASAs", [entry("nasa", "N")], "N's N-led (N) SNASA NASAs"),
        ("Reading in reading", [entry("Reading", "Redding", case_sensitive=True)], "Redding in reading"),
        ("unread rereading", [entry("read", "red", whole_word=False)], "unred rereding"),
        ("L’Oréal", [entry("l'oréal", "Lor")], "Lor"),
        ("cafe\u0301 cafe", [entry("caf\u00e9", "C"), entry("cafe", "D")], "C D"),
        ("Straße STRASSE", [entry("straße", "S")], "S STRASSE"),
        ("東京都に行く", [entry("東京", "とうきょう")], "とうきょう都に行く"),
        ("ไปกรุงเทพมหานครกัน", [entry("กรุงเทพ", "X")], "ไปXมหานครกัน"),
        ("กิน", [entry("ก", "X")], "กิน"),
        ("서울에서", [entry("서울", "X")], "서울에서"),
        ("서울에서", [entry("서울", "X", whole_word=False)], "X에서"),
        ("5G 15G", [entry("5G", "five gee")], "five gee 15G"),
        ("AT&T", [entry("AT&T", "A T and T")], "A T and T"),
        ("a b", [entry("a", "b"), entry("b", "c")], "b c"),  # what is put in is not looked at again
        ("a bc", [entry("bcd"), entry("bc")], "a X"),
        ("one  two", [entry("one\ttwo", "X")], "X"),
        ("Fire \N{FIRE} now", [entry("fire", "X")], "X   now"),
    ],
)
def test_what_is_spoken(text: str, entries: list[Entry], expected: str) -> None:
    assert said(text, *entries) == expected


def test_an_entry_is_for_its_language_and_those_within() -> None:
    english, british = entry("lieutenant", "a", language="en"), entry("lieutenant", "b", language="en-GB")
    spoken = {
        tag: said("lieutenant", british, english, language=tag) for tag in ("en-GB", "en-US", "eng", "fr")
    }
    assert spoken == {"en-GB": "b", "en-US": "a", "eng": "lieutenant", "fr": "lieutenant"}


def test_the_first_book_goes_before_the_others_and_the_longest_word_before_all() -> None:
    books = [Book([entry("York", "1")]), Book([entry("york", "2"), entry("New York", "3")])]
    found = find("York, New York", "en", books)
    assert [(each.reading.alias, each.book, each.entry) for each in found] == [("1", 0, 0), ("3", 1, 1)]


def test_of_entries_for_one_word_the_one_that_says_more_is_asked_first() -> None:
    entries = (
        entry("polish", "1"),
        entry("Polish", "2", case_sensitive=True),
        entry("polish", "3", language="en"),
    )
    assert said("Polish polish", *entries) == "2 3"


def test_an_entry_nothing_can_come_to_is_refused() -> None:
    entries = [entry("Ana"), entry("ana"), entry("ana", case_sensitive=True), entry("ana", language="es")]
    assert [error.pointer for error in repeated_entries(entries, at="/entries")] == ["/entries/1/grapheme"]


def test_sounds_are_for_engines_that_can_be_told_them() -> None:
    text = "Ask Siobhan and Niamh, \N{FIRE}."
    both = Reading(start=4, end=11, alias="Shivawn", ipa="ʃɪˈvɔːn")
    only_ipa = Reading(start=16, end=21, ipa="niːv")
    told = spoken_form(text, [both, only_ipa], ipa=True)
    assert (told.text, told.phonemes, told.ignored) == ("Ask Siobhan and Niamh,  .", (both, only_ipa), 0)
    spelled = spoken_form(text, [both, only_ipa], ipa=False)
    assert (spelled.text, spelled.phonemes, spelled.ignored) == ("Ask Shivawn and Niamh,  .", (), 1)


def test_sounds_stay_with_their_word_where_others_are_replaced() -> None:
    readings = [Reading(start=0, end=2, alias="Doctor"), Reading(start=3, end=5, ipa="x")]
    form = spoken_form("Dr Xu", readings, ipa=True)
    assert [form.text[each.start : each.end] for each in form.phonemes] == ["Xu"]


def test_many_spoken_words_are_one_written_word_and_the_reverse() -> None:
    text = "NASA met John F. Kennedy there"
    form = spoken_form(
        text,
        [Reading(start=0, end=4, alias="N A S A"), Reading(start=9, end=24, alias="JFK")],
        ipa=False,
    )
    assert form.text == "N A S A met JFK there"
    starts = [0, 2, 4, 6, 8, 12, 16]
    ends = [1, 3, 5, 7, 11, 15, 21]
    marks = [
        Timing(start_char=start, end_char=end, start_ms=100 * n, end_ms=100 * n + 100)
        for n, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    words = words_from_timings(text, form.written(marks), 700)
    shown = [(word.text, word.start_ms, word.source) for word in words]
    assert shown[:2] == [("NASA", 0, "engine"), ("met", 400, "engine")]
    assert shown[-1] == ("there", 600, "engine")
    assert [(word, source) for word, _, source in shown[2:-1]] == [
        ("John", "estimated"), ("F.", "estimated"), ("Kennedy", "estimated")
    ]  # fmt: skip


# --- whatever the text and the entries ---------------------------------------------------------

TEXTS = st.text(st.sampled_from("abcAB 'é\u0301ßИ1.-,北京กิ\u200d\N{FIRE}İ"), max_size=30)
WORDS = st.text(st.sampled_from("abAB é\u0301ß1北กิİ"), min_size=1, max_size=4).filter(
    lambda word: any(c.isalnum() for c in word)
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        grapheme=WORDS,
        alias=st.none() | st.text("xyz ", min_size=1, max_size=6).filter(str.strip).map(spoken_text),
        ipa=st.none() | st.just("x"),
        case_sensitive=st.booleans(),
        whole_word=st.booleans(),
    ),
    max_size=6,
)


@given(TEXTS, st.lists(ENTRIES, max_size=3), st.booleans(), st.data())
def test_the_words_are_the_written_ones_in_the_order_of_time(text, lists, ipa, data) -> None:
    written = spoken_text(text)
    found = find(written, "en", [Book(entries) for entries in lists])
    readings = [each.reading for each in found]
    assert all(one.end <= other.start for one, other in pairwise(readings))
    assert all(one.start < one.end <= len(written) for one in readings)
    for each in found:
        grapheme = lists[each.book][each.entry].grapheme
        plain, word = (
            unicodedata.normalize("NFC", part).casefold()
            for part in (written[each.reading.start : each.reading.end], spoken_text(grapheme))
        )
        assert plain == word
    form = spoken_form(text, readings, ipa=ipa)
    times = sorted(data.draw(st.lists(st.integers(0, 900), min_size=2, max_size=2 * len(form.text) + 2)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(form.text)), max_size=len(times) - 1)))
    marks = [
        Timing(start_char=a, end_char=b, start_ms=times[n], end_ms=times[n + 1])
        for n, (a, b) in enumerate(pairwise(cuts))
    ]
    shown = form.written(marks)
    assert all(0 <= each.start_char < each.end_char <= len(written) for each in shown)
    assert all(one.end_char <= other.start_char for one, other in pairwise(shown))
    words = words_from_timings(written, shown, 1000)
    if words:
        assert "".join(word.text for word in words).replace(" ", "") == written.replace(" ", "")
    assert all(word.start_ms < word.end_ms for word in words)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(words))


@given(st.text("ab ", max_size=12), st.data())
def test_what_was_not_replaced_is_where_it_was(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    parts = [(a, b, data.draw(st.text("xy", min_size=1, max_size=4))) for a, b in list(pairwise(places))[::2]]
    result = changed(text, parts)
    inside = {place for a, b, _ in parts for place in range(a, b)}
    for position, character in enumerate(result.text):
        origin = result.start_of(position)
        if character in "xy":
            assert (origin, result.end_of(position + 1)) in {(a, b) for a, b, _ in parts}
        else:
            assert (text[origin], origin in inside, result.end_of(position + 1)) == (
                character,
                False,
                origin + 1,
            )
