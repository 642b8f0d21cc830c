"""The aligner's process: what it finds comes back whole, and what it does wrong costs no line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.workers.engines.alignment.test_aligners import PROSE, aligner, take
from workers.audio.clip import Clip
from workers.engines.alignment.hosted import AlignerHost
from workers.engines.pool import EnginePool

HUM = Clip(np.full(2400, 0.1, np.float32), 24_000)


def odd(tmp_path: Path, code: str) -> AlignerHost:
    """An aligner whose process runs some code; each start leaves a line in a file."""
    started = f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\n"
    return AlignerHost((sys.executable, "-c", started + code))


def starts(tmp_path: Path) -> int:
    return len((tmp_path / "starts").read_text())


def test_it_finds_the_same_in_a_process_of_its_own() -> None:
    clip, _ = take(PROSE["ko"], "ko")
    pool = EnginePool([])
    try:
        found = pool.aligner().align(clip, PROSE["ko"], "ko")
        assert found == aligner().align(clip, PROSE["ko"], "ko")
        assert pool.aligner().align(HUM, "Hello.", "zxx") == ()
    finally:
        pool.close()


def test_no_process_is_started_before_a_word_needs_one(tmp_path: Path) -> None:
    host = odd(tmp_path, "")
    host.aligner()
    host.close()
    assert not (tmp_path / "starts").exists()


def test_a_worker_and_its_engines_import_nothing_of_it() -> None:
    heavy = {"dtaidistance", "pocketsphinx", "workers.audio.cepstra"}
    code = f"import sys, workers.main, workers.engines.host; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_process_that_dies_gives_no_times_and_is_given_up_after_three(tmp_path: Path) -> None:
    host = odd(tmp_path, "raise SystemExit(3)")
    one_run = host.aligner()
    assert [one_run.align(HUM, "Hello.", "en") for _ in range(5)] == [()] * 5
    assert starts(tmp_path) == 3
    assert host.aligner().align(HUM, "Hello.", "en") == ()
    assert starts(tmp_path) == 4
    host.close()


def test_an_error_inside_gives_no_times_and_keeps_the_process(tmp_path: Path) -> None:
    code = (
        "from workers.engines.alignment import host\n"
        "class Broken:\n"
        "    def align(self, clip, text, language):\n"
        "        raise ValueError(text)\n"
        "host.make_aligner = Broken\n"
        "host.main()\n"
    )
    host = odd(tmp_path, code)
    one_run = host.aligner()
    assert [one_run.align(HUM, "Hello.", "en") for _ in range(2)] == [(), ()]
    assert starts(tmp_path) == 1
    host.close()


def test_a_recogniser_that_is_lost_says_nothing_and_is_given_up_after_three(tmp_path: Path) -> None:
    host = odd(tmp_path, "raise SystemExit(3)")
    one_run = host.recognizer()
    assert [one_run.hear(HUM, "Hello.", "en") for _ in range(5)] == [None] * 5
    assert starts(tmp_path) == 3
    host.close()


def test_a_recogniser_that_raises_says_nothing_and_the_aligner_beside_it_goes_on(tmp_path: Path) -> None:
    code = (
        "from workers.engines.alignment import host\n"
        "class Broken:\n"
        "    def hear(self, clip, text, language):\n"
        "        raise ValueError(text)\n"
        "host.make_recognizer = lambda model: Broken()\n"
        "host.main()\n"
    )
    host = odd(tmp_path, code)
    assert host.recognizer().hear(HUM, "Hello.", "en") is None
    clip, _ = take(PROSE["de"], "de")
    assert host.aligner().align(clip, PROSE["de"], "de")
    assert starts(tmp_path) == 1
    host.close()


def test_whoever_has_to_stop_does_not_wait_for_it(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    calls = iter(range(1000))

    def watch() -> None:
        if next(calls) > 4:
            raise Stop

    host = odd(tmp_path, "import time; time.sleep(600)")
    with pytest.raises(Stop):
        host.aligner(watch=watch).align(HUM, "Hello.", "en")
    host.close()
