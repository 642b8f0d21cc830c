"""Lines that sound bad: spoken again with other seeds, billed once, and reviewed where that is vain."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from tests.rendering import Studio
from tests.services.revising import LINES, SCRIPT, lines, render, update
from tests.services.test_work import rows
from workers.audio.clip import Clip
from workers.engines.base import EngineTake, Hearing, TakeRequest
from workers.engines.tts import fake
from workers.engines.tts.fake import Fake

BAD = LINES[1]["text"]
AS_ASKED = 0


def with_sound(take: EngineTake, samples: np.ndarray) -> EngineTake:
    return replace(take, clip=Clip(samples.astype(np.float32), take.clip.rate))


def deleted(take: EngineTake) -> EngineTake:
    return with_sound(take, np.zeros(0))


def muted(take: EngineTake) -> EngineTake:
    return with_sound(take, take.clip.samples * 0)


def nearly_muted(take: EngineTake) -> EngineTake:
    return with_sound(take, take.clip.samples * 0.005)


def cut(take: EngineTake) -> EngineTake:
    """In the middle of its last word."""
    last = take.marks[-1]
    return with_sound(take, take.clip.samples[: round((last.start_ms + last.end_ms) / 2000 * take.clip.rate)])


def half_a_second_of_silence(take: EngineTake) -> EngineTake:
    return with_sound(take, np.zeros(take.clip.rate // 2))


def broken(take: EngineTake) -> EngineTake:
    middle = round(take.marks[0].end_ms * take.clip.rate / 1000)
    sound = take.clip.samples
    return with_sound(take, np.insert(sound, middle, np.zeros(2 * take.clip.rate)))


@dataclass
class Mouth:
    """The fake engine, which speaks a text badly whenever it is asked to with some seeds."""

    spoil: Callable[[EngineTake], EngineTake]
    is_bad: Callable[[int], bool] = lambda seed: True
    asked: tuple[int, ...] = ()

    def open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        take = fake._take

        def spoken(request: TakeRequest) -> EngineTake:
            if request.text != BAD:
                return take(request)
            self.asked = (*self.asked, request.seed)
            return self.spoil(take(request)) if self.is_bad(request.seed) else take(request)

        monkeypatch.setattr(fake, "_take", spoken)


@dataclass
class Ear:
    """A recogniser that hears each word, but for the last of a text it was told of, and only English."""

    deaf_to: frozenset[str] = frozenset()
    heard: int = 0

    def recognizer(self, *, watch: object = None) -> "Ear":
        return self

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        self.heard += 1
        words = tuple(text.split())
        if language != "en":
            return None
        said = words[:-1] if text in self.deaf_to else words
        return Hearing(recognizer="ear", expected=words, heard=said)


def listening(studio: Studio, monkeypatch: pytest.MonkeyPatch, ear: Ear) -> None:
    monkeypatch.setattr(studio.runner.engines, "recognizer", ear.recognizer)


def rendered(studio: Studio, **changes: Any) -> dict[str, Any]:
    job_id = studio.submit({**SCRIPT, "language": "en", **changes})
    studio.work()
    return studio.job(job_id)


def check_of(studio: Studio, job: dict[str, Any], line_id: str = "two") -> dict[str, Any] | None:
    (line,) = (line for line in lines(studio, job["id"]) if line["id"] == line_id)
    found: dict[str, Any] | None = line["check"]
    return found


FLAWS = {
    deleted: None,
    muted: None,
    half_a_second_of_silence: None,
    nearly_muted: "too_quiet",
    cut: "truncated",
    broken: "long_gap",
}


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.__name__)
def test_a_take_that_is_not_audible_as_a_whole_is_reviewed_without_any_recogniser(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch, flaw: Callable[[EngineTake], EngineTake]
) -> None:
    mouth = Mouth(flaw)
    mouth.open(monkeypatch)
    job = rendered(fake_studio, qa={"retries": 1})
    assert job["status"] == "needs_review"
    assert len(mouth.asked) == 2
    (warning,) = job["warnings"]
    assert warning["pointer"] == "/lines/1"
    check = check_of(fake_studio, job)
    if FLAWS[flaw] is None:
        assert (warning["code"], check) == ("line_failed", None)
    else:
        assert warning["code"] == "line_suspect"
        assert check is not None
        assert (check["faults"], check["attempts"]) == ([FLAWS[flaw]], 2)


def test_a_line_that_is_good_with_another_seed_is_billed_once_and_the_same_each_time(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = rendered(fake_studio)
    mouth = Mouth(cut, is_bad=lambda seed: seed % 3 != 1)
    mouth.open(monkeypatch)
    runs = []
    for _ in range(2):
        studio = without_cache(fake_studio)
        mouth.asked = ()
        job = rendered(studio, qa={"retries": 5})
        assert job["status"] == "succeeded"
        check = check_of(studio, job)
        assert check is not None
        assert check["attempts"] == len(mouth.asked) > 1
        assert mouth.asked[-1] % 3 == 1
        (sha,) = rows(studio, f"SELECT sha256 FROM takes WHERE job_id = '{job['id']}' AND line_id = 'two'")
        runs.append((mouth.asked, sha, job["outputs"]["audio"][0]["sha256"], job["billable_ms"]))
    assert runs[0] == runs[1]
    assert runs[0][-1] == plain["billable_ms"]
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(3,)]


def without_cache(studio: Studio) -> Studio:
    off = replace(studio.services.work, keeps_takes=False)
    return replace(studio, runner=replace(studio.runner, work=off))


def test_retries_stop_at_the_first_good_take_and_are_none_where_seeds_make_no_difference(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    mouth = Mouth(cut)
    mouth.open(monkeypatch)
    rendered(fake_studio, qa={"retries": 0})
    assert mouth.asked == (AS_ASKED,)
    seeded = Fake.info.fget
    monkeypatch.setattr(Fake, "info", property(lambda self: replace(seeded(self), seeded=False)))
    mouth.asked = ()
    rendered(fake_studio, qa={"retries": 5})
    assert mouth.asked == (AS_ASKED,)


def test_a_line_whose_words_are_not_heard_is_approved_by_a_person_and_billed(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(fake_studio, monkeypatch, Ear(frozenset({BAD})))
    job = rendered(fake_studio, qa={"verify": True})
    assert (job["status"], job["billable_ms"]) == ("needs_review", None)
    assert job["warnings"] == [
        {
            "code": "line_suspect",
            "pointer": "/lines/1",
            "detail": "Listen to this line: 1 of 2 words not heard (word 2). It was spoken 3 times.",
        }
    ]
    assert check_of(fake_studio, job) == {
        "faults": [],
        "recognizer": "ear",
        "words": 2,
        "wer": 0.5,
        "missing": [2],
        "repeated": [],
        "attempts": 3,
    }
    approved = fake_studio.services.jobs.approve(fake_studio.principal, job["id"], once=None).body
    assert approved["status"] == "succeeded"
    assert approved["billable_ms"] == approved["outputs"]["audio"][0]["duration_ms"]
    assert rows(fake_studio, "SELECT count(*) FROM ledger") == [(1,)]
    # What a person has heard need not be heard again for an edit of another line.
    update(fake_studio, job["id"], "one", text="Other words.")
    assert render(fake_studio, job["id"])["status"] == "succeeded"


def test_a_customer_says_how_much_may_be_wrong(fake_studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    listening(fake_studio, monkeypatch, Ear(frozenset({BAD})))
    job = rendered(fake_studio, qa={"verify": True, "max_wer": 0.5})
    assert (job["status"], job["warnings"]) == ("succeeded", [])


def test_without_verify_nobody_is_asked(fake_studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(frozenset({BAD}))
    listening(fake_studio, monkeypatch, ear)
    job = rendered(fake_studio)
    assert (job["status"], ear.heard) == ("succeeded", 0)
    check = check_of(fake_studio, job)
    assert check is not None
    assert (check["recognizer"], check["wer"]) == (None, None)


def test_a_take_of_the_cache_is_listened_to_once(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = Ear(frozenset({BAD}))
    listening(fake_studio, monkeypatch, ear)
    rendered(fake_studio)
    job = rendered(fake_studio, qa={"verify": True})
    assert (job["status"], ear.heard) == ("needs_review", len(LINES))
    fake_studio.services.jobs.approve(fake_studio.principal, job["id"], once=None)
    assert rendered(fake_studio, qa={"verify": True})["status"] == "needs_review"
    assert rendered(fake_studio, qa={"verify": True, "max_wer": 1.0})["status"] == "succeeded"
    assert ear.heard == len(LINES)


def test_a_language_that_nobody_recognises_is_named_once_and_holds_up_nothing(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(fake_studio, monkeypatch, Ear())
    german = [{**line, "language": "de"} for line in LINES[:2]]
    job = rendered(fake_studio, lines=[*german, *LINES[2:]], qa={"verify": True})
    assert job["status"] == "succeeded"
    assert [(w["code"], w["pointer"]) for w in job["warnings"]] == [("unverified", "/qa/verify")]
    assert "'de'" in job["warnings"][0]["detail"]
