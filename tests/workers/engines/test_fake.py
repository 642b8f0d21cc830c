import numpy as np

from workers.engines.base import TakeRequest
from workers.engines.tts.fake import Fake

TEXT = "One, two — three!"


def test_every_word_is_a_tone_exactly_where_its_mark_says():
    (take,) = Fake().synthesize([TakeRequest(text=TEXT, language="en", voice="a")])
    assert [TEXT[mark.start_char : mark.end_char] for mark in take.marks] == ["One,", "two", "three!"]
    sounding = np.zeros(len(take.clip.samples), bool)
    for mark in take.marks:
        first, last = (round(ms * take.clip.rate / 1000) for ms in (mark.start_ms, mark.end_ms))
        sounding[first:last] = True
        # a take is trimmed to its words: both of a word's edges must be heard
        assert abs(take.clip.samples[first]) > 0.001
    assert not take.clip.samples[~sounding].any()


def test_a_line_with_the_word_fail_fails_and_the_word_can_be_chosen():
    requests = [TakeRequest(text="please FAIL now", language="en", voice="a")]
    (take,) = Fake().synthesize(requests)
    assert take.error is not None
    assert take.error.code == "engine_failed"
    (take,) = Fake(fail_word="BREAK").synthesize(requests)
    assert take.error is None


def test_voices_pitches_and_seeds_sound_different():
    requests = [
        TakeRequest(text="word", language="en", voice="a"),
        TakeRequest(text="word", language="en", voice="b"),
        TakeRequest(text="word", language="en", voice="a", pitch_st=2.0),
        TakeRequest(text="word", language="en", voice="a", seed=1),
        TakeRequest(text="word", language="en", profile={"kind": "cloned"}),
    ]
    sounds = {take.clip.samples.tobytes() for take in Fake().synthesize(requests)}
    assert len(sounds) == len(requests)


def test_a_flaky_line_fails_once_wherever_it_is_tried_again(monkeypatch, tmp_path):
    def retryable(text: str) -> bool | None:
        (take,) = Fake().synthesize([TakeRequest(text=text, language="en", voice="a")])
        return take.error.retryable if take.error else None

    monkeypatch.setenv("VOICEREEL_FAKE_STATE", str(tmp_path))
    assert [retryable("FLAKY one"), retryable("FLAKY two"), retryable("FLAKY one")] == [True, True, None]
    monkeypatch.delenv("VOICEREEL_FAKE_STATE")
    assert [retryable("FLAKY one"), retryable("FLAKY one")] == [True, True]
