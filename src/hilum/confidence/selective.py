"""Selective prediction: how accuracy improves when the least certain films are left to a person.

Sources: El-Yaniv & Wiener, JMLR 11 (2010): 1605–1641 (risk against coverage); Geifman, Uziel & El-Yaniv, ICLR 2019
(the area under it). As in `hilum.metrics`, `weights (..., n)` are how often each film counts, and results have the
shape `(...)`; what is not defined is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hilum.confidence.probabilities import checked_probs, log_probs
from hilum.metrics import clusters_of, intervals
from hilum.metrics.counts import Floats, cumulated, ratio
from hilum.metrics.multiclass import checked_multiclass
from hilum.records import Figure

SHARES = (1.0, 0.95, 0.9, 0.8, 0.5)


class RiskCurve(NamedTuple):
    """Coverage and risk at each certainty that occurs, the highest first.

    Attributes:
        coverage: the share of films that are answered, `(..., k)`, rising to 1.
        risk: the share of these whose answer is wrong, `(..., k)`.
        certainty: the distinct certainties, `(k,)`, falling.
    """

    coverage: Floats
    risk: Floats
    certainty: Floats


def certainty(probs: ArrayLike, threshold: float | None) -> Floats:
    """How certain each film's prediction is, `(n,)` float64; only the order matters, higher is more certain.

    Args:
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.
        threshold: of two classes, the probability of the second from which on it is predicted: the certainty is the
            distance from it in log-odds, so that films on either side are comparable. None: the most probable class
            is predicted, and the certainty is its log-odds.

    Raises:
        ValueError: probabilities that do not fit, a threshold for more than two classes or out of range.
    """
    rows = checked_probs(probs)
    if threshold is None:
        called = np.arange(rows.shape[1]) == rows.argmax(axis=1)[:, None]
        # The other classes are summed, as 1 − p would round them away.
        return _log_odds(np.where(called, 0.0, rows).sum(axis=1), rows.max(axis=1))
    if rows.shape[1] != 2 or not 0 <= threshold <= 1:
        raise ValueError(f"a threshold from 0 to 1 is for two classes; these are {rows.shape[1]}, at {threshold}")
    return np.abs(_log_odds(*rows.T) - _log_odds(np.array(1 - threshold), np.array(threshold)))


def risk_coverage(wrong: ArrayLike, certainties: ArrayLike, weights: ArrayLike | None = None) -> RiskCurve:
    """The risk against the coverage; films of the same certainty are answered together.

    Args:
        wrong: `(n,)` bool, whether each film's prediction is wrong.
        certainties: `(n,)`, of the predictions; higher is more certain.
        weights: `(..., n)`, how often each film counts.

    Raises:
        ValueError: shapes that do not fit, or a certainty of NaN.
    """
    mistakes, asked = np.asarray(wrong, dtype=bool), np.asarray(certainties, dtype=np.float64)
    if mistakes.ndim != 1 or asked.shape != mistakes.shape or np.isnan(asked).any():
        raise ValueError(
            f"wrong {mistakes.shape} and certainties {asked.shape} must be vectors of one length without NaN"
        )
    levels, ranks = np.unique(asked, return_inverse=True)
    curve = cumulated(mistakes, ranks / max(1, levels.size), weights)
    answered = curve.tp + curve.fp
    return RiskCurve(ratio(answered, answered[..., -1:]), ratio(curve.tp, answered), levels[::-1])


def aurc(wrong: ArrayLike, certainties: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Area under risk against coverage, 0 (best) to 1: the mean risk over all coverages.

    NaN without a film. An uninformative certainty gives the risk of answering every film.
    """
    curve = risk_coverage(wrong, certainties, weights)
    steps = np.diff(curve.coverage, axis=-1, prepend=0)
    area = (steps * np.nan_to_num(curve.risk)).sum(axis=-1)
    return np.where(curve.certainty.size, area, np.nan)


def selective_accuracy(
    wrong: ArrayLike, certainties: ArrayLike, share: float, weights: ArrayLike | None = None
) -> Floats:
    """The accuracy when the most certain `share` of films, above 0 and up to 1, is answered; NaN without a film.

    If the share ends among films of one certainty, they count in proportion.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of films to answer must be above 0 and at most 1, not {share}")
    curve = risk_coverage(wrong, certainties, weights)
    steps = np.diff(curve.coverage, axis=-1, prepend=0)
    taken = np.clip(share - (curve.coverage - steps), 0, steps)
    # For each certainty, the share of films with it that are wrong.
    mistakes = np.diff(curve.coverage * np.nan_to_num(curve.risk), axis=-1, prepend=0)
    wrong_share = (taken * np.nan_to_num(ratio(mistakes, steps))).sum(axis=-1)
    return np.where(curve.certainty.size, 1 - wrong_share / share, np.nan)


@dataclass(frozen=True, slots=True)
class Selective:
    """The gain from not answering the least certain films, with 95% intervals.

    Attributes:
        aurc: the mean share of wrong answers over all coverages.
        accuracy: by the share of films that are answered, the most certain first.
    """

    aurc: Figure
    accuracy: dict[float, Figure]


def selective(
    labels: ArrayLike,
    probs: ArrayLike,
    threshold: float | None,
    patients: Sequence[str] | None = None,
    shares: Sequence[float] = SHARES,
    resamples: int = 2000,
    seed: int = 0,
) -> Selective:
    """Accuracy by the share of films that are answered, with intervals from a bootstrap over patients.

    Args:
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.
        threshold: of two classes, the probability of the second from which on it is predicted; None: the most
            probable class is.
        patients: `n` identifiers, `""` if unknown; None if all are.
        shares: of films to answer, above 0 and at most 1.
        resamples: of the bootstrap; 0 gives the figures without intervals.
        seed: of the draws.

    Raises:
        ValueError: input that does not fit.
    """
    films = checked_multiclass(labels, probs)
    certainties = certainty(films.probs, threshold)
    called = films.called if threshold is None else (films.probs[:, 1] >= threshold).astype(np.intp)
    wrong = called != films.labels

    def statistics(weights: Floats) -> Mapping[str, Floats]:
        accuracies = {str(share): selective_accuracy(wrong, certainties, share, weights) for share in shares}
        return {"aurc": aurc(wrong, certainties, weights), **accuracies}

    rank = np.argsort(np.argsort(-certainties))
    answered = {str(share): rank < share * rank.size for share in shares}
    figures = intervals(statistics, clusters_of(films.labels, patients), resamples, seed, answered)
    return Selective(figures["aurc"], {share: figures[str(share)] for share in shares})


def _log_odds(against: Floats, of: Floats) -> Floats:
    return log_probs(of) - log_probs(against)
