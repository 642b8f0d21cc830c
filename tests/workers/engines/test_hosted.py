"""Engines in processes of their own: what hangs or dies there costs one line, never the worker."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.workers.engines.odd import command
from workers.audio.clip import Clip
from workers.engines.base import EngineError, EngineTake, TakeRequest
from workers.engines.hosted import Host, HostedSynthesizer, Limits

ROOT = Path(__file__).parents[3]
# A line that is well takes milliseconds, and a loaded machine some more.
PATIENT = Limits(line_s=60, load_s=60, enroll_s=60, grace_s=10)
HASTY = Limits(line_s=2, character_s=0, load_s=60, enroll_s=2, stop_s=0.5, grace_s=10)

MakeHost = Callable[..., Host]


class Enough(Exception):
    """What a watch raises."""


class Watching:
    """Raises when it has been called often enough: each call comes after a wait of up to 100 ms."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def __call__(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Enough


@pytest.fixture
def make_host() -> Iterator[MakeHost]:
    hosts: list[Host] = []

    def make(name: str = "fake", *arguments: object, limits: Limits = PATIENT) -> Host:
        hosts.append(Host(name, command=command(name, *arguments), limits=limits))
        return hosts[-1]

    yield make
    for host in hosts:
        host.end()
    for host in hosts:
        host.wait_gone()


def lines(*texts: str) -> list[TakeRequest]:
    return [TakeRequest(text=text, language="en", voice="a") for text in texts]


def codes(takes: Iterator[EngineTake]) -> list[str | None]:
    """The error code of each take; those without have sound, the others are for another try."""
    found = list(takes)
    for take in found:
        assert bool(len(take.clip.samples)) == (take.error is None)
        assert take.error is None or take.error.retryable
    return [take.error.code if take.error else None for take in found]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def has_gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be heard of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# -- failures cost their line -----------------------------------------------------------------


def test_a_process_that_dies_costs_the_line_it_was_speaking(make_host: MakeHost) -> None:
    host = make_host()
    takes = host.synthesizer().synthesize(lines("one", "two CRASH", "three", "CRASH", "five"))
    assert codes(takes) == [None, "engine_crashed", None, "engine_crashed", None]


def test_a_line_that_hangs_is_given_up_and_the_next_ones_are_spoken(make_host: MakeHost) -> None:
    host = make_host(limits=HASTY)
    assert codes(host.synthesizer().synthesize(lines("one", "HANG", "three"))) == [
        None,
        "engine_timeout",
        None,
    ]


def test_longer_lines_may_take_longer() -> None:
    short, long = lines("x" * 10, "x" * 1000)
    assert (Limits().for_line(short), Limits().for_line(long)) == (32.0, 230.0)


def test_an_exception_costs_its_line_and_its_text_stays_unsaid(
    make_host: MakeHost, capfd: pytest.CaptureFixture[str]
) -> None:
    host = make_host("raising")
    takes = list(host.synthesizer().synthesize(lines("one", "secret BOOM", "three", "secret STOP", "five")))
    pid = host.pid
    assert codes(iter(takes)) == [None, "engine_failed", None, "engine_failed", None]
    assert {take.error.detail for take in takes if take.error} == {"The engine failed."}
    assert codes(host.synthesizer().synthesize(lines("again"))) == [None]
    assert host.pid == pid
    said = capfd.readouterr()
    assert "ValueError" in said.err
    assert "secret" not in said.err + said.out


def test_what_an_engine_prints_does_not_get_between_its_takes(make_host: MakeHost) -> None:
    assert codes(make_host("talkative").synthesizer().synthesize(lines("one", "two"))) == [None, None]


def test_a_killed_process_is_replaced(make_host: MakeHost) -> None:
    host = make_host()
    engine = host.synthesizer()
    assert codes(engine.synthesize(lines("one"))) == [None]
    assert host.pid is not None
    os.kill(host.pid, signal.SIGKILL)
    wait_until(lambda: host.pid is None)
    assert codes(engine.synthesize(lines("two"))) == [None]


def test_an_engine_that_cannot_be_loaded_twice_fails_every_line_and_no_more_is_tried(
    make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host("unready", tmp_path, 2)
    assert codes(host.synthesizer().synthesize(lines("one", "two"))) == ["engine_unavailable"] * 2
    assert len(list(tmp_path.iterdir())) == 2
    assert codes(host.synthesizer().synthesize(lines("three"))) == [None]


def test_one_death_while_loading_is_forgiven(make_host: MakeHost, tmp_path: Path) -> None:
    assert codes(make_host("unready", tmp_path, 1).synthesizer().synthesize(lines("one"))) == [None]


def test_why_an_engine_is_not_ready_is_told(make_host: MakeHost) -> None:
    with pytest.raises(EngineError) as failed:
        make_host("unloadable").load()
    assert failed.value.detail == "The engine is not ready. The weights are missing."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "not installed: a_package_that_is_not_there"),
        ("broken", "could not be started: OSError"),
    ],
)
def test_an_engine_that_is_not_here_says_why(make_host: MakeHost, name: str, reason: str) -> None:
    with pytest.raises(EngineError) as failed:
        make_host(name).info()
    assert (failed.value.code, failed.value.detail) == ("engine_unavailable", reason)


# -- enrolling --------------------------------------------------------------------------------


def enroll(engine: HostedSynthesizer, *, language: str = "en", transcript: str = "secret") -> object:
    reference = Clip(np.zeros(400_000, np.float32), 44_100)  # more than a pipe holds
    return engine.enroll(reference, language=language, transcript=transcript)


def test_an_enrolment_that_fails_tells_what_may_be_told(make_host: MakeHost) -> None:
    engine = make_host("raising").synthesizer()
    with pytest.raises(EngineError) as refused:
        enroll(engine, language="xx")
    assert (refused.value.code, refused.value.retryable) == ("unsupported_language", False)
    with pytest.raises(EngineError) as failed:
        enroll(engine)
    assert (failed.value.code, failed.value.detail) == ("engine_failed", "The engine failed.")


def test_an_enrolment_that_hangs_is_given_up(make_host: MakeHost, tmp_path: Path) -> None:
    host = make_host("deaf", tmp_path, limits=Limits(enroll_s=1, grace_s=0.1))
    with pytest.raises(EngineError) as failed:
        enroll(host.synthesizer())
    assert (failed.value.code, failed.value.retryable) == ("engine_timeout", True)


# -- stopping while an engine speaks ----------------------------------------------------------


def test_a_watch_that_raises_ends_the_waiting_for_a_line_that_hangs(make_host: MakeHost) -> None:
    host = make_host(limits=Limits(line_s=600, stop_s=0.2))
    host.load()
    with pytest.raises(Enough):
        list(host.synthesizer(watch=Watching(5)).synthesize(lines("one", "HANG")))
    assert codes(host.synthesizer().synthesize(lines("three"))) == [None]


def test_who_has_to_stop_asks_for_nothing(make_host: MakeHost) -> None:
    host = make_host()
    host.load()
    with pytest.raises(Enough):
        list(host.synthesizer(watch=Watching(0)).synthesize(lines("one")))


def test_an_engine_that_listens_between_lines_keeps_its_process(make_host: MakeHost) -> None:
    host = make_host(limits=Limits(stop_s=30))
    host.load()
    pid = host.pid
    with pytest.raises(Enough):
        list(host.synthesizer(watch=Watching(3)).synthesize(lines(*["SLOW"] * 500)))
    (take,) = host.synthesizer().synthesize(lines("other words than before"))
    assert len(take.marks) == 4
    assert host.pid == pid


def test_who_leaves_early_without_a_word_does_not_disturb_the_next(make_host: MakeHost) -> None:
    host = make_host()
    left = host.synthesizer().synthesize(lines(*["one"] * 500))
    assert len(list(islice(left, 2))) == 2
    served = host.synthesizer().synthesize(lines("two words", "three more words"))
    assert len(next(served).marks) == 2
    del left
    assert len(next(served).marks) == 3


def test_a_watch_can_end_the_loading_and_the_next_waits_for_the_same_process(make_host: MakeHost) -> None:
    host = make_host()
    with pytest.raises(Enough):
        host.load(watch=Watching(0))
    pid = host.pid
    host.load()
    assert host.pid == pid


# -- nothing stays behind ---------------------------------------------------------------------


def test_a_process_that_hears_no_signal_is_killed_with_its_own_processes(
    make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host("deaf", tmp_path, limits=Limits(grace_s=0.1))
    host.load()
    pid, of_its_own = host.pid, int((tmp_path / "child").read_text())
    assert pid is not None
    assert not has_gone(of_its_own)
    host.end()
    host.wait_gone()
    assert has_gone(pid)
    wait_until(lambda: has_gone(of_its_own))


def test_a_worker_that_is_killed_leaves_no_engine(tmp_path: Path) -> None:
    """Its engine is at a line that never ends, and hears no signal that can be ignored."""
    code = (
        "from tests.workers.engines.test_hosted import *;"
        f"host = Host('deaf', command=command('deaf', {str(tmp_path)!r})); host.load();"
        "print(host.pid, flush=True); enroll(host.synthesizer())"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    with worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        try:
            wait_until((tmp_path / "enrolling").exists)
            worker.kill()
            wait_until(lambda: has_gone(pid))
        finally:
            for left in (pid, int((tmp_path / "child").read_text())):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)


def test_a_process_does_not_end_with_the_thread_that_asked_for_it(make_host: MakeHost) -> None:
    host = make_host()
    thread = threading.Thread(target=host.load)
    thread.start()
    thread.join()
    pid = host.pid
    assert codes(host.synthesizer().synthesize(lines("one"))) == [None]
    assert host.pid == pid


def test_an_engine_is_not_imported_into_the_worker() -> None:
    code = (
        "from workers.engines.pool import EnginePool; from workers.engines.base import TakeRequest;"
        "pool = EnginePool(['espeak']); engine = pool.synthesizer('espeak');"
        "takes = list(engine.synthesize([TakeRequest(text='Hello.', language='en', voice='en-us')]));"
        "pool.close(); print(takes[0].clip.duration_ms > 0, 'espeak' in open('/proc/self/maps').read())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True)
    assert done.stdout.split() == ["True", "False"]
