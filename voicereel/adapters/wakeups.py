"""Wake-ups for workers. With no broker the workers poll, and nobody needs waking."""

from collections.abc import Sequence


class NoWakeups:
    """`StageQueue` of the embedded service: losing every hint costs one poll interval."""

    def wake(self, pools: Sequence[str]) -> None:
        """Do nothing: pollers look for themselves."""
