"""Callers that come while a commit is under way share the next one, and none suffers for another."""

import threading
from collections.abc import Sequence

from voicereel.adapters.database.group_commit import GroupCommit
from voicereel.domain.errors import Unavailable


class Written:
    """Stores numbers; the first commit waits until it is let go."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        if not self.groups:
            self.groups.append([])
            self.began.set()
            assert self.go_on.wait(30)
        if 13 in items:
            raise ValueError("nobody stores a 13")
        if 99 in items:
            raise Unavailable("The database is gone.")
        self.groups.append(list(items))
        return [item * 10 for item in items]


def outcomes(
    items: Sequence[int], *, keys: Sequence[object] = (), weight: int = 0
) -> tuple[Written, list[object]]:
    """What comes of ``items`` that all arrive while another commit (of 0) is under way."""
    written = Written()
    commits: GroupCommit[int, int] = GroupCommit(written)
    found: list[object] = [None] * len(items)

    def submit(index: int) -> None:
        try:
            found[index] = commits.submit(items[index], key=keys[index] if keys else None, weight=weight)
        except (ValueError, Unavailable) as error:
            found[index] = type(error)

    first = threading.Thread(target=commits.submit, args=(0,))
    first.start()
    assert written.began.wait(30)
    threads = []
    for index in range(len(items)):
        threads.append(threading.Thread(target=submit, args=(index,)))
        threads[-1].start()
        while len(commits._waiting) <= index:  # in the order of `items`
            pass
    written.go_on.set()
    for thread in (first, *threads):
        thread.join(30)
    written.groups.remove([])
    return written, found


def test_those_who_wait_share_one_commit() -> None:
    written, found = outcomes([1, 2, 3])
    assert (written.groups, found) == ([[0], [1, 2, 3]], [10, 20, 30])


def test_two_of_one_key_do_not() -> None:
    written, found = outcomes([1, 2, 3], keys=["a", "a", "b"])
    assert (written.groups, found) == ([[0], [1, 3], [2]], [10, 20, 30])


def test_large_ones_share_with_few() -> None:
    written, found = outcomes([1, 2, 3], weight=400_000)
    assert (written.groups, found) == ([[0], [1, 2], [3]], [10, 20, 30])


def test_one_that_cannot_be_stored_harms_no_other() -> None:
    written, found = outcomes([1, 13, 3])
    assert (written.groups, found) == ([[0], [1], [3]], [10, ValueError, 30])


def test_where_nobody_knows_whether_it_is_stored_nothing_is_tried_twice() -> None:
    written, found = outcomes([1, 99, 3])
    assert (written.groups, found) == ([[0]], [Unavailable] * 3)
