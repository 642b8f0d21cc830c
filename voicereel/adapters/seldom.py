"""Answers that hold for a while, of what is outside of this process."""

import threading
import time
from collections.abc import Callable

# How long an answer holds.
_ASK_AGAIN_S = 5.0


class AskedSeldom:
    """A question for those who ask often: it is put every few seconds at most, by one thread at a time."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._answer = False

    def __call__(self) -> bool:
        with self._lock:
            if time.monotonic() - self._asked_at > _ASK_AGAIN_S:
                self._answer = self._ask()
                self._asked_at = time.monotonic()
            return self._answer
