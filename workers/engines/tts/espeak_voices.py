"""espeak's voices and variants as facts, and the folder of data it speaks from.

As shipped, five calls give five different waveforms: a voice's *flutter* runs on from call to
call, and so does the count of pitch cycles by which *roughness* and trills are modulated. Every
variant used here therefore says ``flutter 0`` and ``roughness 8``: one past the library's table of
modulations, and so none (0 still modulates the trills of German and Russian). Klatt variants are
left out: they still differ, rarely.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from voicereel.domain.speakers import StockVoice

STEADY = "steady"

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LANGUAGE = re.compile(r"^language\s+(\S+)(?:\s+(\d+))?", re.MULTILINE)
_DICTIONARY = re.compile(r"^dictionary\s+(\S+)", re.MULTILINE)
_LABEL = re.compile(r"^name\s+(.+?)\s*$", re.MULTILINE)
_PITCH = re.compile(r"^pitch\s+(\d+)\s+(\d+)", re.MULTILINE)
_GENDER = re.compile(r"^gender\s+female", re.MULTILINE)
_DROPPED = re.compile(r"^\s*(flutter|roughness|pitch)\b.*$", re.MULTILINE)
_KLATT = re.compile(r"^\s*klatt\b", re.MULTILINE)

_DEFAULT_PRIORITY = 5
# tags of the voice files that are not BCP 47, or mean something else there ("CL" is Chile)
_TAGS = {
    "ca-ba": "ca-x-balear",
    "ca-nw": "ca-x-nw",
    "ca-va": "ca-valencia",
    "chr-us-qaaa-x-west": "chr-Qaaa-US-x-west",
    "en-us-nyc": "en-US-x-nyc",
    "piqd": "tlh-Piqd",
    "py": "mis-x-pyash",
    "ru-cl": "ru-x-classic",
}


@dataclass(frozen=True, slots=True)
class Pitch:
    """A voice's pitch lies around ``floor_hz + 0.76 * span_hz``, and varies with ``span_hz``.

    Both scale exactly: the library's own pitch parameter moves only the floor, and by less than
    the octave a line may ask for.
    """

    floor_hz: float
    span_hz: float


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to change any voice. ``text`` is a variant file without its pitch."""

    name: str
    text: str
    pitch: Pitch
    female: bool

    def spoken_at(self, pitch: Pitch) -> str:
        """The text of this variant's file with another pitch.

        The file takes whole Hz, so the floor takes up what rounding does to the span.
        """
        span = round(pitch.span_hz)
        floor = max(1, round(pitch.floor_hz + _CENTRE * (pitch.span_hz - span)))
        low = floor + _FLOOR_OFFSET_HZ
        return f"{self.text}\nflutter 0\nroughness 8\npitch {low} {low + span}\n"


# where in its span a voice speaks on average: measured, English and Spanish, 12 variants
_CENTRE = 0.76
# a variant's "pitch 80 118" means a floor of 71 Hz and a span of 38 Hz (libespeak-ng, voices.c)
_FLOOR_OFFSET_HZ = 9
_DEFAULT_PITCH = Pitch(71, 38)


def read_voices(data: Path) -> tuple[tuple[StockVoice, ...], dict[str, str]]:
    """Every voice by name, and the name of the best voice for each language tag."""
    voices: list[StockVoice] = []
    best: dict[str, tuple[int, str]] = {}
    for path in sorted(path for path in (data / "lang").rglob("*") if path.is_file()):
        name, text = path.name.lower(), path.read_text(encoding="utf-8")
        if not _has_dictionary(data, text):
            continue
        tags = {language_tag(tag): int(rank or _DEFAULT_PRIORITY) for tag, rank in _LANGUAGE.findall(text)}
        label = _LABEL.search(text)
        voices.append(StockVoice(name=name, languages=tuple(tags), label=label[1] if label else name))
        for tag, rank in tags.items():
            best[tag] = min(best.get(tag, (rank, name)), (rank, name))
    voices.sort(key=lambda voice: voice.name)
    return tuple(voices), {tag: name for tag, (_, name) in best.items()}


def _has_dictionary(data: Path, text: str) -> bool:
    """Whether a voice can read: some are listed without the dictionary they need."""
    own, language = _DICTIONARY.search(text), _LANGUAGE.search(text)
    name = own[1] if own else language[1].partition("-")[0] if language else ""
    return (data / f"{name}_dict").is_file()


def language_tag(tag: str) -> str:
    """A voice file's tag as BCP 47 writes it: ``en-gb-x-rp`` -> ``en-GB-x-rp``."""
    known = _TAGS.get(tag.lower())
    return known or "-".join(_cased(tag.lower().split("-")))


def _cased(subtags: Iterable[str]) -> Iterator[str]:
    private = False
    for index, subtag in enumerate(subtags):
        private = private or subtag == "x"
        if index == 0 or private:
            yield subtag
        elif len(subtag) == 2:
            yield subtag.upper()
        else:
            yield subtag.title() if len(subtag) == 4 and subtag.isalpha() else subtag


def read_variants(data: Path) -> dict[str, Variant]:
    """Every usable variant by name, `STEADY` first: the one a bare voice is spoken with."""
    steady = Variant(STEADY, "language variant\nname steady", _DEFAULT_PITCH, False)
    paths = sorted(path for path in (data / "voices" / "!v").iterdir() if _NAME.fullmatch(path.name))
    texts = {path.name: path.read_text(encoding="latin-1").replace("\r", "") for path in paths}
    usable = {name: _variant(name, text) for name, text in texts.items() if not _KLATT.search(text)}
    return {STEADY: steady, **usable}


def _variant(name: str, text: str) -> Variant:
    pitch = _DEFAULT_PITCH
    if found := _PITCH.search(text):
        low, high = sorted((int(found[1]), int(found[2])))
        pitch = Pitch(low - _FLOOR_OFFSET_HZ, high - low)
    return Variant(name, _DROPPED.sub("", text), pitch, bool(_GENDER.search(text)))


def build_overlay(data: Path, *, overlay: Path) -> None:
    """Make ``overlay/espeak-ng-data``: links to all of ``data`` but its variants."""
    root = overlay / "espeak-ng-data"
    (root / "voices" / "!v").mkdir(parents=True)
    for path in data.iterdir():
        if path.name != "voices":
            (root / path.name).symlink_to(path)


def write_variant(overlay: Path, *, name: str, text: str) -> None:
    path = overlay / "espeak-ng-data" / "voices" / "!v" / name
    path.write_text(text, encoding="latin-1")
