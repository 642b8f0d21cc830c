"""Children that are looked after: started again, stopped together, given up together."""

import os
import sys
from pathlib import Path

from voicereel.children import Child, keep_running

WAIT = "import signal; signal.pause()"


def child(name: str, code: str, *arguments: str) -> Child:
    return Child(name, (sys.executable, "-c", code, *arguments), dict(os.environ))


def test_one_that_is_killed_is_started_again_and_the_others_stay() -> None:
    children = [child(name, WAIT) for name in "ab"]
    lives: dict[str, list[int]] = {"a": [], "b": []}

    def asked() -> bool:
        for each in children:
            if each.process is not None and each.process.pid not in lives[each.name]:
                lives[each.name].append(each.process.pid)
                if each.name == "a" and len(lives["a"]) == 1:
                    each.process.kill()
        return len(lives["a"]) == 2

    assert keep_running(children, asked=asked, within_s=10)
    assert len(lives["b"]) == 1
    assert [each.process and each.process.poll() is None for each in children] == [False, False]


def test_when_none_lives_it_is_given_up() -> None:
    children = [child(name, "raise SystemExit(3)") for name in "ab"]
    assert not keep_running(children, asked=lambda: False, within_s=10)


def test_one_that_does_not_stop_is_made_to(tmp_path: Path) -> None:
    deaf = "import pathlib, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    heard = tmp_path / "deaf"
    one = child("deaf", f"{deaf}pathlib.Path(sys.argv[1]).touch(); signal.pause()", str(heard))
    assert keep_running([one], asked=heard.exists, within_s=0.1)
    assert one.process is not None
    assert one.process.returncode == -9
