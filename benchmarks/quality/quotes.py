"""How near quotes come to what is billed: `python -m benchmarks.quality.quotes`.

The readings of texts/readings.json, each by two voices in turn, one of them at another speed. *Cold*: a
service that has rendered nothing. *Warm*: a service where the same voices have spoken the dialogues of
texts/dialogues.json and every other reading, but not the one that is quoted: once the even ones, once the odd
ones. Every quoted script is then rendered with its quote and billed. Writes benchmarks/results/quotes.md.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.quality._pages import Headline, publish, table
from tests.rendering import Studio, studio
from voicereel.api.bodies import read_script

TEXTS = Path(__file__).parent / "texts"
VOICES = {
    "de": ("de", "de+f3"),
    "en": ("en-us+f2", "en-gb-scotland+m3"),
    "es": ("es+m1", "es-419+f3"),
    "fr": ("fr+m1", "fr-be+f4"),
    "it": ("it+m4", "it+f1"),
    "pt": ("pt-br+f2", "pt+m2"),
    "zh": ("cmn+f3", "cmn+m1"),
}
SPEEDS = (1.0, 0.9, 1.0, 1.15)

Script = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A script as it was quoted and as it was billed, in milliseconds."""

    language: str
    name: str
    known_lines: int
    expected_ms: int
    quoted_ms: int
    made_ms: int
    billed_ms: int
    within: bool

    @property
    def missed(self) -> float:
        """How far the expected length is off, in percent of what was made."""
        return 100 * (self.expected_ms - self.made_ms) / self.made_ms

    @property
    def above(self) -> float:
        """How far the quote is above the bill, in percent of the bill: never below 0."""
        return 100 * (self.quoted_ms - self.billed_ms) / self.billed_ms


# --- scripts -----------------------------------------------------------------------------------------


def readings() -> list[tuple[str, str, Script]]:
    """Language, name and script of each."""
    found = json.loads((TEXTS / "readings.json").read_text(encoding="utf-8"))
    return [
        (each["language"], each["name"], script_of(each["language"], each["lines"], SPEEDS[at % len(SPEEDS)]))
        for at, each in enumerate(found)
    ]


def dialogues() -> list[Script]:
    found = json.loads((TEXTS / "dialogues.json").read_text(encoding="utf-8"))
    return [
        script_of(each["language"], [line[1] for line in each["lines"]])
        for each in found
        if each["language"] in VOICES
    ]


def script_of(language: str, texts: Sequence[str], speed: float = 1.0, *, swapped: bool = False) -> Script:
    one, other = (f"stock:espeak/{name}" for name in VOICES[language])
    roles = {"A": one, "B": {"speaker": other, "speed": speed}}
    order = "BA" if swapped else "AB"
    lines = [{"speaker": order[at % 2], "text": text} for at, text in enumerate(texts)]
    return {"language": language, "cast": roles, "lines": lines, "output": {"formats": ["wav"]}}


def swapped(script: Script) -> Script:
    """The same, each line by the other voice."""
    lines = [{**line, "speaker": "BA"["AB".index(line["speaker"])]} for line in script["lines"]]
    return {**script, "lines": lines}


# --- what is measured --------------------------------------------------------------------------------


def quoted(found: Studio, scripts: Iterable[tuple[str, str, Script]]) -> Iterator[Row]:
    """All are quoted before any is rendered."""
    waiting = [(language, name, script, estimate(found, script)) for language, name, script in scripts]
    for language, name, script, quote in waiting:
        job = rendered(found, {**script, "quote_id": quote["quote_id"]})
        made_ms = job["outputs"]["audio"][0]["duration_ms"]
        expected = quote["expected"]["duration"]
        yield Row(
            language=language,
            name=name,
            known_lines=min(each["known_lines"] for each in quote["speech"]),
            expected_ms=expected["ms"],
            quoted_ms=quote["at_most"]["billable_ms"],
            made_ms=made_ms,
            billed_ms=job["billable_ms"],
            within=expected["low_ms"] <= made_ms <= expected["high_ms"],
        )


def estimate(found: Studio, script: Script) -> dict[str, Any]:
    parsed = read_script(json.dumps(script).encode())
    return dict(found.services.estimates.estimate(found.principal, parsed, once=None).body)


def rendered(found: Studio, script: Script) -> dict[str, Any]:
    job_id = found.submit(script)
    found.work()
    return found.job(job_id)


def learn(found: Studio, scripts: Iterable[Script]) -> None:
    for script in scripts:
        rendered(found, script)
        rendered(found, swapped(script))
    found.services.upkeep.sweep()


@contextmanager
def service() -> Iterator[Studio]:
    with tempfile.TemporaryDirectory() as home, studio(Path(home) / "home", engines="espeak") as found:
        yield found


def cold() -> list[Row]:
    with service() as found:
        return list(quoted(found, readings()))


def warm() -> list[Row]:
    every, rows = readings(), []
    for part in (0, 1):
        with service() as found:
            learn(found, [*dialogues(), *(script for _, _, script in every[1 - part :: 2])])
            rows += quoted(found, every[part::2])
    return sorted(rows, key=lambda row: (row.language, row.name))


# --- what is told ------------------------------------------------------------------------------------


def summary(rows: Sequence[Row]) -> tuple[str, ...]:
    above = sorted(row.above for row in rows)
    missed = sorted(abs(row.missed) for row in rows)
    made, billed = (sum(getattr(row, f"{what}_ms") for row in rows) for what in ("made", "billed"))
    return (
        str(len(rows)),
        *(f"{value:.1f} %" for value in (median(above), p95(above), above[-1])),
        *(f"{value:.1f} %" for value in (median(missed), p95(missed), missed[-1])),
        f"{sum(row.within for row in rows)}",
        f"{sum(row.billed_ms < row.made_ms for row in rows)}",
        f"{100 * (made - billed) / made:.2f} %",
    )


def p95(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def headlines(when: str, rows: Sequence[Row]) -> Iterator[Headline]:
    missed = sorted(abs(row.missed) for row in rows)
    what = f"{when}: expected against made, {len(rows)} scripts"
    # of voices that nobody has heard, nothing was asked
    goals = ("≤ 3 %", "≤ 8 %") if when == "warm" else ("", "")
    yield Headline(f"{what}, median", f"{median(missed):.1f} %", goals[0])
    yield Headline(f"{what}, p95", f"{p95(missed):.1f} %", goals[1])
    most = max(row.above for row in rows)
    yield Headline(f"{when}: most that a quote is above its bill", f"{most:.1f} %", "≤ 10 %")


HEAD = (
    "", "scripts", "quote above bill: median", "p95", "max", "expected against made: median", "p95", "max",
    "within the interval", "limited by the quote", "made and not billed",
)  # fmt: skip


def by_script(rows: Iterable[Row]) -> Iterator[Sequence[str]]:
    yield ("script", "lines known", "expected, s", "quoted, s", "made, s", "billed, s", "quote above bill")
    for row in rows:
        seconds = (row.expected_ms, row.quoted_ms, row.made_ms, row.billed_ms)
        known = str(row.known_lines)
        yield (
            f"{row.language}: {row.name}",
            known,
            *(f"{ms / 1000:.2f}" for ms in seconds),
            f"{row.above:.1f} %",
        )


def main() -> None:
    colder, warmer = cold(), warm()
    known = sorted(row.known_lines for row in warmer)
    about = _HOW.format(low=known[0], middle=known[len(known) // 2], high=known[-1])
    text = "\n\n".join(
        (
            "# Quotes against bills",
            about,
            table([HEAD, ("cold", *summary(colder)), ("warm", *summary(warmer))]),
            "## Warm, script by script",
            table(by_script(warmer)),
        )
    )
    publish("quotes", text, [*headlines("cold", colder), *headlines("warm", warmer)])


_HOW = """How: benchmarks/quality/quotes.py, with espeak. Scripts in seven languages, each by two voices
in turn. *Cold*: nothing has been rendered. *Warm*: the voices have spoken other texts, {low} to
{high} lines each ({middle} in the middle); the script that is quoted is new to them. The quote is the
most that is billed; what is made beyond it is not billed. The bill can be below the quote, never above.
*Within the interval* counts the scripts whose length lies between the bounds of `expected`, which nine
of ten should."""


if __name__ == "__main__":
    main()
