"""How near delivery files come to the loudness and the peak asked for, by meters that are not ours.

`python -m benchmarks.quality.loudness` renders voices of six languages at four targets in every format,
decodes each file and reads it with FFmpeg's ebur128 (and by the ffmpeg binary, where there is one);
then the processor time of the two stages that mix and master. Writes benchmarks/results/loudness.md.
"""

import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import workers.stages
from benchmarks.quality._pages import Headline, publish
from tests.rendering import Studio, studio
from tests.workers.audio.meters import read_file
from voicereel.domain.job import Result
from workers.stages.base import StageContext

FORMATS = ("wav", "flac", "mp3", "m4a", "ogg")
TARGETS = (-14.0, -16.0, -23.0, -27.0)
CEILING = -1.0
TEXTS = {
    "stock:espeak/en-us+f2": "The harbour was quiet when the first boat came in.",
    "stock:espeak/en-gb-scotland+m3": "Could you hold this line for a moment?",
    "stock:espeak/de": "Der Hafen lag noch still, als das erste Boot hereinkam.",
    "stock:espeak/es+f3": "El puerto estaba en silencio cuando llegó el primer barco.",
    "stock:espeak/ko+m3": "첫 배가 들어왔을 때 항구는 조용했습니다.",
    "stock:espeak/fr+m1": "Le port était calme quand le premier bateau est arrivé.",
}
# the rates that a customer is most likely to ask for, in turn
RATES = (44_100, 24_000, 48_000, 16_000)
COST_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file: what was asked for, and what other meters read."""

    voice: str
    target: float
    audio_format: str
    channels: int
    lufs: float
    dbtp: float
    told_lufs: float
    told_dbtp: float
    limiting_db: float
    limited: bool
    binary: tuple[float, float] | None

    @property
    def error_lu(self) -> float:
        return self.lufs - self.target


def main() -> None:
    with tempfile.TemporaryDirectory() as home, studio(Path(home) / "home") as found:
        rows = list(measure(found, Path(home)))
        cost = cost_per_minute(found, Path(home) / "cost")
    publish("loudness", table(rows, cost), [*headlines(rows, cost)])


def headlines(rows: list[Row], cost: float) -> Iterator[Headline]:
    reached = [abs(row.error_lu) for row in rows if not row.limited]
    yield Headline(f"worst error of {len(reached)} files, LU", f"{max(reached):.3f}", "≤ 0.2")
    over = max(row.dbtp - CEILING for row in rows)
    yield Headline(f"highest true peak of {len(rows)} files against the ceiling, dB", f"{over:+.2f}", "≤ 0")
    limited = len(rows) - len(reached)
    yield Headline("files told to be out of reach under their ceiling", f"{limited} of {len(rows)}")
    yield Headline("mixing and mastering, CPU s a minute", f"{cost:.2f}")


def measure(found: Studio, folder: Path) -> Iterator[Row]:
    """Every voice at every target: a job each, with all formats."""
    for number, (voice, target) in enumerate(itertools.product(TEXTS, TARGETS)):
        channels = 1 + number % 2
        rate = RATES[number % len(RATES)]
        formats = FORMATS if rate != 44_100 else FORMATS[:-1]
        output = {
            "formats": list(formats),
            "sample_rate": rate,
            "channels": channels,
            "loudness_lufs": target,
            "true_peak_dbtp": CEILING,
        }
        lines = [{"speaker": voice, "text": TEXTS[voice], "pause_after_ms": 400} for _ in range(3)]
        where = folder / str(number)
        job = found.render({"lines": lines, "output": output}, where)
        limited = any(warning["code"] == "loudness_limited" for warning in job["warnings"])
        for told in job["outputs"]["audio"]:
            yield _row(where / f"reel.{told['format']}", told, voice, target, channels, limited)


def _row(path: Path, told: dict[str, Any], voice: str, target: float, channels: int, limited: bool) -> Row:
    heard = read_file(path)
    return Row(
        voice=voice.rpartition("/")[2],
        target=target,
        audio_format=told["format"],
        channels=channels,
        lufs=heard.lufs,
        dbtp=heard.dbtp,
        told_lufs=told["loudness_lufs"],
        told_dbtp=told["true_peak_dbtp"],
        limiting_db=told["limiting_db"],
        limited=limited,
        binary=by_binary(path),
    )


def by_binary(path: Path) -> tuple[float, float] | None:
    """The ffmpeg binary's reading, in LUFS and dBTP; None where there is no such program."""
    if not shutil.which("ffmpeg"):
        return None
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120).stderr
    summary = said[said.rindex("Summary:") :]
    lufs, dbtp = re.search(r"I:\s+(\S+) LUFS", summary), re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert lufs is not None
    assert dbtp is not None
    return float(lufs[1]), float(dbtp[1])


def cost_per_minute(found: Studio, folder: Path) -> float:
    """Processor seconds of mixing and mastering a minute of MP3, at the default loudness."""
    spent = [0.0]
    stages = dict(workers.stages.STAGES)

    def timed(name: str, ctx: StageContext) -> Result:
        began = time.process_time()
        try:
            return stages[name](ctx)
        finally:
            spent[0] += time.process_time() - began

    workers.stages.STAGES.update({n: lambda ctx, n=n: timed(n, ctx) for n in ("mix", "package")})
    try:
        found.render(_long_script(), folder)
    finally:
        workers.stages.STAGES.update(stages)
    reel = json.loads((folder / "reel.json").read_text(encoding="utf-8"))
    return spent[0] / (reel["duration_ms"] / 60_000)


def _long_script() -> dict[str, Any]:
    voices = ("stock:espeak/en-us+f2", "stock:espeak/en-us+m3")
    text = TEXTS[voices[0]]
    lines = [{"speaker": voices[n % 2], "text": f"{text} Number {n}."} for n in range(COST_SECONDS // 4)]
    return {"lines": lines, "output": {"formats": ["mp3"]}}


def table(rows: list[Row], cost: float) -> str:
    lines = [
        f"# Loudness and true peak, {time.strftime('%Y-%m-%d')}",
        "",
        f"{len(rows)} files: {len(TEXTS)} voices, targets {', '.join(f'{t:g}' for t in TARGETS)} LUFS,"
        f" a ceiling of {CEILING:g} dBTP, 1 and 2 channels, rates of 16 to 48 kHz. Each file decoded"
        " and read by FFmpeg's"
        " ebur128; the `error` is against the target, `over` against the ceiling (never above 0).",
        "",
        "| format | files | error, LU: mean | worst | within 0.2 LU | over, dB: highest"
        " | told against read: LU | dB | most limiting, dB |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_format_row(name, [row for row in rows if row.audio_format == name]) for name in FORMATS),
        "",
        "| target, LUFS | files | worst error, LU | highest over, dB | most limiting, dB"
        " | warned `loudness_limited` |",
        "|---|---|---|---|---|---|",
        *(_target_row(target, [row for row in rows if row.target == target]) for target in TARGETS),
        "",
        f"Mixing and mastering, with an MP3 file at the default loudness: {cost:.3f} s of processor time"
        " a minute.",
    ]
    binary = [row for row in rows if row.binary]
    if binary:
        worst = max(abs(row.binary[0] - row.lufs) for row in binary if row.binary)
        lines.append(f"The ffmpeg binary agrees with these readings within {worst:.2f} LU.")
    else:
        lines.append("There was no ffmpeg binary on the machine to read the files once more.")
    return "\n".join(lines) + "\n"


def _format_row(name: str, rows: list[Row]) -> str:
    reached = [row for row in rows if not row.limited]
    mean = sum(row.error_lu for row in reached) / len(reached)
    worst = max((row.error_lu for row in reached), key=abs)
    within = sum(abs(row.error_lu) <= 0.2 for row in rows)
    told_lu = max(abs(row.told_lufs - row.lufs) for row in rows)
    told_db = max(abs(row.told_dbtp - row.dbtp) for row in rows)
    over = max(row.dbtp - CEILING for row in rows)
    most = max(row.limiting_db for row in rows)
    return (
        f"| {name} | {len(rows)} | {mean:+.3f} | {worst:+.3f} | {within} | {over:+.2f} | {told_lu:.3f}"
        f" | {told_db:.2f} | {most:.1f} |"
    )


def _target_row(target: float, rows: list[Row]) -> str:
    worst = max((row.error_lu for row in rows), key=abs)
    over = max(row.dbtp - CEILING for row in rows)
    most = max(row.limiting_db for row in rows)
    limited = sum(row.limited for row in rows)
    return f"| {target:g} | {len(rows)} | {worst:+.3f} | {over:+.2f} | {most:.1f} | {limited} |"


if __name__ == "__main__":
    main()
