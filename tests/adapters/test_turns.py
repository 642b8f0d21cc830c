"""Turns order writers; they must never be what keeps one waiting for ever."""

import threading
from pathlib import Path

import pytest

from voicereel.adapters.database import turns
from voicereel.adapters.database.turns import Turns


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_PATIENCE_S", 0.05)


def test_writers_of_one_process_and_of_two_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PATIENCE_S", 30.0)
    lines = [Turns(tmp_path / "turn"), Turns(tmp_path / "turn")]  # as two processes would have
    inside, most = 0, 0

    def write(line: Turns) -> None:
        nonlocal inside, most
        for _ in range(50):
            with line.turn():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=write, args=(line,)) for line in lines * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1
    for line in lines:
        line.close()


def test_a_writer_that_never_ends_holds_nobody_up_for_long(tmp_path: Path) -> None:
    stuck, other = Turns(tmp_path / "turn"), Turns(tmp_path / "turn")
    with stuck.turn(), other.turn(), stuck.turn():
        pass
    with other.turn():
        pass
    stuck.close()
    other.close()


def test_where_there_can_be_no_lock_file_writing_goes_on(tmp_path: Path) -> None:
    line = Turns(tmp_path / "missing" / "turn")
    for _ in range(2):
        with line.turn():
            pass
