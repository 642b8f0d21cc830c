"""How much each test does, and what it found out, for `make faults` to put into its table."""

import json
import os
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

FORM = os.environ.get("VOICEREEL_FAULT_FORM", "short")
FULL = FORM == "full"
# Against what hangs: no row may depend on how fast the machine is.
TIMEOUT_S = 7200 if FULL else 900
REPORT = os.environ.get("VOICEREEL_FAULT_REPORT", "")


def times(short: int, full: int) -> int:
    """How often to do something in the form that runs now."""
    return full if FULL else short


@dataclass
class Figures:
    """One row of the table. ``takeovers`` in seconds, from a death until another has the work.

    It stands there as failed from the beginning until `write` says that every promise was kept.
    """

    fault: str
    jobs: int = 0
    injected: int = 0
    lost: int = 0
    double_billed: int = 0
    late_refused: int | None = None
    note: str = ""
    takeovers: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    def __post_init__(self) -> None:
        self._put(outcome="failed")

    def stop(self) -> None:
        """What comes now is not of this row."""
        self.seconds = round(time.monotonic() - self.began, 1)

    def write(self) -> None:
        self._put(outcome="kept")

    def _put(self, *, outcome: str) -> None:
        if not REPORT:
            return
        row = asdict(self) | {
            "outcome": outcome,
            "form": "full" if FULL else "short",
            "seconds": self.seconds or round(time.monotonic() - self.began, 1),
            "takeover_p50_s": _rounded(self.takeovers, statistics.median),
            "takeover_max_s": _rounded(self.takeovers, max),
        }
        del row["takeovers"], row["began"]
        folder = Path(REPORT)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{re.sub(r'[^a-z0-9]+', '-', self.fault.lower())}.json").write_text(json.dumps(row))


def _rounded(values: Sequence[float], of: object) -> float | None:
    return round(of(values), 2) if values and callable(of) else None
