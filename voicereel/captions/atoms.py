"""A line cut into atoms: the least pieces that a display line or a cue may end with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

from voicereel.captions.phrases import break_cost
from voicereel.captions.style import CaptionStyle, extends
from voicereel.domain.reel import Placement, Word
from voicereel.domain.words import opens, spaceless

# A breath: whoever speaks has ended a phrase here, whatever the words are.
_BREATH_MS = 250
_AFTER_BREATH = 3.0
Measure = Callable[[str], float]

_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ")


@dataclass(frozen=True, slots=True)
class Atom:
    """``spoken[start_char:end_char]``, heard in ``[start_ms, end_ms)``.

    ``start_column`` and ``end_column`` count the characters of the whole line up to here.
    ``same_word``: the atom before is another part of the same word.
    """

    start_char: int
    end_char: int
    start_ms: int
    end_ms: int
    start_column: float
    end_column: float
    same_word: bool


def atoms_of(placement: Placement, style: CaptionStyle) -> list[Atom]:
    """The atoms of a placement: its words, and parts of words that no display line can hold.

    Raises ValueError if the words are not those of the placement's text.
    """
    spoken, columns = placement.spoken, style.columns_for(placement.language)
    measure = partial(style.measure, language=placement.language)
    atoms: list[Atom] = []
    char, column, space = 0, 0.0, measure(" ")
    for word in placement.words:
        for index, (text, start_ms, end_ms) in enumerate(_parts(word, columns, measure)):
            start_char = char + spoken.startswith(" ", char)
            if not spoken.startswith(text, start_char):
                raise _not_its_words(placement)
            start_column = column + space * (start_char - char)
            char, column = start_char + len(text), start_column + measure(text)
            atom = Atom(start_char, char, start_ms, end_ms, start_column, column, same_word=index > 0)
            atoms.append(atom)
    if char != len(spoken):
        raise _not_its_words(placement)
    return atoms


def _not_its_words(placement: Placement) -> ValueError:
    return ValueError(f"The words of line {placement.line_id} do not make up its text.")


def break_costs(atoms: Sequence[Atom], spoken: str, language: str) -> list[float]:
    """The cost of a break before each atom (before the first: none)."""
    costs = [0.0]
    for before, after in pairwise(atoms):
        spaced = after.start_char > before.end_char
        cost = break_cost(
            spoken[before.start_char : before.end_char],
            spoken[after.start_char : after.end_char],
            spaced=spaced,
            same_word=after.same_word,
            language=language,
        )
        breath = spaced and after.start_ms - before.end_ms >= _BREATH_MS
        costs.append(min(cost, _AFTER_BREATH) if breath else cost)
    return costs


def _parts(word: Word, columns: int, measure: Measure) -> Iterator[tuple[str, int, int]]:
    """A word, or if no display line can hold it its parts, its time shared by their length.

    The parts of a word that is shorter (in ms) than their number start in the same millisecond.
    """
    if measure(word.text) <= columns:
        yield word.text, word.start_ms, word.end_ms
        return
    texts = [part for token in word.text.split() for part in _fitting(token, columns, measure)]
    totals = [0, *accumulate(map(len, texts))]
    length_ms = word.end_ms - word.start_ms
    edges = [word.start_ms + length_ms * total // totals[-1] for total in totals]
    for text, (start_ms, end_ms) in zip(texts, pairwise(edges), strict=True):
        yield text, start_ms, end_ms


def _fitting(token: str, columns: int, measure: Measure) -> Iterator[str]:
    if measure(token) <= columns and not spaceless(token):
        yield token
        return
    for unit in _units(token) if spaceless(token) else [token]:
        yield from _chunks(unit, columns, measure) if measure(unit) > columns else [unit]


def _chunks(text: str, columns: int, measure: Measure) -> Iterator[str]:
    """Even pieces of at most ``columns`` characters, cut between graphemes."""
    total = measure(text)
    size = -(-total // -(-total // columns))
    chunk, used = "", 0.0
    for grapheme in _graphemes(text):
        wide = measure(grapheme)
        if chunk and used + wide > size:
            yield chunk
            chunk, used = "", 0.0
        chunk, used = chunk + grapheme, used + wide
    yield chunk


def _graphemes(text: str) -> list[str]:
    """What a reader takes for one character: marks, joined emoji and flags are kept whole."""
    found: list[str] = []
    for character in text:
        if found and _continues(found[-1], character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _continues(grapheme: str, character: str) -> bool:
    flag = len(grapheme) == 1 and "🇦" <= grapheme <= "🇿" and "🇦" <= character <= "🇿"
    return flag or grapheme.endswith("\u200d") or extends(character)


def _units(token: str) -> list[str]:
    """Between these a text without spaces may be broken: openers and closers keep to their word."""
    units: list[str] = []
    for grapheme in _graphemes(token):
        if units and _clings(units[-1], grapheme):
            units[-1] += grapheme
        else:
            units.append(grapheme)
    return units


def _clings(before: str, after: str) -> bool:
    """No line begins with closing punctuation or a small kana, or ends with an opener (kinsoku)."""
    foreign = not spaceless(before[-1]) and not spaceless(after)
    closes = not after[0].isalnum() and not opens(after[0])
    return foreign or closes or opens(before[-1]) or after[0] in _SMALL_KANA or after[0] in "ーｰ々ゝゞヽヾๆ"
