"""Calibration: from the probabilities that a network gives to those that are observed. Needs numpy alone."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from hilum.confidence.probabilities import checked_probs, log_probs, softmax
from hilum.metrics.counts import Floats

Method = Literal["none", "temperature", "platt", "isotonic"]
# A step of isotonic regression gives all its films one probability. A slope this small on top of it (at most 0.04 in
# log-odds) keeps the network's ranking of them, and with it the AUROC.
TILT = 1e-3


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """How probabilities are corrected, and on which films that was chosen.

    The correction is of log-odds, ln(p / (1 − p)), and never changes the ranking of films.

    Attributes:
        method: `none`; `temperature`: the logarithms of all classes times `slope` (Guo et al., ICML 2017); `platt`:
            log-odds times `slope` plus `offset` (Platt 1999); `isotonic`: log-odds read off `steps`
            (Zadrozny & Elkan, KDD 2002). The last two are for two classes.
        chosen_on: a description of the films that it was chosen on.
        slope: above 0; below 1 makes probabilities less extreme. The temperature is 1 / slope.
        offset: added to the positive class's log-odds.
        steps: pairs of log-odds (before, after), both rising; linear between them, constant beyond the ends.
        log_loss: the mean log loss of each method that was tried, on films that it was not fitted on.
    """

    method: Method = "none"
    chosen_on: str = ""
    slope: float = 1.0
    offset: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()
    log_loss: dict[str, float] = {}

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.offset)):
            raise ValueError(
                f"a calibration needs a slope above 0 and a finite offset, not {self.slope} and {self.offset}"
            )
        steps = np.array(self.steps, dtype=np.float64).reshape(-1, 2)
        rises = np.diff(steps, axis=0)
        if not np.isfinite(steps).all() or (rises[:, 0] <= 0).any() or (rises[:, 1] < 0).any():
            raise ValueError("a calibration's steps must rise")
        if (self.method == "isotonic") != (len(steps) > 0):
            raise ValueError("a calibration has steps if its method is isotonic, and only then")

    @property
    def temperature(self) -> float:
        """What the logarithms are divided by; above 1 if the network is overconfident."""
        return 1 / self.slope


def calibrated(calibration: Calibration, probs: ArrayLike) -> Floats:
    """Correct probabilities.

    They may come from one network or be the mean of several: their log-odds are corrected. A probability of exactly 0
    or 1 counts as 1.1e-16 away from it.

    Args:
        calibration: how to correct them.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, uncorrected.

    Returns:
        `(n, classes)` float64, each row adding up to 1. Of two classes, the ranking of films is that of `probs`.

    Raises:
        ValueError: shapes or probabilities that do not fit, or a method for two classes and more of them.

    >>> calibrated(Calibration("temperature", slope=0.5), [[0.2, 0.8]]).round(3)
    array([[0.333, 0.667]])
    """
    rows = checked_probs(probs)
    if calibration.method == "none":
        return rows
    logits = log_probs(rows)
    if calibration.method == "temperature":
        return softmax(calibration.slope * logits)
    check_classes(calibration.method, rows.shape[1])
    odds = logits[:, 1] - logits[:, 0]
    if calibration.method == "platt":
        return _of_odds(calibration.slope * odds + calibration.offset)
    raw, steps = np.array(calibration.steps).T
    return _of_odds(np.interp(odds, raw, steps) + TILT * odds)


def uncalibrated(calibration: Calibration, probs: ArrayLike) -> Floats:
    """Undo `calibrated`, up to rounding.

    Args:
        calibration: how they were corrected.
        probs: `(n, classes)`, corrected.

    Returns:
        `(n, classes)` float64, each row adding up to 1.

    Raises:
        ValueError: as for `calibrated`.
    """
    rows = checked_probs(probs)
    if calibration.method == "none":
        return rows
    logits = log_probs(rows)
    if calibration.method == "temperature":
        return softmax(logits / calibration.slope)
    check_classes(calibration.method, rows.shape[1])
    corrected = logits[:, 1] - logits[:, 0]
    if calibration.method == "platt":
        return _of_odds((corrected - calibration.offset) / calibration.slope)
    raw, steps = np.array(calibration.steps).T
    ends = steps + TILT * raw  # the corners of the correction; beyond them it rises by TILT alone
    beyond = np.minimum(corrected - ends[0], 0) + np.maximum(corrected - ends[-1], 0)
    return _of_odds(np.interp(corrected, ends, raw) + beyond / TILT)


def _of_odds(odds: Floats) -> Floats:
    """Probabilities of two classes from log-odds of the second."""
    return softmax(np.stack([np.zeros_like(odds), odds], axis=1))


def check_classes(method: str, classes: int) -> None:
    """Check that a method suits a number of classes.

    Raises:
        ValueError: the method is for two classes, and there are more.
    """
    if classes > 2 and method in ("platt", "isotonic"):
        raise ValueError(f"{method} calibration is for two classes, and there are {classes}: use temperature")
