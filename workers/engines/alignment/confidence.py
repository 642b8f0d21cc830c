"""From what speaks for a word's time to the chance that it is right.

Logistic models, fitted to words whose times are known: espeak's voices in nine languages and flite's in
English, plain, over a telephone, in noise and in a room, and, at a tenth of the weight, to takes of another
text; every other text. The others tell how good they are: benchmarks/quality/words.py. "Right" is within
50 ms of where the word begins.
"""

import math

# What a pronouncing dictionary and its model are worth with nothing to compare with.
ALONE = 0.9

_SCALE_MS = 10.0
# no one but an engine itself is sure
_MOST = 0.99
# a clean take of the right text costs less than this, and one of another text more
_STRANGE_COST = 0.5


def of_readings(*, spread_ms: float, cost: float) -> float:
    """Two readings put the word ``spread_ms`` apart; the take is unlike them by a mean of 1 - cosine."""
    beyond = max(0.0, cost - _STRANGE_COST)
    return _logistic(8.78 - 0.99 * math.log1p(spread_ms / _SCALE_MS) - 14.37 * cost - 21.48 * beyond)


def of_two_methods(*, gap_ms: float, cost: float) -> float:
    """Readings and the dictionary put the word ``gap_ms`` apart."""
    return _logistic(7.79 - 2.50 * math.log1p(gap_ms / _SCALE_MS) - 1.70 * cost)


def _logistic(value: float) -> float:
    return round(min(1 / (1 + math.exp(-value)), _MOST), 3)
