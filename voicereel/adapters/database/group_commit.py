"""Callers that come while a commit is under way share the next one.

One caller writes for all that wait, and then has the first of those that came meanwhile write. A single
caller waits for nobody; of many, each pays a share of one statement, one round trip and one flush.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from voicereel.domain.errors import Unavailable

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_MOST = 64
_MOST_BYTES = 1_000_000
_PATIENCE_S = 45.0  # more than any statement of ours may take


@dataclass(eq=False, slots=True)
class _Entry(Generic[Item, Outcome]):
    """One caller's item. Woken when it is written, or when it is its caller's turn to write."""

    item: Item
    key: object
    weight: int
    woken: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    outcome: Outcome | None = None
    error: BaseException | None = None


class GroupCommit(Generic[Item, Outcome]):
    """``write`` stores some items in one commit and returns an outcome for each.

    It raises `Unavailable` where it cannot be told whether they are stored; after any other error none is,
    and each is written alone, so that one that cannot be stored harms no other.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Outcome]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Entry[Item, Outcome]] = []
        self._writing = False

    def submit(self, item: Item, *, key: object = None, weight: int = 0) -> Outcome:
        """Store an item and say what came of it. Items of one ``key`` never share a commit.

        ``weight`` is the item's size in bytes: large ones share with few.
        """
        entry = _Entry[Item, Outcome](item, key, weight)
        if not self._is_first(entry):
            self._wait(entry)
        if not entry.done:
            self._lead()
        if entry.error is not None:
            raise entry.error
        return entry.outcome  # type: ignore[return-value]  # done without an error

    def _is_first(self, entry: _Entry[Item, Outcome]) -> bool:
        with self._lock:
            self._waiting.append(entry)
            first, self._writing = not self._writing, True
            return first

    def _wait(self, entry: _Entry[Item, Outcome]) -> None:
        if entry.woken.wait(_PATIENCE_S):
            return
        with self._lock:
            if entry.woken.is_set():
                return
            if entry in self._waiting:
                self._waiting.remove(entry)
        raise Unavailable("The database is busy; try again.", code="database_busy")

    def _lead(self) -> None:
        """Write what waits, the caller's own first, and hand over to whoever came meanwhile."""
        with self._lock:
            group = self._take()
        try:
            self._settle(group)
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting[0].woken.set()
                else:
                    self._writing = False
            for entry in group:
                entry.done = True
                entry.woken.set()

    def _take(self) -> list[_Entry[Item, Outcome]]:
        """Those that may share a commit, in the order they came; at least the first."""
        group: list[_Entry[Item, Outcome]] = []
        left: list[_Entry[Item, Outcome]] = []
        keys: set[object] = set()
        weight = 0
        for entry in self._waiting:
            fits = len(group) < _MOST and weight + entry.weight <= _MOST_BYTES
            if group and (not fits or entry.key in keys):
                left.append(entry)
                continue
            group.append(entry)
            weight += entry.weight
            if entry.key is not None:
                keys.add(entry.key)
        self._waiting = left
        return group

    def _settle(self, group: Sequence[_Entry[Item, Outcome]]) -> None:
        try:
            outcomes = self._write([entry.item for entry in group])
        except Exception as error:  # noqa: BLE001 - it is raised again, by each of the callers
            if len(group) == 1 or isinstance(error, Unavailable):
                for entry in group:
                    entry.error = error
                return
            for entry in group:
                self._settle([entry])
            return
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome
