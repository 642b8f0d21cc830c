"""What every `Synthesizer` keeps, whatever it is made of. A new engine is added to `ENGINES`.

Each is asked in this process and in one of its own: nobody who uses it can tell which.
"""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest

from voicereel.domain.speakers import EngineInfo
from workers.audio.clip import Clip
from workers.engines.base import EngineTake, Synthesizer, TakeRequest
from workers.engines.pool import EnginePool
from workers.engines.tts.espeak import Espeak
from workers.engines.tts.fake import Fake

ENGINES = {"espeak": (Espeak, "en-us"), "fake": (Fake, "a")}
TEXT = "Did you hear that? No, 1,234 of them."


@pytest.fixture(
    scope="module", params=[(name, hosted) for name in ENGINES for hosted in (False, True)], ids=str
)
def case(request) -> Iterator[tuple[Synthesizer, str]]:
    name, hosted = request.param
    engines = EnginePool([name], hosted=hosted)
    yield engines.synthesizer(name), ENGINES[name][1]
    engines.close()


def _one(engine: Synthesizer, **fields) -> EngineTake:
    (take,) = engine.synthesize([TakeRequest(**{"text": TEXT, "language": "en"} | fields)])
    return take


def test_facts_can_be_had_before_loading():
    for make, voice in ENGINES.values():
        info = make().info
        assert isinstance(info, EngineInfo)
        assert info.stock_voice(voice) is not None
        assert info.speaks("en-GB")
        assert len({voice.name for voice in info.voices}) == len(info.voices)


def test_voices_can_be_named_in_an_address_and_their_languages_are_tags(case):
    tag = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*")
    for voice in case[0].info.voices:
        assert re.fullmatch(r"[A-Za-z0-9_-]+", voice.name)
        assert voice.languages
        assert all(tag.fullmatch(language) for language in voice.languages)
        assert set(voice.languages) <= set(case[0].info.languages)


def test_a_take_is_sound_at_the_advertised_rate(case):
    engine, voice = case
    take = _one(engine, voice=voice)
    assert take.error is None
    assert take.warnings == ()
    assert take.clip.rate == engine.info.sample_rate
    assert take.clip.duration_ms > 500
    assert 0.05 < np.abs(take.clip.samples).max() <= 1.0


def test_takes_come_one_a_request_and_in_order(case):
    engine, voice = case
    requests = [TakeRequest(text="word " * n, language="en", voice=voice) for n in (1, 5, 2)]
    lengths = [len(take.clip.samples) for take in engine.synthesize(requests)]
    assert len(lengths) == 3
    assert lengths[0] < lengths[2] < lengths[1]
    assert list(engine.synthesize([])) == []


def test_the_same_request_gives_the_same_take_whatever_came_between(case):
    engine, voice = case
    first = _one(engine, voice=voice, seed=5)
    _one(engine, voice=voice, text="Something else entirely!", pitch_st=12.0, speed=2.0)
    again = _one(engine, voice=voice, seed=5)
    np.testing.assert_array_equal(first.clip.samples, again.clip.samples)
    assert first.marks == again.marks


def test_marks_lie_in_order_inside_the_clip_and_on_the_text(case):
    engine, voice = case
    take = _one(engine, voice=voice)
    assert engine.info.word_times == bool(take.marks)
    char, ms = 0, 0.0
    for mark in take.marks:
        assert char <= mark.start_char < mark.end_char <= len(TEXT)
        assert ms <= mark.start_ms < mark.end_ms
        char, ms = mark.end_char, mark.end_ms
    assert ms <= len(take.clip.samples) * 1000 / take.clip.rate


def test_speed_shortens_a_take(case):
    engine, voice = case
    slow, fast = (len(_one(engine, voice=voice, speed=speed).clip.samples) for speed in (0.5, 2.0))
    # four times, were there no pauses of a fixed length and were rates exact
    assert 2.5 < slow / fast < 5.5


def test_a_control_the_engine_lacks_is_a_warning_and_not_a_silence(case):
    engine, voice = case
    assert "style" in engine.info.unsupported_controls
    take = _one(engine, voice=voice, style="whispered")
    assert [code for code, _ in take.warnings] == ["style_not_supported"]
    assert take.error is None


def test_a_line_that_fails_does_not_take_the_others_with_it(case):
    engine, voice = case
    voices = (voice, "no-such-voice", voice)
    takes = list(
        engine.synthesize([TakeRequest(text="Hello.", language="en", voice=name) for name in voices])
    )
    assert [take.error is None for take in takes] == [True, False, True]
    assert takes[1].error is not None
    assert takes[1].error.code == "unknown_voice"
    assert len(takes[1].clip.samples) == 0


def test_a_language_nobody_speaks_is_an_error(case):
    engine, voice = case
    error = _one(engine, voice=voice, language="tlh-x-none" if engine.info.name == "fake" else "zxx").error
    assert error is not None
    assert error.code == "unsupported_language"


def test_words_are_not_in_an_errors_text(case):
    engine, voice = case
    for fields in ({"voice": "secretvoice"}, {"voice": voice, "language": "zxx"}):
        error = _one(engine, text="Confidential FAIL words.", **fields).error
        assert error is not None
        assert "onfidential" not in str(error) + error.detail


def test_a_text_without_words_is_no_error(case):
    engine, voice = case
    take = _one(engine, voice=voice, text="…")
    assert take.error is None
    assert take.marks == ()


def test_an_enrolled_profile_survives_json_and_speaks(case):
    engine, voice = case
    reference = _one(engine, voice=voice, text="The quick brown fox jumps over the lazy dog. " * 8).clip
    profile = engine.enroll(Clip(reference.samples, reference.rate), language="en", transcript=None)
    kept = json.loads(json.dumps(profile))
    assert kept["kind"] == engine.info.cloning
    take = _one(engine, profile=kept)
    assert take.error is None
    assert len(take.marks) > 0
