"""Choosing and fitting a calibration on films with labels; needs scipy and scikit-learn when called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import ArrayLike, NDArray

from hilum.confidence.probabilities import log_probs, log_softmax
from hilum.confidence.recalibration import Calibration, Method, calibrated, check_classes
from hilum.metrics import clusters_of
from hilum.metrics.counts import Floats
from hilum.metrics.multiclass import MulticlassScores, checked_multiclass

METHODS: tuple[Method, ...] = ("none", "temperature", "platt", "isotonic")  # the simpler first
MIN_FILMS = 10  # of each class; with fewer, a single film would decide
FOLDS = 5


def fit_calibration(
    labels: ArrayLike,
    probs: ArrayLike,
    method: Method,
    weights: ArrayLike | None = None,
    chosen_on: str = "validation films",
) -> Calibration:
    """Fit one method on films that the network was not trained on.

    Temperature and Platt minimise log loss against Platt's targets (Platt 1999, section 2.2): the label of one of k
    films counts as (k + 1) / (k + 2), since k films without a mistake do not prove that there are none. Isotonic
    regression gets one more film of each class, each at the wrong end, which keeps its ends away from 0 and 1 for the
    same reason.

    Args:
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.
        method: `none`, `temperature`, `platt` or `isotonic`; the last two for two classes.
        weights: `(n,)`, how often each film counts.
        chosen_on: a description of the films.

    Raises:
        ValueError: fewer than `MIN_FILMS` films of a class, films that are ranked no better than by chance, a method
            of two classes for more, or shapes, labels, probabilities or weights that do not fit.
    """
    films = checked_multiclass(labels, probs)
    counts = np.ones(len(films.labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    if counts.shape != films.labels.shape or not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(
            f"weights {counts.shape} must be finite and 0 or more, one for each of {len(films.labels)} films"
        )
    _enough_films(films, counts)
    check_classes(method, films.probs.shape[1])
    return replace(_fitted(films, method, counts), chosen_on=f"{len(films.labels)} {chosen_on}")


def best_calibration(
    labels: ArrayLike,
    probs: ArrayLike,
    patients: Sequence[str] | None = None,
    seed: int = 0,
    chosen_on: str = "validation films",
) -> Calibration:
    """Choose a method by cross-validation over patients, and fit it on all films.

    The methods are compared by log loss on the fold that was held out; films of one patient are in one fold. Of the
    methods whose loss is within one standard error (of the difference, over patients) of the lowest, the simplest is
    chosen (the one-standard-error rule: Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).

    Args:
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.
        patients: `n` identifiers, `""` if unknown; None if all are.
        seed: of the folds.
        chosen_on: a description of the films.

    Returns:
        The calibration, with the `log_loss` of each method. A method that cannot be fitted on these films (because
        they are ranked no better than by chance) is not among them.

    Raises:
        ValueError: fewer than `MIN_FILMS` films or `FOLDS` patients of a class, or input that does not fit.
    """
    films = checked_multiclass(labels, probs)
    _enough_films(films, np.ones(len(films.labels)))
    of_film = clusters_of(films.labels, patients).of_film
    for number in range(films.probs.shape[1]):
        of_class = np.unique(of_film[films.labels == number]).size
        if of_class < FOLDS:
            raise ValueError(
                f"calibration is chosen in {FOLDS} folds of patients, and class {number} has {of_class} patients"
            )
    tried = _tried(films, of_film, seed)
    best = min((losses for _, losses in tried.values()), key=np.mean)
    chosen = next(
        fitted
        for fitted, losses in tried.values()
        if losses.mean() - best.mean() <= _standard_error(losses - best, of_film)
    )
    return replace(
        chosen,
        chosen_on=f"{len(films.labels)} {chosen_on}",
        log_loss={method: float(losses.mean()) for method, (_, losses) in tried.items()},
    )


def _tried(films: MulticlassScores, of_film: NDArray[np.intp], seed: int) -> dict[Method, tuple[Calibration, Floats]]:
    """Each method fitted on all films, and the log loss of each film by a fit on the other folds."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    folds = list(splitter.split(films.probs, films.labels, of_film))
    tried: dict[Method, tuple[Calibration, Floats]] = {}
    for method in METHODS if films.probs.shape[1] == 2 else METHODS[:2]:
        losses = np.empty(len(films.labels))
        try:
            for others, held in folds:
                fitted = _fitted(MulticlassScores(films.labels[others], films.probs[others]), method)
                log_rows = log_probs(calibrated(fitted, films.probs[held]))
                losses[held] = -log_rows[np.arange(held.size), films.labels[held]]
            tried[method] = _fitted(films, method), losses
        except _NotRankedError:
            continue
    return tried


def _standard_error(differences: Floats, of_film: NDArray[np.intp]) -> float:
    """The standard error of a mean over films, clustered by patient."""
    sums = np.bincount(of_film, differences - differences.mean())
    return float(np.sqrt(np.square(sums).sum() * sums.size / (sums.size - 1)) / differences.size)


_NOT_RANKED = "these films are ranked no better than by chance, which no calibration can correct"


class _NotRankedError(ValueError):
    """The films are ranked no better than by chance."""


def _enough_films(films: MulticlassScores, counts: Floats) -> None:
    of_class = np.bincount(films.labels[counts > 0], minlength=films.probs.shape[1])
    if of_class.min() < MIN_FILMS:
        raise ValueError(
            f"calibration needs {MIN_FILMS} films of each class, and there are {', '.join(map(str, of_class))}"
        )


def _fitted(films: MulticlassScores, method: Method, counts: Floats | None = None) -> Calibration:
    counts = np.ones(len(films.labels)) if counts is None else counts
    if method == "none":
        return Calibration()
    if method == "isotonic":
        return Calibration(method, steps=_steps(films, counts))
    slope, offset = _line(films, counts, with_offset=method == "platt")
    return Calibration(method, slope=slope, offset=offset)


def _line(films: MulticlassScores, counts: Floats, with_offset: bool) -> tuple[float, float]:
    """Slope and offset that minimise log loss, a convex problem of one or two variables."""
    from scipy.optimize import minimize

    logits = log_probs(films.probs)
    logits -= logits.mean(axis=1, keepdims=True)
    targets = _targets(films.labels, counts, logits.shape[1])

    def loss(line: Floats) -> tuple[float, Floats]:
        scores = line[0] * logits
        if with_offset:
            scores[:, 1] += line[1]
        log_rows = log_softmax(scores)
        gaps = (np.exp(log_rows) - targets) * counts[:, None]
        gradient = [float((gaps * logits).sum()), float(gaps[:, 1].sum())][: line.size]
        return float(-(counts[:, None] * targets * log_rows).sum() / counts.sum()), np.array(gradient) / counts.sum()

    start = np.array([1.0, 0.0] if with_offset else [1.0])
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8}).x.tolist()
    slope, offset = found if with_offset else (found[0], 0.0)
    if slope <= 0:
        raise _NotRankedError(_NOT_RANKED)
    return slope, offset


def _targets(labels: NDArray[np.intp], counts: Floats, classes: int) -> Floats:
    """Platt's targets, `(n, classes)`; with more than two classes the others share the rest."""
    of_class = np.bincount(labels, counts, minlength=classes)
    own = ((of_class + 1) / (of_class + 2))[labels]
    targets = np.repeat(((1 - own) / (classes - 1))[:, None], classes, axis=1)
    targets[np.arange(labels.size), labels] = own
    return targets


def _steps(films: MulticlassScores, counts: Floats) -> tuple[tuple[float, float], ...]:
    from sklearn.isotonic import IsotonicRegression

    logits = log_probs(films.probs)
    odds = logits[:, 1] - logits[:, 0]
    regression = IsotonicRegression()
    regression.fit(
        np.concatenate([[odds.min() - 1], odds, [odds.max() + 1]]),
        np.concatenate([[1], films.labels, [0]]),
        np.concatenate([[1], counts, [1]]),
    )
    raw, probs = regression.X_thresholds_, regression.y_thresholds_
    corrected = np.maximum.accumulate(np.log(probs / (1 - probs)))
    if corrected[0] == corrected[-1]:
        raise _NotRankedError(_NOT_RANKED)
    return tuple(zip(raw.tolist(), corrected.tolist(), strict=True))
