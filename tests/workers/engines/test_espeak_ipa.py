"""Words said by their sounds: what espeak says in IPA it must say again when it is told so."""

import json
from functools import cache

import numpy as np
import pytest

from voicereel.domain.lexicons import Reading
from workers.engines.base import EngineTake, TakeRequest
from workers.engines.tts.espeak import Espeak
from workers.engines.tts.espeak_ipa import Phonemes, phoneme_names
from workers.engines.tts.espeak_library import data_folder, library
from workers.engines.wire import facts_of_request, request_of

TEXTS = {
    "en-us": "north wind sun were disputing which was the stronger traveler church measure button singer",
    "de": "Einst stritten sich Nordwind und Sonne wer von ihnen wohl Stärkere Öl Häuser Büro Pferd zwei",
    "es": "El viento norte y el sol discutían sobre cuál ellos era más fuerte niño perro lluvia guerra",
    "fr": "bise et soleil disputaient chacun assurant était plus fort voyageur manteau vin brun oignon",
    "it": "Si bisticciavano un giorno il vento di tramontana gnocchi zio pizza",
    "pt": "O vento norte e o sol discutiam qual dos dois era o mais forte não lhe",
    "ru": "Однажды северный ветер и солнце поспорили кто из них сильнее тёплый плащ",
    "pl": "Północny wiatr i słońce sprzeczali się",
    "ja": "きたかぜ たいよう いいあらそい",
    "hi": "उत्तरी हवा और सूरज",
}


@cache
def phonemes(voice: str) -> Phonemes:
    def hear(names):
        return library().heard([f"[[{name}]]" for name in names], voice=voice)

    return Phonemes(phoneme_names(data_folder()), hear, voice=voice)


@pytest.mark.parametrize("voice", TEXTS)
def test_what_a_voice_says_in_ipa_it_says_again(voice: str) -> None:
    said = library().heard(TEXTS[voice].split(), voice=voice)
    names = [phonemes(voice).spelled(ipa) for ipa in said]
    again = library().heard([f"[[{each}]]" for each in names], voice=voice)
    # of stress espeak decides in part by itself
    sounds = str.maketrans("", "", "ˈˌ-")
    assert [ipa.translate(sounds) for ipa in again] == [ipa.translate(sounds) for ipa in said]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/həˈloʊ/", "həlˈoʊ"),
        ("hə.ˈlo͡ʊ", "həlˈoʊ"),
        ("ˈred", "ɹˈɛd"),  # as most dictionaries write it
        ("dʒʌd͡ʒ", "dʒʌdʒ"),
        ("tʰɪn", "tɪn"),
        ("həˈloʊ ˈwɝld", "həlˈoʊ wˈɜːld"),
    ],
)
def test_ways_to_write_the_same_are_the_same(written: str, meant: str) -> None:
    spelled = phonemes("en-us").spelled(written)
    assert library().heard([f"[[{spelled}]]"], voice="en-us") == [meant]


@pytest.mark.parametrize("written", ["ma˥", "ǃa", "hello!", "X", ""])
def test_what_a_voice_has_no_sound_for_is_not_spelled(written: str) -> None:
    assert phonemes("en-us").spelled(written) is None


# -- in a line ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    engine = Espeak()
    engine.load()
    return engine


def said(espeak: Espeak, text: str, word: str = "", ipa: str = "", alias: str | None = None) -> EngineTake:
    start = text.index(word)
    reading = Reading(start=start, end=start + len(word), ipa=ipa, alias=alias)
    request = TakeRequest(text=text, language="en", voice="en-us", phonemes=(reading,) if word else ())
    (take,) = espeak.synthesize([request])
    return take


def heard(text: str, take: EngineTake) -> list[str]:
    return [text[mark.start_char : mark.end_char] for mark in take.marks]


def test_a_word_told_by_its_sounds_is_the_word(espeak: Espeak) -> None:
    plain, told = (
        said(espeak, "The big hello now."),
        said(espeak, "The big Siobhan now.", "Siobhan", "həˈloʊ"),
    )
    assert np.array_equal(plain.clip.samples, told.clip.samples)
    assert heard("The big Siobhan now.", told) == ["The", "big", "Siobhan", "now"]
    times = [[(mark.start_ms, mark.end_ms, mark.exact) for mark in take.marks] for take in (plain, told)]
    assert times[0] == times[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"Siobhan" is in', ["Siobhan", "is", "in"]),
        ("(Siobhan) [[ok]] in", ["Siobhan", "ok", "in"]),
        ("Siobhan's hat", ["Siobhan's", "hat"]),
        ("pre-Siobhan age", ["pre-Siobhan", "age"]),
    ],
)
def test_the_words_around_are_spoken_and_timed(espeak: Espeak, text: str, words: list[str]) -> None:
    take = said(espeak, text, "Siobhan", "ʃɪˈvɔːn ˈkɪŋ")
    assert heard(text, take) == words
    # Not left out, as espeak does where a quotation mark stands right at its brackets.
    (long,) = [
        mark.end_ms - mark.start_ms
        for mark in take.marks
        if "Siobhan" in text[mark.start_char : mark.end_char]
    ]
    assert long > 500


def test_an_english_possessive_is_part_of_its_word(espeak: Espeak) -> None:
    by_sound = said(espeak, "Anna's hat", "Anna", "ˈænə")
    assert np.array_equal(by_sound.clip.samples, said(espeak, "Anna's hat").clip.samples)


def test_what_cannot_be_said_is_spoken_by_its_alias_or_as_written_with_a_warning(espeak: Espeak) -> None:
    text = "Ask Mǎ now."
    by_alias = said(espeak, text, "Mǎ", "ma˨˩˦", alias="hello you")
    assert np.array_equal(by_alias.clip.samples, said(espeak, "Ask hello you now.").clip.samples)
    assert (heard(text, by_alias), by_alias.warnings) == (["Ask", "Mǎ", "now"], ())
    as_written = said(espeak, text, "Mǎ", "ma˨˩˦")
    assert np.array_equal(as_written.clip.samples, said(espeak, text).clip.samples)
    assert [code for code, _ in as_written.warnings] == ["pronunciation_ignored"]


def test_an_engine_in_another_process_is_told_the_same() -> None:
    readings = Reading(start=0, end=1, ipa="a"), Reading(start=2, end=3, ipa="b", alias="bee")
    request = TakeRequest(text="A B", language="en", voice="en-us", phonemes=readings)
    assert request_of(json.loads(json.dumps(facts_of_request(request)))) == request


def test_phonemes_change_nothing_of_what_comes_after_them(espeak: Espeak) -> None:
    before = said(espeak, "Plain [[a]] words.").clip.samples
    said(espeak, "Ask Siobhan.", "Siobhan", "ʃɪˈvɔːn")
    assert np.array_equal(said(espeak, "Plain [[a]] words.").clip.samples, before)
