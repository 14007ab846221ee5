"""Sensitivity and specificity where only some films were read by somebody: verification bias, and what can be said.

Readers look at suspicious films more often. Among films with a verdict, sensitivity is then too high and specificity
too low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hilum.metrics import clusters_of, intervals
from hilum.metrics.counts import Bools, Floats
from hilum.records import Figure

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class VerifiedShare:
    """A share among all films, of which some were verified.

    Attributes:
        seen: among verified films alone.
        corrected: if, within each stratum of answers, chance alone decided which films were verified; not defined
            where some stratum has no verified film.
        at_least: whatever the other films show.
        at_most: likewise.
    """

    seen: Figure
    corrected: Figure
    at_least: float | None
    at_most: float | None


@dataclass(frozen=True, slots=True)
class Accuracies:
    """How often a detector agrees with what was verified.

    Attributes:
        films: that it judged.
        verified: of them, those that were verified.
        sensitivity: of films that are positive, the share called so.
        specificity: of films that are negative, the share called so.
    """

    films: int
    verified: int
    sensitivity: VerifiedShare
    specificity: VerifiedShare


def verified_accuracies(
    called: ArrayLike,
    verified: ArrayLike,
    positive: ArrayLike,
    strata: ArrayLike | None = None,
    patients: list[str] | None = None,
    resamples: int = RESAMPLES,
) -> Accuracies:
    """Sensitivity and specificity as they are seen, corrected, and bounded.

    The correction is Begg and Greenes' (Biometrics 39 (1983): 207–215): the share of positive films among verified
    ones of a stratum is taken for that of all its films. It assumes that, among films of one stratum, which ones are
    verified has nothing to do with what they show. The bounds assume nothing: all other films that were called
    positive are so and all that were called negative are not, or the other way about (Kosinski & Barnhart, Stat. Med.
    22 (2003): 2711–2721). Intervals are of resampled patients, at one look.

    Args:
        called: `(n,)` bool, whether a film was called positive.
        verified: `(n,)` bool.
        positive: `(n,)` bool, what was verified; any value elsewhere.
        strata: `(n,)` whole numbers: finer than `called`, such as how sure the answer was; not used
            where none was verified in some stratum.
        patients: `n` keys, empty where unknown; None where all are.
        resamples: of patients.

    The example that the paper's successors use (scintigraphy of the liver, Drum & Christacopoulos, J. Nucl. Med. 13
    (1972): 908–915):

    >>> groups = ((1, 1, 1, 231), (1, 1, 0, 32), (1, 0, 0, 166), (0, 1, 1, 27), (0, 1, 0, 54), (0, 0, 0, 140))
    >>> films = np.repeat([group[:3] for group in groups], [group[3] for group in groups], axis=0).T.astype(bool)
    >>> found = verified_accuracies(*films, resamples=0)
    >>> found.sensitivity.seen, found.sensitivity.corrected, found.specificity.corrected
    (0.895, 0.836, 0.738)
    """
    call, is_verified = np.asarray(called, dtype=bool), np.asarray(verified, dtype=bool)
    truth = np.asarray(positive, dtype=bool) & is_verified
    finer = np.zeros(call.size, dtype=np.intp) if strata is None else np.asarray(strata, dtype=np.intp)
    _, group = np.unique(2 * finer + call, return_inverse=True)
    if call.size and not np.bincount(group, weights=is_verified).all():
        _, group = np.unique(call, return_inverse=True)  # too few films were read for finer strata

    def statistics(weights: Floats) -> dict[str, Floats]:
        return _statistics(weights, call, is_verified, truth, group)

    clusters = clusters_of(np.zeros(call.size, dtype=np.intp), patients)
    figures = intervals(statistics, clusters, resamples) if call.size else dict.fromkeys(_NAMES, Figure(None))
    sensitivity_bounds = _bounds(
        (truth & call).sum(), (truth & ~call).sum(), (call & ~is_verified).sum(), (~call & ~is_verified).sum()
    )
    negative = is_verified & ~truth
    specificity_bounds = _bounds(
        (negative & ~call).sum(), (negative & call).sum(), (~call & ~is_verified).sum(), (call & ~is_verified).sum()
    )
    return Accuracies(
        call.size,
        int(is_verified.sum()),
        VerifiedShare(figures["seen sensitivity"], figures["sensitivity"], *sensitivity_bounds),
        VerifiedShare(figures["seen specificity"], figures["specificity"], *specificity_bounds),
    )


_NAMES = ("seen sensitivity", "seen specificity", "sensitivity", "specificity")


def _statistics(weights: Floats, call: Bools, verified: Bools, truth: Bools, group: np.ndarray) -> dict[str, Floats]:
    groups = np.eye(int(group.max()) + 1)[group]  # (films, groups)
    films = weights @ groups
    seen = weights @ (groups * verified[:, None])
    seen_positive = weights @ (groups * truth[:, None])
    is_called = groups[call].sum(axis=0) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = seen_positive / seen  # NaN where no film of a group was verified
        share = np.where(films > 0, share, 0.0)
        positive, negative = films * share, films * (1 - share)
        return {
            "seen sensitivity": seen_positive[..., is_called].sum(-1) / seen_positive.sum(-1),
            "seen specificity": (seen - seen_positive)[..., ~is_called].sum(-1) / (seen - seen_positive).sum(-1),
            "sensitivity": positive[..., is_called].sum(-1) / positive.sum(-1),
            "specificity": negative[..., ~is_called].sum(-1) / negative.sum(-1),
        }


def _bounds(right: int, wrong: int, may_be_right: int, may_be_wrong: int) -> tuple[float | None, float | None]:
    """The smallest and the largest share of right ones, whatever becomes of the others."""
    lowest = float(right / (right + wrong + may_be_wrong)) if right + wrong + may_be_wrong else None
    highest = float((right + may_be_right) / (right + wrong + may_be_right)) if right + wrong + may_be_right else None
    return lowest, highest
