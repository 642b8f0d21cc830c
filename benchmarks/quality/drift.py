"""Whether lines sound where the reel says, to the end: `python -m benchmarks.quality.drift`.

The briefing of examples/, 60 lines and five minutes, in every format. Each file is decoded, and where sound
begins after a pause is compared with what reel.json says. Writes benchmarks/results/drift.md.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality._pages import Headline, publish, table
from tests.reels import reel_of, samples_of
from tests.rendering import studio
from workers.audio.clip import Samples

SCRIPT = Path(__file__).parents[2] / "examples" / "briefing.json"
FORMATS = ("wav", "flac", "mp3", "m4a", "ogg")
# -50 dBFS; what is published is 40 ms
_LOUD, _LOOK_MS, _PAUSE_MS = 0.003, 60, 150


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file. ``errors_ms`` are of the lines after a pause, in order: sound less what the reel says."""

    audio_format: str
    minutes: float
    length_error_ms: float
    lines: int
    errors_ms: tuple[float, ...]

    @property
    def drift_ms(self) -> float:
        """What the last ten lines are later than the first ten."""
        return float(np.mean(self.errors_ms[-10:]) - np.mean(self.errors_ms[:10]))

    def cells(self) -> tuple[object, ...]:
        errors = np.abs(self.errors_ms)
        return (
            self.audio_format,
            self.lines,
            f"{self.minutes:.1f}",
            f"{self.length_error_ms:.2f}",
            len(errors),
            f"{np.median(errors):.1f}",
            f"{errors.max():.1f}",
            f"{self.drift_ms:+.2f}",
        )


def measure(folder: Path) -> Iterator[Row]:
    script = json.loads(SCRIPT.read_text(encoding="utf-8"))
    with studio(folder / "home") as made:
        made.render({**script, "output": {"formats": list(FORMATS)}}, folder)
    reel = reel_of(folder)
    for name in FORMATS:
        samples, rate = samples_of(folder / f"reel.{name}")
        pairs = zip(reel["lines"], reel["lines"][1:], strict=False)
        errors = (
            onset_error_ms(samples, rate, line["start_ms"])
            for before, line in pairs
            if line["start_ms"] - before["end_ms"] >= _PAUSE_MS
        )
        yield Row(
            audio_format=name,
            minutes=reel["duration_ms"] / 60_000,
            length_error_ms=len(samples) * 1000 / rate - reel["duration_ms"],
            lines=len(reel["lines"]),
            errors_ms=tuple(error for error in errors if error is not None),
        )


def onset_error_ms(samples: Samples, rate: int, start_ms: int) -> float | None:
    """Where sound rises, from a little before a line is said to begin; a lossy coder's tail ends sooner."""
    first, last = (round(at * rate / 1000) for at in (start_ms - _LOOK_MS, start_ms + 500))
    loud = np.flatnonzero(np.abs(samples[first:last]) > _LOUD)
    return (first + loud[0]) * 1000 / rate - start_ms if len(loud) else None


ABOUT = """# Drift

How: benchmarks/quality/drift.py, espeak's voices. *Onset error* is where sound rises above -50 dBFS after a
pause, less the line's start in `reel.json`; takes are trimmed to a few milliseconds before their sound, so it
is above 0. *Drift* is what the last ten lines are later than the first ten.
"""
HEAD = (
    "format", "lines", "minutes", "length of the file less the reel's, ms", "onsets compared",
    "onset error, ms: median", "worst", "drift, ms",
)  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(Path(folder)))
    worst = max(abs(error) for row in rows for error in row.errors_ms)
    drift = max((row.drift_ms for row in rows), key=abs)
    publish(
        "drift",
        ABOUT + "\n" + table([HEAD, *(row.cells() for row in rows)]),
        [
            Headline(f"{rows[0].lines} lines, {len(rows)} formats: worst onset, ms", f"{worst:.1f}", "≤ 40"),
            Headline("what the last ten lines are later than the first ten, ms", f"{drift:+.2f}", "0"),
        ],
    )


if __name__ == "__main__":
    main()
