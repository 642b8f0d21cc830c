"""`python -m benchmarks.quality.words`: how far words are from where they sound; what confidence is worth.

Writes benchmarks/results/words.md and prints it. Every text is new to the aligner. Where espeak's own events
are the known times, an espeak voice was aligned by two others of other sex and pace; an engine's events
against themselves are never shown. With the `flite` program (Debian's flite) its voices are measured too.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import spearmanr

from benchmarks.quality._pages import Headline, publish
from benchmarks.quality._words_takes import (
    FLITE_VOICES,
    SPOILED,
    Known,
    by_espeak,
    by_flite,
    espeak,
    has_flite,
    spoiled,
)
from benchmarks.quality._words_texts import TEXTS
from voicereel.domain.words import Timing, words_from_timings
from workers.audio.clip import Clip
from workers.engines.alignment.aligners import READERS, Agreement
from workers.engines.alignment.by_dictionary import ByDictionary
from workers.engines.alignment.by_reading import ByReading

# none of them reads
ESPEAK_VOICES = (("en-us+f4", 3.0, 1.2), ("en-us+m7", -3.0, 0.8))
BANDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0)
RIGHT_MS = 50
# of which a 90th percentile can be told
_FEWEST = 20

Align = Callable[[Clip, str, str], Sequence[Timing]]


@dataclass(frozen=True)
class Found:
    """One word: by what it was found, how far off, and what it said of itself."""

    source: str
    language: str
    method: str
    error_ms: float
    confidence: float


@dataclass(frozen=True)
class Methods:
    readings: ByReading
    dictionary: ByDictionary

    def of(self, language: str) -> dict[str, Align]:
        methods: dict[str, Align] = {"estimated": estimated, "readings": self.readings.align}
        if language == "en":
            both = Agreement(self.readings, self.dictionary)
            methods |= {"dictionary": self.dictionary.align, "both": both.align}
        return methods


def main() -> None:
    dictionary = ByDictionary(lambda words: espeak().pronounce(words, language="en-US"))
    methods = Methods(ByReading(espeak(), voices=READERS), dictionary)
    takes = list(_takes())
    found, costs = _measured(takes, methods)
    wrong = list(_of_other_texts(takes, methods))
    page = "\n".join(_page(found, wrong, costs, sum(take.clip.duration_ms for take in takes) / 1000))
    publish("words", page, [*headlines(found)])


def headlines(found: Sequence[Found]) -> Iterator[Headline]:
    """By voice, language and the method in use; with what estimating would have come to."""
    told = [one for one in _told(found) if one.source.startswith("flite")]
    if told:
        rho = spearmanr([one.confidence for one in told], [-abs(one.error_ms) for one in told])[0]
        yield Headline(f"Spearman of confidence and nearness, flite, {len(told)} words", f"{rho:.2f}")
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in found:
        if one.method in ("both" if one.language == "en" else "readings", "estimated"):
            groups[one.source, one.language].append(one)
    for (source, language), words in sorted(groups.items()):
        errors, guessed = (
            np.abs([one.error_ms for one in words if (one.method == "estimated") == is_guess])
            for is_guess in (False, True)
        )
        if min(len(errors), len(guessed)) < _FEWEST:
            continue
        median, p90 = np.percentile(errors, (50, 90))
        yield Headline(
            f"{source}, {language}, {len(errors)} words, error in ms: median / p90 / max",
            f"{median:.0f} / {p90:.0f} / {errors.max():.0f} (estimated {np.median(guessed):.0f} /"
            f" {np.percentile(guessed, 90):.0f} / {guessed.max():.0f})",
        )


def estimated(clip: Clip, text: str, _language: str) -> Sequence[Timing]:
    """What a word's time is with no aligner: its share of the take by characters."""
    cursor, found = 0, []
    for word in words_from_timings(text, (), clip.duration_ms):
        cursor = text.index(word.text, cursor)
        found.append(
            Timing(
                start_char=cursor,
                end_char=cursor + 1,
                start_ms=word.start_ms,
                end_ms=word.end_ms,
                confidence=0.5,
            )
        )
    return found


def _takes() -> Iterator[Known]:
    for language, texts in TEXTS.items():
        for text in texts:
            for voice, pitch_st, speed in ESPEAK_VOICES:
                yield by_espeak(text, language, voice=voice, pitch_st=pitch_st, speed=speed)
    for text in TEXTS["de"]:
        take = by_espeak(text, "de", voice="en-us+f4", pitch_st=3.0, speed=1.2)
        yield from (spoiled(take, how) for how in SPOILED)
    if has_flite():
        for text in TEXTS["en"]:
            plain = [by_flite(text, voice=voice) for voice in FLITE_VOICES]
            yield from plain
            yield from (spoiled(take, how) for take in plain[:1] for how in SPOILED)


def _measured(takes: Iterable[Known], methods: Methods) -> tuple[list[Found], dict[str, float]]:
    found: list[Found] = []
    cpu_s: dict[str, float] = defaultdict(float)
    speech_s: dict[str, float] = defaultdict(float)
    for take in takes:
        for name, align in methods.of(take.language).items():
            began = time.process_time()
            timings = align(take.clip, take.text, take.language)
            cpu_s[name] += time.process_time() - began
            speech_s[name] += take.clip.duration_ms / 1000
            found += [
                Found(
                    take.source, take.language, name, t.start_ms - take.starts_ms[t.start_char], t.confidence
                )
                for t in timings
                if t.start_char in take.starts_ms
            ]
    return found, {name: cpu_s[name] / speech_s[name] for name in cpu_s}


def _of_other_texts(takes: Sequence[Known], methods: Methods) -> Iterator[float]:
    """What words say of themselves when the take says another text."""
    for take in takes[::3]:
        texts = TEXTS[take.language]
        other = texts[(texts.index(take.text) + 1) % len(texts)]
        align = methods.of(take.language).get("both", methods.readings.align)
        yield from (timing.confidence for timing in align(take.clip, other, take.language))


# --- the page --------------------------------------------------------------------------------


def _page(found: list[Found], wrong: list[float], costs: dict[str, float], seconds: float) -> Iterator[str]:
    yield "# Words: how far from where they sound\n"
    yield f"By `python -m benchmarks.quality.words`; {seconds:.0f} s of speech. Errors of a start, in ms."
    yield from _by(found, "espeak's voices, by espeak's other voices", lambda one: one.source == "espeak")
    yield from _by(found, "espeak, German, spoiled", lambda one: one.source.startswith("espeak, "))
    yield from _by(found, "flite's voices, English", lambda one: one.source.startswith("flite"))
    yield from _confidence(_told(found))
    low, middle, high = np.percentile(wrong, (10, 50, 90))
    yield (
        f"\nAligned with another text than the take's: 10 % of words under {low:.2f}, half under"
        f" {middle:.2f}, 90 % under {high:.2f}."
    )
    yield "\n## Cost\n"
    yield "CPU seconds a second of speech: " + ", ".join(f"{n} {cost:.3f}" for n, cost in costs.items()) + "."


def _told(found: Iterable[Found]) -> list[Found]:
    """What is estimated has no confidence of its own, and English is given the mean of both."""
    return [one for one in found if one.method == ("both" if one.language == "en" else "readings")]


def _by(found: list[Found], title: str, wanted: Callable[[Found], bool]) -> Iterator[str]:
    rows: dict[tuple[str, str, str], list[Found]] = {}
    for one in filter(wanted, found):
        rows.setdefault((one.source, one.language, one.method), []).append(one)
    if not rows:
        return
    yield f"\n## {title}\n"
    yield "| take | language | method | words | median | p90 | max | within 50 ms |"
    yield "|---|---|---|---|---|---|---|---|"
    for (source, language, method), words in sorted(rows.items()):
        if len(words) < _FEWEST:
            continue
        errors = np.abs([one.error_ms for one in words])
        median, p90 = np.percentile(errors, (50, 90))
        share = (errors <= RIGHT_MS).mean()
        figures = f"{len(errors)} | {median:.0f} | {p90:.0f} | {errors.max():.0f} | {share:.0%}"
        yield f"| {source} | {language} | {method} | {figures} |"


def _confidence(told: list[Found]) -> Iterator[str]:
    yield "\n## Confidence\n"
    for name, some in (("all", told), ("flite", [one for one in told if one.source.startswith("flite")])):
        if some:
            rho = spearmanr([one.confidence for one in some], [-abs(one.error_ms) for one in some])[0]
            yield f"Spearman, confidence and nearness, {name}: {rho:.2f} ({len(some)} words).\n"
    yield "| confidence | words | said, mean | within 50 ms | median | p90 | max |"
    yield "|---|---|---|---|---|---|---|"
    for low, high in pairwise(BANDS):
        band = [one for one in told if low <= one.confidence < high]
        if band:
            errors = np.abs([one.error_ms for one in band])
            said = np.mean([one.confidence for one in band])
            yield (
                f"| {low:g}-{high:g} | {len(band)} | {said:.2f} | {(errors <= RIGHT_MS).mean():.2f}"
                f" | {np.median(errors):.0f} | {np.percentile(errors, 90):.0f} | {errors.max():.0f} |"
            )


if __name__ == "__main__":
    main()
