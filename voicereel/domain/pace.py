"""How long a text will sound: learned from the lines a voice has spoken, begun from a table.

A line's length at normal speed is taken to be linear in the counts of `speech_counts`, with an error whose
variance grows with the length. What is learned are the sums that such a regression needs, and nothing of any
text. It is Bayesian: a table by language is believed at first, then what all stock voices of an engine have
shown in the language, then what the voice itself has; each the less, the more lines speak for the next.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voicereel.domain.matrices import Matrix, Vector, dot, inverse, times
from voicereel.domain.speech_counts import COUNTS, NOTHING, Counts, counts_of

# Milliseconds a count, by what kind of script a language has: fitted to espeak at 175 words a minute.
_ALPHABETIC = (85.0, 30.0, 45.0, 20.0, 310.0, 230.0, 370.0)
_BY_LANGUAGE: Mapping[str, Vector] = {
    "fr": (70.0, 27.0, 38.0, 17.0, 265.0, 195.0, 315.0),
    "hi": (65.0, 80.0, 27.0, 65.0, 330.0, 160.0, 320.0),
    "ja": (36.0, 54.0, 54.0, 54.0, 280.0, 160.0, 270.0),
    "ko": (40.0, 86.0, 86.0, 20.0, 300.0, 170.0, 290.0),
    "zh": (0.0, 125.0, 125.0, 60.0, 310.0, 150.0, 250.0),
}
_ALIASES = {"cmn": "zh", "yue": "zh", "hak": "zh"}

# How far off a table may be, and a voice from others of its engine: as a whole, and each figure by itself.
_TABLE_OFF, _EACH_OFF_OF_TABLE = 0.1, 0.15
_VOICE_OFF, _EACH_OFF_OF_VOICE = 0.1, 0.1
# The variance of a line of one second, in ms², before anything is known, and how many lines that counts for.
_LINE_VARIANCE, _ITS_LINES = 100.0**2, 10.0
# Speech that is so much slower or faster than the table says is no speech of that text.
_ODD = 2.5
# Of so many lines a voice's figures are kept; older ones fade.
KEPT_LINES = 1000.0

_SIZE = len(COUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceKey:
    """Whose pace it is. Stock voices are nobody's (``""``); an enrolled one is its tenant's, by speaker id.

    An empty ``voice`` is all stock voices of an engine in all forms of a language.
    """

    tenant_id: str
    engine: str
    voice: str
    language: str

    @property
    def of_engine(self) -> "PaceKey":
        return PaceKey(tenant_id="", engine=self.engine, voice="", language=self.language.partition("-")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Sums over lines of one voice in one language, each line weighted by 1 / its expected seconds.

    ``xx`` is the symmetric matrix of counts times counts, whole; ``xy`` counts times milliseconds at speed 1;
    ``yy`` milliseconds squared.
    """

    lines: float = 0.0
    xx: Matrix = ((0.0,) * _SIZE,) * _SIZE
    xy: Vector = NOTHING
    yy: float = 0.0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(
            lines=self.lines + other.lines,
            xx=tuple(_sum(ours, theirs) for ours, theirs in zip(self.xx, other.xx, strict=True)),
            xy=_sum(self.xy, other.xy),
            yy=self.yy + other.yy,
        )

    def faded(self) -> "Pace":
        """The same, counting for `KEPT_LINES` at most: what comes after it counts for more."""
        if self.lines <= KEPT_LINES:
            return self
        share = KEPT_LINES / self.lines
        return Pace(
            lines=KEPT_LINES,
            xx=tuple(tuple(each * share for each in row) for row in self.xx),
            xy=tuple(each * share for each in self.xy),
            yy=self.yy * share,
        )


def pace_of(lines: Iterable[tuple[Counts, float]], language: str) -> Pace:
    """What lines tell: pairs of counts and milliseconds at speed 1. Odd ones tell nothing."""
    return sum((_of_line(counts, ms) for counts, ms in lines if _is_plausible(counts, ms, language)), Pace())


def _of_line(counts: Counts, ms: float) -> Pace:
    weight = 1 / expected_s(counts)
    return Pace(
        lines=1.0,
        xx=tuple(tuple(a * b * weight for b in counts) for a in counts),
        xy=tuple(each * ms * weight for each in counts),
        yy=ms * ms * weight,
    )


def _is_plausible(counts: Counts, ms: float, language: str) -> bool:
    expected_ms = dot(table(language), counts)
    return counts != NOTHING and expected_ms / _ODD < ms < expected_ms * _ODD


def expected_s(counts: Counts) -> float:
    """What lines are weighted by: for all languages the same, and fixed as long as figures are kept."""
    return max(0.2, dot(_ALPHABETIC, counts) / 1000)


def table(language: str) -> Vector:
    """Milliseconds a count before any line has been heard."""
    primary = language.lower().partition("-")[0]
    return _BY_LANGUAGE.get(_ALIASES.get(primary, primary), _ALPHABETIC)


def typical_ms(text: str, language: str) -> float:
    """How long a text sounds at speed 1 before any line has been heard; 0 where nothing is to be said."""
    return dot(table(language), counts_of(text, language))


Heard = tuple[PaceKey, Pace]


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Milliseconds a count, how sure that is (their covariance), and the variance of a line of one second."""

    ms: Vector
    covariance: Matrix
    line_variance: float = _LINE_VARIANCE
    lines: float = _ITS_LINES

    def after(self, pace: Pace) -> "Belief":
        """What is believed once these lines were heard."""
        if not pace.lines:
            return self
        precision = inverse(self.covariance)
        pull = times(precision, self.ms)
        believed = self
        for _ in range(2):  # how far lines scatter is known only once there is something they scatter around
            scatter = believed.line_variance
            covariance = inverse(
                tuple(
                    tuple(a / scatter + b for a, b in zip(seen, known, strict=True))
                    for seen, known in zip(pace.xx, precision, strict=True)
                )
            )
            ms = times(covariance, tuple(a / scatter + b for a, b in zip(pace.xy, pull, strict=True)))
            missed = max(0.0, pace.yy - 2 * dot(ms, pace.xy) + dot(ms, times(pace.xx, ms)))
            lines = self.lines + pace.lines
            variance = (self.line_variance * self.lines + missed) / lines
            believed = Belief(ms=ms, covariance=covariance, line_variance=variance, lines=lines)
        return believed

    def of_another(self) -> "Belief":
        """What is believed of a voice when this is known of others: less."""
        doubt = _doubt(self.ms, as_a_whole=_VOICE_OFF, each=_EACH_OFF_OF_VOICE)
        covariance = tuple(_sum(ours, more) for ours, more in zip(self.covariance, doubt, strict=True))
        return Belief(
            ms=self.ms,
            covariance=covariance,
            line_variance=self.line_variance,
            lines=min(self.lines, _ITS_LINES),
        )

    def expected_ms(self, counts: Counts) -> float:
        return max(0.0, dot(self.ms, counts))

    def doubt_ms2(self, counts: Counts) -> float:
        """The variance that lines of these counts have in common because the pace is not known well."""
        return max(0.0, dot(counts, times(self.covariance, counts)))


def first_belief(language: str) -> Belief:
    ms = table(language)
    return Belief(ms=ms, covariance=_doubt(ms, as_a_whole=_TABLE_OFF, each=_EACH_OFF_OF_TABLE))


def _doubt(ms: Vector, *, as_a_whole: float, each: float) -> Matrix:
    """A covariance: all figures wrong in the same way, and each in its own."""
    return tuple(
        tuple(
            as_a_whole**2 * a * b + ((each * a) ** 2 + 25.0 if row == column else 0.0)
            for column, b in enumerate(ms)
        )
        for row, a in enumerate(ms)
    )


def believed(language: str, *, of_engine: Pace, of_voice: Pace) -> Belief:
    """What is believed of a voice, by what stock voices of its engine have shown, and what it has itself."""
    return first_belief(language).after(of_engine).of_another().after(of_voice)


def _sum(ours: Vector, theirs: Vector) -> Vector:
    return tuple(a + b for a, b in zip(ours, theirs, strict=True))
