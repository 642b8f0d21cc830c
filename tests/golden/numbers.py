"""Golden reels as numbers: what is heard, not which bytes say it.

`python -m tests.golden.numbers` renders the golden script and writes golden.json anew; look at the
difference before you commit it.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.reels import reel_of, samples_of
from tests.rendering import studio

FOLDER = Path(__file__).parent
SLOT = {"start_ms": 7000, "end_ms": 9000}
SCRIPT: dict[str, Any] = {
    "title": "Golden",
    "cast": {
        "ANA": "stock:espeak/en-us+f2",
        "BEN": {"speaker": "stock:espeak/en-gb-scotland+m3", "speed": 1.1, "pitch_st": -2},
        "EVA": "stock:espeak/de",
    },
    "lines": [
        {"id": "first", "speaker": "ANA", "text": "The train to Oban leaves at 10:45, from platform 3."},
        {"id": "over", "speaker": "BEN", "text": "Platform three?", "overlap_ms": 300, "pause_after_ms": 0},
        {
            "id": "slotted",
            "speaker": "EVA",
            "text": "Bitte einsteigen!",
            "slot": {"start_ms": 7000, "end_ms": 9000},
        },
        {"id": "quiet", "speaker": "ANA", "text": "…", "gain_db": -6},
        {"id": "last", "speaker": "ANA", "text": "Mind the gap.", "gain_db": -6, "speed": 0.8},
    ],
    "output": {"formats": ["wav"], "sample_rate": 24000, "loudness_lufs": -23},
}
# Centres of octave bands that speech at 24 kHz fills, in Hz.
BANDS = (125, 250, 500, 1000, 2000, 4000, 8000)


def measure(folder: Path) -> dict[str, Any]:
    """Render the golden script and put it into numbers."""
    with studio(folder / "home") as found:
        job = found.render(SCRIPT, folder / "reel")
    reel = reel_of(folder / "reel")
    samples, rate = samples_of(folder / "reel" / "reel.wav")
    (audio,) = job["outputs"]["audio"]
    return {
        "duration_ms": reel["duration_ms"],
        "samples": len(samples),
        "loudness_lufs": audio["loudness_lufs"],
        "true_peak_dbtp": audio["true_peak_dbtp"],
        "warnings": [warning["code"] for warning in job["warnings"]],
        "lines": {line["id"]: [line["start_ms"], line["end_ms"]] for line in reel["lines"]},
        "words": [[w["text"], w["start_ms"], w["end_ms"]] for line in reel["lines"] for w in line["words"]],
        "cues": [[cue["start_ms"], cue["end_ms"], "\n".join(cue["lines"])] for cue in reel["cues"]],
        "octaves_db": octaves_db(samples, rate),
    }


def octaves_db(samples: Any, rate: int) -> list[float]:
    """The level of each octave band over the whole reel, in dB re full scale."""
    power = np.abs(np.fft.rfft(samples)) ** 2 / len(samples) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    bands = [power[(hz >= centre / 2**0.5) & (hz < centre * 2**0.5)].sum() for centre in BANDS]
    return [round(float(10 * np.log10(band + 1e-12)), 2) for band in bands]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        numbers = measure(Path(folder))
    (FOLDER / "golden.json").write_text(json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
