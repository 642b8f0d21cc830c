"""The heartbeat, beat by beat, on a clock of our own."""

import threading
from typing import Any

import pytest

from voicereel.domain.errors import LeaseLost, StageFailed, Unavailable
from voicereel.domain.job import Claim
from workers.pulse import LeasePulse, Rhythm, Stopping

CLAIM = Claim(
    stage_run_id=1, fence=1, attempt=1, job_id="job_x", tenant_id="ten_x", stage="mix", shard=0, payload={}
)


class Beats:
    """Answers heartbeats from a list, then goes on with the last answer; time passes with each."""

    def __init__(self, *answers: bool | Exception, step_s: float = 1.0) -> None:
        self._answers = list(answers)
        self._step_s = step_s
        self.now = 0.0
        self.heard: list[float] = []
        self.enough = threading.Event()

    def heartbeat(self, _: Claim, *, progress: float) -> bool:
        self.now += self._step_s
        self.heard.append(progress)
        if len(self.heard) >= 20:
            self.enough.set()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            self.enough.set()
            raise answer
        if not answer:
            self.enough.set()
        return answer


def pulse(
    beats: Beats, *, limit_s: float = 1e9, deaths: list[int] | None = None, grace_s: float = 60
) -> LeasePulse:
    work: Any = beats
    rhythm = Rhythm(heartbeat_s=0.001, lease_s=4.0, limit_s=limit_s, grace_s=grace_s)
    died = [] if deaths is None else deaths
    return LeasePulse(
        work, CLAIM, rhythm=rhythm, stopping=threading.Event(), monotonic=lambda: beats.now, die=died.append
    )


def told_to_stop(beating: LeasePulse) -> None:
    """Report progress until the pulse objects."""
    while True:
        beating.progress(0.5)


def checked_until_stopped(beating: LeasePulse) -> None:
    while True:
        beating.check()


def test_progress_travels_with_the_heartbeat() -> None:
    beats = Beats(True)
    with pulse(beats) as beating:
        beating.progress(0.25)
        beats.enough.wait(10)
    assert 0.25 in beats.heard


def test_a_refused_heartbeat_stops_the_stage() -> None:
    with pulse(Beats(True, False)) as beating, pytest.raises(LeaseLost):
        told_to_stop(beating)


def test_a_database_out_of_reach_stops_the_stage_before_its_lease_ends() -> None:
    beats = Beats(True, Unavailable("down"), step_s=0.5)
    with pulse(beats) as beating, pytest.raises(LeaseLost):
        told_to_stop(beating)
    assert beats.now < 4.5


def test_a_short_outage_does_not() -> None:
    beats = Beats(True, Unavailable("down"), Unavailable("down"), True, step_s=0.5)
    with pulse(beats) as beating:
        while len(beats.heard) < 20:
            beating.progress(0.1)


def test_a_stage_that_takes_too_long_fails_and_may_be_tried_again() -> None:
    with pulse(Beats(True), limit_s=3) as beating, pytest.raises(StageFailed) as failed:
        told_to_stop(beating)
    assert (failed.value.code, failed.value.retryable) == ("stage_timeout", True)


def test_a_stage_that_hears_nothing_takes_its_worker_along() -> None:
    deaths: list[int] = []
    beats = Beats(False)
    dead = threading.Event()
    with pulse(beats, deaths=deaths, grace_s=0.01):
        while not deaths:
            dead.wait(0.001)
    assert deaths == [70]


def test_a_worker_asked_to_stop_says_so_at_the_next_step() -> None:
    beats: Any = Beats(True)
    stopping = threading.Event()
    rhythm = Rhythm(heartbeat_s=0.001, lease_s=4, limit_s=1e9)
    with LeasePulse(beats, CLAIM, rhythm=rhythm, stopping=stopping) as beating:
        beating.progress(0.1)
        stopping.set()
        with pytest.raises(Stopping):
            beating.progress(0.2)


def test_checking_is_not_progress_and_says_when_to_stop() -> None:
    beats = Beats(True, *[True] * 20, False)
    with pulse(beats) as beating:
        beating.progress(0.25)
        with pytest.raises(LeaseLost):
            checked_until_stopped(beating)
    assert set(beats.heard) <= {0.0, 0.25}
    assert 0.25 in beats.heard
