"""Intervals for a share that hold at every look together, however often and whenever one looks.

A 95% interval that is computed anew every day is wrong on some day much more often than once in twenty. These are
not: with 95% probability, the true share is in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from hilum.records import Figure

LEVEL = 0.05  # the chance of an error, over all looks
_STEPS = 60  # of the bisection: to the last digit of a float


def share_interval(hits: int, films: int, level: float = LEVEL) -> Figure:
    """A share, with an interval of the confidence sequence of the beta-binomial mixture.

    The share p is in the interval where the films are not 1/level times as probable under a uniform mixture of all
    shares as under p: B(hits + 1, misses + 1) < p^hits (1 − p)^misses / level. That ratio is a martingale if p is
    true, which by Ville's inequality reaches 1/level with a probability of `level` at most (Robbins, Ann. Math.
    Stat. 41 (1970): 1397–1409; Howard et al., Ann. Stat. 49 (2021): 1055–1080).

    Args:
        hits: of the films, how many count.
        films: how many there are, each of another patient, in the order in which they came.
        level: the chance that some interval of all misses the share.

    >>> share_interval(5, 100)
    0.050 (0.007–0.160)
    >>> share_interval(0, 0)
    not defined
    """
    if not films:
        return Figure(None)
    misses = films - hits
    bound = math.lgamma(hits + 1) + math.lgamma(misses + 1) - math.lgamma(films + 2) + math.log(level)

    def inside(p: float) -> bool:
        log_hits = hits * math.log(p) if hits else 0.0
        return log_hits + (misses * math.log1p(-p) if misses else 0.0) > bound

    share = hits / films
    low = _edge(0.0, share, inside) if hits else 0.0
    high = _edge(1.0, share, inside) if misses else 1.0
    return Figure(share, low, high)


def _edge(outside: float, within: float, inside: Callable[[float], bool]) -> float:
    """Where `inside` begins to hold, between a share where it does not and one where it does."""
    for _ in range(_STEPS):
        middle = (outside + within) / 2
        if 0 < middle < 1 and inside(middle):
            within = middle
        else:
            outside = middle
    return outside
