"""How many caption limits are broken, before and after: `python -m benchmarks.quality.captions`.

Dialogues of texts/dialogues.json, spoken by espeak at its own pace, so that words have measured times; every
third line begins before the one before it has ended. *Before* is what simple tools do: the words of
each line fill display lines greedily up to the style's columns, display lines fill cues, and a cue is
shown while its words sound. *After* is `voicereel.captions`. Both are measured by the same report,
with and without shot cuts (one every two to five seconds, at random, the same for both). Writes
benchmarks/results/captions.md.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path

from benchmarks.quality._pages import Headline, publish, table
from voicereel.captions.atoms import Atom, atoms_of, break_costs
from voicereel.captions.conformance import RULES, check
from voicereel.captions.cue import Cue
from voicereel.captions.phrases import INSIDE_PHRASE
from voicereel.captions.presets import STYLES
from voicereel.captions.segmenter import segment
from voicereel.captions.style import CaptionStyle
from voicereel.domain.reel import Placement, Reel
from voicereel.domain.words import Timing, words_from_timings
from workers.audio.timing import trim
from workers.engines.base import TakeRequest
from workers.engines.tts.espeak import Espeak

TEXTS = Path(__file__).parent / "texts" / "dialogues.json"
NAMES = ("default", "netflix", "netflix-children", "netflix-sdh", "bbc", "social")
PHRASE = "phrase parted"
PAUSE_MS, OVERLAP_MS = 300, 700
_VOICES = {"zh": "cmn"}

Row = tuple[str | int, ...]


TOO_FAST = "lines too fast"


@dataclass(frozen=True)
class Sample:
    """A dialogue as it was spoken, and where the picture cuts."""

    language: str
    reel: Reel
    cuts_ms: tuple[int, ...]


# --- dialogues, spoken ---------------------------------------------------------------------------


@cache
def samples() -> list[Sample]:
    engine = Espeak()
    engine.load()
    dialogues = json.loads(TEXTS.read_text(encoding="utf-8"))
    return [_sample(engine, dialogue, seed) for seed, dialogue in enumerate(dialogues)]


def _sample(engine: Espeak, dialogue: dict, seed: int) -> Sample:
    language, placements, cursor_ms = dialogue["language"], [], 0
    for index, (role, text, *reading) in enumerate(dialogue["lines"]):
        line = _spoken(engine, f"l{index + 1}", role, text, reading, language)
        overlap_ms = min(OVERLAP_MS, cursor_ms) if index % 3 == 2 else 0
        start_ms = max(0, cursor_ms - overlap_ms)
        placements.append(_moved(line, start_ms))
        cursor_ms = start_ms + line.end_ms + PAUSE_MS
    reel = Reel(title="", language=language, duration_ms=cursor_ms, placements=tuple(placements))
    return Sample(language, reel, tuple(_cuts(cursor_ms, random.Random(seed))))


def _spoken(
    engine: Espeak, line_id: str, role: str, text: str, reading: list[str], language: str
) -> Placement:
    """A line at 0. A reading has a word for each piece of the text between bars, and is what is spoken."""
    voice = _VOICES.get(language, language)
    said = reading[0] if reading else text
    (take,) = engine.synthesize([TakeRequest(text=said, language=language, voice=voice)])
    if take.error:
        raise take.error
    first, last = trim(take.clip)
    offset_ms, duration_ms = first * 1000 / take.clip.rate, -(-(last - first) * 1000 // take.clip.rate)
    marks = [replace(m, start_ms=m.start_ms - offset_ms, end_ms=m.end_ms - offset_ms) for m in take.marks]
    if reading:
        text, marks = text.replace("|", ""), list(_as_written(text.split("|"), said, marks))
    words = words_from_timings(text, marks, duration_ms)
    return Placement(
        line_id=line_id, role=role, speaker_id=role, speaker_name=role, language=language, text=text,
        start_ms=0, end_ms=duration_ms, words=words,
    )  # fmt: skip


def _as_written(pieces: Sequence[str], said: str, marks: Sequence[Timing]) -> Iterator[Timing]:
    """The times of a reading's words, for the pieces of the text that they are readings of."""
    heard = words_from_timings(said, marks, round(max(mark.end_ms for mark in marks)))
    char = 0
    for piece, word in zip(pieces, heard, strict=True):
        yield Timing(start_char=char, end_char=char + len(piece), start_ms=word.start_ms, end_ms=word.end_ms)
        char += len(piece)


def _moved(line: Placement, start_ms: int) -> Placement:
    words = tuple(word.shifted(start_ms) for word in line.words)
    return replace(line, start_ms=start_ms, end_ms=start_ms + line.end_ms, words=words)


def _cuts(duration_ms: int, chance: random.Random) -> Iterator[int]:
    position_ms = chance.randint(2000, 5000)
    while position_ms < duration_ms:
        yield position_ms
        position_ms += chance.randint(2000, 5000)


# --- before: words fill lines, lines fill cues -----------------------------------------------------


def naive(reel: Reel, style: CaptionStyle) -> list[Cue]:
    cues = [cue for placement in reel.placements for cue in _filled(placement, style)]
    return sorted(cues, key=lambda cue: cue.start_ms)


def _filled(placement: Placement, style: CaptionStyle) -> Iterator[Cue]:
    atoms, spoken = atoms_of(placement, style), placement.spoken
    columns = style.columns_for(placement.language)
    rows: list[list[Atom]] = []
    for atom in atoms:
        if rows and atom.end_column - rows[-1][0].start_column <= columns:
            rows[-1].append(atom)
        else:
            rows.append([atom])
    for first in range(0, len(rows), style.max_lines):
        shown = rows[first : first + style.max_lines]
        start_ms, end_ms = shown[0][0].start_ms, shown[-1][-1].end_ms
        yield Cue(
            line_id=placement.line_id, role=placement.role, speaker_name=placement.speaker_name,
            language=placement.language, text=spoken[shown[0][0].start_char : shown[-1][-1].end_char],
            lines=tuple(spoken[row[0].start_char : row[-1].end_char] for row in shown),
            start_ms=start_ms, end_ms=end_ms, words_start_ms=start_ms, words_end_ms=end_ms,
        )  # fmt: skip


# --- what is measured ------------------------------------------------------------------------------


def broken(sample: Sample, cues: Sequence[Cue], style: CaptionStyle, *, with_cuts: bool) -> Counter[str]:
    """How many cues break each limit, and how many display lines end inside a phrase."""
    found = check(cues, style, sample.cuts_ms if with_cuts else ())
    numbers = Counter(finding.rule for finding in found)
    numbers["cues"] = len(cues)
    numbers["with any"] = len({finding.cue for finding in found})
    numbers[TOO_FAST] = sum(_too_fast(sample.reel, style))
    numbers[PHRASE] = sum(_parted(sample.reel, cues, style))
    return numbers


def _too_fast(reel: Reel, style: CaptionStyle) -> Iterator[bool]:
    """For each line, whether all the time that its cues may take is too short to read it."""
    onsets = sorted(placement.start_ms for placement in reel.placements)
    for placement in reel.placements:
        after = (onset - style.gap_ms for onset in onsets if onset >= placement.end_ms)
        until_ms = min(next(after, reel.duration_ms), placement.end_ms + style.trail_ms + style.chain_ms)
        characters = style.measure(placement.spoken, placement.language)
        yield 1000 * characters / (until_ms - placement.start_ms) > style.cps_for(placement.language)


def _parted(reel: Reel, cues: Sequence[Cue], style: CaptionStyle) -> Iterator[bool]:
    """For each end of a display line that is not the end of its line: whether it parts a phrase."""
    by_line = {placement.line_id: placement for placement in reel.placements}
    ordered = sorted(cues, key=lambda cue: (cue.line_id, cue.words_start_ms))
    for line_id, group in groupby(ordered, key=lambda cue: cue.line_id):
        placement = by_line[line_id]
        atoms = atoms_of(placement, style)
        costs = break_costs(atoms, placement.spoken, placement.language)
        at = {atom.start_char: cost for atom, cost in zip(atoms, costs, strict=True)}
        char = 0
        for index, row in enumerate(row for cue in group for row in cue.lines):
            start = placement.spoken.index(row, char)
            if index:
                yield at[start] >= INSIDE_PHRASE
            char = start + len(row)


def compared(
    found: Iterable[Sample], style: CaptionStyle, *, with_cuts: bool
) -> tuple[Counter[str], Counter[str]]:
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for sample in found:
        cuts_ms = sample.cuts_ms if with_cuts else ()
        before += broken(sample, naive(sample.reel, style), style, with_cuts=with_cuts)
        after += broken(sample, segment(sample.reel, style, cuts_ms), style, with_cuts=with_cuts)
    return before, after


def rows(*, with_cuts: bool = False) -> Iterator[Row]:
    """Rule by rule, and for each style how many before and after."""
    found = samples()
    results = [compared(found, STYLES[name], with_cuts=with_cuts) for name in NAMES]
    yield ("", *(f"{name}: before | after" for name in NAMES))
    for key in ("cues", "with any", *RULES, TOO_FAST, PHRASE):
        numbers = [number for pair in results for number in (pair[0][key], pair[1][key])]
        if any(numbers):
            yield (key, *(f"{pair[0][key]} | {pair[1][key]}" for pair in results))


def by_language(name: str) -> Iterator[Row]:
    yield (
        "language",
        "dialogues",
        "cues, before | after",
        "broken, before | after",
        "phrases, before | after",
    )
    found = sorted(samples(), key=lambda sample: sample.language)
    for language, group in groupby(found, key=lambda sample: sample.language):
        members = list(group)
        before, after = compared(members, STYLES[name], with_cuts=False)
        keys = ("cues", "with any", PHRASE)
        yield (language, len(members), *(f"{before[key]} | {after[key]}" for key in keys))


def main() -> None:
    total = samples()
    spoken_ms = sum(sample.reel.duration_ms for sample in total)
    languages = {sample.language for sample in total}
    spoken = sum(len(sample.reel.placements) for sample in total)
    heard = f"{spoken} lines, {spoken_ms / 60_000:.1f} minutes"
    about = f"{len(total)} dialogues in {len(languages)} languages, {heard}."
    parts = (
        ("# Caption limits, before and after", about + _HOW),
        ("## Sound alone", table(rows())),
        (f"## With {sum(len(s.cuts_ms) for s in total)} shot cuts", table(rows(with_cuts=True))),
        ("## netflix, by language", table(by_language("netflix"))),
    )
    page = "\n\n".join(line for part in parts for line in part)
    publish("captions", page, [*headlines(len(total), len(languages))])


def headlines(dialogues: int, languages: int) -> Iterator[Headline]:
    """By rule for the style most often asked for, all rules together for the others."""
    for name in NAMES:
        before, after = compared(samples(), STYLES[name], with_cuts=False)
        what = f"{name}: cues breaking any rule, {dialogues} dialogues, {languages} languages, before → after"
        yield Headline(what, f"{before['with any']} → {after['with any']}")
        if name == "netflix":
            for rule in (rule for rule in RULES if before[rule] or after[rule]):
                yield Headline(f"{name}, {rule}", f"{before[rule]} → {after[rule]}")
            unreadable = "cues of lines spoken faster than can be read, however they are cut"
            yield Headline(f"{name}, {unreadable}", str(after[TOO_FAST]))


_HOW = """

How: benchmarks/quality/captions.py. *Before*: words fill lines, lines fill cues, and cues are shown while
they sound. *After*: VoiceReel. Figures are numbers of cues; *with any* is how many break at least one limit.
*Lines too fast* are lines whose text cannot be read at the style's pace however it is cut: the words come too
fast, and they are not changed. *Phrase parted* counts ends of display lines after an article or a
preposition, inside a name or inside a word, by the lists that the segmenter itself goes by; the limits are
measured on the finished cues alone. Spoken by espeak at its own pace (175 words a minute)."""


if __name__ == "__main__":
    main()
