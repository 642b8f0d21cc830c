"""`python -m benchmarks.quality.verify`: how many damaged lines are found, and how many good ones are blamed.

Writes benchmarks/results/verify.md and prints it. Good takes of espeak's voices, and of flite's where that
program is (Debian's flite), are damaged in the ways that synthesis goes wrong.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.quality.words_takes import FLITE_VOICES, Known, by_espeak, by_flite, espeak, has_flite
from benchmarks.quality.words_texts import TEXTS
from voicereel.domain.checks import SpokenCheck, compare
from voicereel.domain.pace import typical_ms
from voicereel.domain.script import Qa
from voicereel.domain.speakers import match_language
from workers.audio.audibility import faults
from workers.audio.clip import Clip, Samples
from workers.engines.alignment.aligners import READERS
from workers.engines.alignment.by_reading import ByReading
from workers.engines.base import Hearing, Recognizer, TakeRequest
from workers.engines.recognition.by_likeness import ByLikeness
from workers.engines.recognition.by_network import ByNetwork

HERE = Path(__file__).parent
RESULT = HERE.parent / "results" / "verify.md"
EXAMPLES = HERE.parents[1] / "examples"
# none of them reads; ``own``: of each language's own
ESPEAK_VOICES = (
    ("en-us+f4", 3.0, 1.2),
    ("en-us+m7", -3.0, 0.8),
    ("en-gb-scotland+m3", 0.0, 1.0),
    ("own", 0.0, 1.05),
)
# of the checks of sound, which cost nothing: every text so
WAYS = (("en-us", 1.0), ("en-us+f4", 1.3), ("en-us+m7", 0.7), ("en-us+f2", 2.0))
# speed and pitch, for voices that echo, whisper or are robots
ODD_WAYS = ((0.5, 12.0), (0.8, -12.0), (1.0, 0.0), (1.5, 6.0), (2.0, -6.0), (1.2, 3.0))
SHORT = ("OK.", "Hm?", "No!", "Ah", "Oh", "7", "Psst!", "Hmm...", "1,234", "A.B.C.", "Stop it!", "I.")
# Every third take is damaged in all ways; all are judged as they are.
DAMAGED_EACH = 3
_EDGE_MS = 30
_SHORTEST_WORD_MS = 120


@dataclass(frozen=True)
class Spot:
    """The word ``[a, b)`` of a take."""

    sound: Samples
    a: int
    b: int
    rate: int

    def instead(self, word: Samples) -> Samples:
        return np.concatenate([self.sound[: self.a], word.astype(np.float32), self.sound[self.b :]])

    @property
    def word(self) -> Samples:
        return self.sound[self.a : self.b]


def _noise(spot: Spot) -> Samples:
    noise = np.random.default_rng(1).standard_normal(spot.b - spot.a)
    return spot.instead(noise * np.sqrt(np.square(spot.word).mean()))


Damage = Callable[[Spot], Samples]

DAMAGES: Mapping[str, Damage] = {
    "as it is": lambda spot: spot.sound,
    "a word left out": lambda spot: spot.instead(spot.word[:0]),
    "a word said twice": lambda spot: spot.instead(np.tile(spot.word, 2)),
    "a word muted": lambda spot: spot.instead(spot.word * 0),
    "a word turned into noise": _noise,
    "2 s of silence put in": lambda spot: spot.instead(np.pad(spot.word, (2 * spot.rate, 0))),
    "all at -60 dB": lambda spot: spot.sound * np.float32(0.001),
    "half a second of silence instead": lambda spot: np.zeros(spot.rate // 2, np.float32),
}
# Of the last word. These end where they were cut, with no silence after.
CUT: Mapping[str, Damage] = {
    "the last word cut off": lambda spot: spot.sound[: spot.a],
    "cut off in the last word": lambda spot: spot.sound[: (spot.a + spot.b) // 2],
}


@dataclass
class Tally:
    """Of one damage to takes of one kind."""

    takes: int = 0
    judged: int = 0
    by_sound: int = 0
    by_text: int = 0
    by_either: int = 0

    def add(self, sounds_bad: bool, text: bool | None) -> None:
        self.takes += 1
        self.judged += text is not None
        self.by_sound += sounds_bad
        self.by_text += bool(text)
        self.by_either += sounds_bad or bool(text)


@dataclass
class Study:
    recognizer: Recognizer
    tallies: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    heard_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, texts: str, take: Known, damage: str, clip: Clip) -> None:
        """``clip`` is as an engine that knows no word times would have made it."""
        began = time.process_time()
        silent = not (np.abs(clip.samples) > 0.001).any()
        wrong = silent or bool(faults(clip, expected_ms=typical_ms(take.text, take.language)))
        self._note("sound", began, clip)
        name, text = (None, None) if silent else self._heard(take, clip)
        family, language = take.source.partition(" ")[0], take.language.partition("-")[0]
        self.tallies[f"{texts}: {family}, {language}", damage].add(wrong, text)
        if name and damage == "as it is":
            self.tallies[f"{texts}: {take.source}, by {name}", damage].add(wrong, text)

    def _heard(self, take: Known, clip: Clip) -> tuple[str | None, bool | None]:
        began = time.process_time()
        hearing = self.recognizer.hear(clip, take.text, take.language)
        self._note("recogniser", began, clip)
        return (hearing.recognizer, _is_bad(hearing)) if hearing else (None, None)

    def _note(self, who: str, began: float, clip: Clip) -> None:
        self.cpu_s[who] += time.process_time() - began
        self.heard_s[who] += len(clip.samples) / clip.rate


def _is_bad(hearing: Hearing) -> bool:
    found = compare(hearing.expected, hearing.heard)
    return not SpokenCheck(recognizer="", wer=found.wer, limit=hearing.limit).is_good(Qa())


def main() -> None:
    readings = ByReading(espeak(), voices=READERS)
    network = ByNetwork(lambda words: espeak().pronounce(words, language="en-US"))
    study = Study(ByLikeness(readings, network))
    rng = np.random.default_rng(7)
    for number, take in enumerate(_takes(_texts())):
        for damage, clip in _damaged(take, rng, whole=number % DAMAGED_EACH > 0):
            study.add("known", take, damage, clip)
    for number, take in enumerate(_takes(_new_texts())):
        for damage, clip in _damaged(take, rng, whole=number % DAMAGED_EACH > 0):
            study.add("new", take, damage, clip)
    page = "\n".join(_page(study, _blamed()))
    RESULT.write_text(page + "\n", encoding="utf-8")
    sys.stdout.write(page + "\n")


def _texts() -> Iterator[tuple[str, str]]:
    for name in ("dialogues", "readings"):
        for text in json.loads((HERE / "texts" / f"{name}.json").read_text(encoding="utf-8")):
            for line in text["lines"]:
                yield text["language"], line if isinstance(line, str) else line[1]
    yield from ((language, text) for language, texts in TEXTS.items() for text in texts)


def _new_texts() -> Iterator[tuple[str, str]]:
    """Those that pocketsphinx's limits were not set on."""
    for name in ("briefing", "earnest", "languages"):
        script = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        default = script.get("language", "en")
        yield from ((line.get("language", default), line["text"]) for line in script["lines"])


def _own_voice(language: str) -> str:
    """The last of espeak's voices for a language: an accent that no reader has, where there are several."""
    voices = [voice.name for voice in espeak().info.voices if match_language(language, voice.languages)]
    return voices[-1] if voices else "en-us+f2"


def _takes(texts: Iterable[tuple[str, str]]) -> Iterator[Known]:
    """Of each text one by espeak, and one by flite of each in English."""
    for number, (language, text) in enumerate(texts):
        voice, pitch_st, speed = ESPEAK_VOICES[number % len(ESPEAK_VOICES)]
        voice = _own_voice(language) if voice == "own" else voice
        yield by_espeak(text, language, voice=voice, pitch_st=pitch_st, speed=speed)
        if language.startswith("en") and has_flite():
            yield by_flite(text, voice=FLITE_VOICES[number % len(FLITE_VOICES)])


def _damaged(take: Known, rng: np.random.Generator, *, whole: bool) -> Iterator[tuple[str, Clip]]:
    """The take as it is, and, unless it is to stay ``whole`` or has few words, damaged in every way."""
    rate, sound = take.clip.rate, take.clip.samples
    words = sorted(take.starts_ms.values())
    edge = np.zeros(rate * _EDGE_MS // 1000, np.float32)
    inner = [n for n in range(1, len(words) - 2) if words[n + 1] - words[n] >= _SHORTEST_WORD_MS]
    if whole or not inner:
        yield "as it is", Clip(np.concatenate([sound, edge]), rate)
        return
    at = int(rng.choice(inner))
    a, b = (round(words[n] * rate / 1000) for n in (at, at + 1))
    for name, damage in DAMAGES.items():
        yield name, Clip(np.concatenate([damage(Spot(sound, a, b, rate)), edge]), rate)
    last = round(words[-1] * rate / 1000)
    for name, damage in CUT.items():
        yield name, Clip(damage(Spot(sound, last, len(sound), rate)), rate)


@dataclass
class Blame:
    """Of good takes as espeak makes them: how many were blamed for their sound, and for their end's level."""

    takes: int = 0
    wrong: int = 0
    wrong_by_level: int = 0

    def add(self, request: TakeRequest) -> None:
        (take,) = espeak().synthesize([request])
        if take.error:
            return
        expected_ms = typical_ms(request.text, request.language) / request.speed
        last_ms = max((mark.end_ms for mark in take.marks), default=None)
        self.takes += 1
        self.wrong += bool(faults(take.clip, expected_ms=expected_ms, last_word_ms=last_ms))
        self.wrong_by_level += bool(faults(take.clip, expected_ms=expected_ms))


def _blamed() -> Mapping[str, Blame]:
    plain, odd = Blame(), Blame()
    for language, text in [*_texts(), *_new_texts(), *(("en", text) for text in SHORT)]:
        for voice, speed in WAYS:
            plain.add(TakeRequest(text=text, language=language, voice=voice, speed=speed))
    variants = espeak().info.variants
    for number, (language, text) in enumerate(_new_texts()):
        for step, (speed, pitch_st) in enumerate(ODD_WAYS):
            voice = f"en-us+{variants[(number * len(ODD_WAYS) + step) % len(variants)]}"
            odd.add(TakeRequest(text=text, language=language, voice=voice, speed=speed, pitch_st=pitch_st))
    return {f"{len(WAYS)} plain voices and speeds": plain, f"{len(variants)} variants, pitch shifted": odd}


# --- the page --------------------------------------------------------------------------------


def _page(study: Study, blamed: Mapping[str, Blame]) -> Iterator[str]:
    yield "# The spoken-text check: damaged lines found, good lines blamed\n"
    yield "By `python -m benchmarks.quality.verify`. Words that are damaged last 120 ms or more. By sound:"
    yield "what needs no recogniser, the end judged by its level. By text: of takes that a recogniser judged."
    yield "Limits are the defaults. pocketsphinx's were set on flite's takes of the known texts; others on"
    yield "espeak's takes of all texts: in other voices for the readings, in plain ones for what is by sound."
    kinds = sorted({kind for kind, _ in study.tallies})
    for texts in ("new", "known"):
        yield f"\n## {texts.capitalize()} texts\n"
        yield from _table(study, [kind for kind in kinds if kind.startswith(texts) and ", by " not in kind])
    yield "\n## Good takes by who judged them\n"
    yield from _table(study, [kind for kind in kinds if ", by " in kind])
    yield "\n## Good takes of espeak's whose sound is blamed\n"
    yield "| takes | number | blamed | blamed were their ends judged by level, as without word times |"
    yield "|---|---|---|---|"
    for name, blame in blamed.items():
        yield f"| {name} | {blame.takes} | {blame.wrong} | {blame.wrong_by_level} |"
    yield "\n## Cost\n"
    costs = (f"{who} {study.cpu_s[who] / study.heard_s[who]:.4f}" for who in sorted(study.cpu_s))
    yield f"CPU seconds a second of audio: {', '.join(costs)}."


def _table(study: Study, kinds: Sequence[str]) -> Iterator[str]:
    yield "| takes | damage | takes | by sound | judged by text | by text | by either |"
    yield "|---|---|---|---|---|---|---|"
    for kind in kinds:
        for damage in (*DAMAGES, *CUT):
            if (kind, damage) in study.tallies:
                one = study.tallies[kind, damage]
                text = f"{one.by_text / one.judged:.0%}" if one.judged else "-"
                shares = (one.by_sound / one.takes, one.judged / one.takes, one.by_either / one.takes)
                sound, judged, either = (f"{share:.0%}" for share in shares)
                yield f"| {kind} | {damage} | {one.takes} | {sound} | {judged} | {text} | {either} |"


if __name__ == "__main__":
    main()
