"""Calibration: from the probability that a network says to the one that films bear out. Applied by numpy alone."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from hilum.confidence.probabilities import checked_probs, log_probs, softmax
from hilum.metrics.counts import Floats

Method = Literal["none", "temperature", "platt", "isotonic"]
# A step of isotonic regression says one probability for all its films. So gentle a slope on top of it (at most 0.04
# in log-odds) keeps them in the order that the network put them in, and with it the AUROC.
TILT = 1e-3


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """How probabilities are corrected, and on what that was chosen.

    The correction is one of log-odds, ln(p / (1 − p)), and never changes the order of films: who is ranked above whom
    stays as the network had it.

    Attributes:
        method: `none`; `temperature`: the logarithms of all classes times `slope` (Guo et al., ICML 2017); `platt`:
            log-odds times `slope` plus `offset` (Platt 1999); `isotonic`: log-odds read off `steps`
            (Zadrozny & Elkan, KDD 2002). The last two are for two classes.
        chosen_on: on which films, in words.
        slope: above 0; below 1 makes certainties smaller. The temperature is 1 / slope.
        offset: of the positive class's log-odds.
        steps: pairs of log-odds (said, meant), both rising; straight between them, level beyond the ends.
        log_loss: of each method that was tried, per film, on films that it was not fitted on.
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
                f"a calibration has a slope above 0 and a number as its offset, not {self.slope} and {self.offset}"
            )
        steps = np.array(self.steps, dtype=np.float64).reshape(-1, 2)
        rises = np.diff(steps, axis=0)
        if not np.isfinite(steps).all() or (rises[:, 0] <= 0).any() or (rises[:, 1] < 0).any():
            raise ValueError("a calibration's steps have to rise")
        if (self.method == "isotonic") != (len(steps) > 0):
            raise ValueError("a calibration has steps where its method is isotonic, and only there")

    @property
    def temperature(self) -> float:
        """What the logarithms are divided by; above 1 where the network was too certain."""
        return 1 / self.slope


def calibrated(calibration: Calibration, probs: ArrayLike) -> Floats:
    """Probabilities corrected.

    They may come from one network or be the mean of several: what is corrected is their log-odds, which are one
    network's logits again. A probability of exactly 0 or 1 is taken for 1.1e-16 off it.

    Args:
        calibration: how.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, of the network as it is.

    Returns:
        `(n, classes)` float64, each row adding up to 1. Of two classes, the films' order is that of `probs`.

    Raises:
        ValueError: shapes or probabilities that do not fit, or a method of two classes for more of them.
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
    said, steps = np.array(calibration.steps).T
    return _of_odds(np.interp(odds, said, steps) + TILT * odds)


def uncalibrated(calibration: Calibration, probs: ArrayLike) -> Floats:
    """Probabilities as they were before `calibrated` corrected them, up to rounding.

    Args:
        calibration: how they were corrected.
        probs: `(n, classes)`, corrected.

    Returns:
        `(n, classes)` float64, each row adding up to 1.

    Raises:
        ValueError: as `calibrated`.
    """
    rows = checked_probs(probs)
    if calibration.method == "none":
        return rows
    logits = log_probs(rows)
    if calibration.method == "temperature":
        return softmax(logits / calibration.slope)
    check_classes(calibration.method, rows.shape[1])
    meant = logits[:, 1] - logits[:, 0]
    if calibration.method == "platt":
        return _of_odds((meant - calibration.offset) / calibration.slope)
    said, steps = np.array(calibration.steps).T
    ends = steps + TILT * said  # what the corners of the correction become; beyond them it rises by TILT alone
    beyond = np.minimum(meant - ends[0], 0) + np.maximum(meant - ends[-1], 0)
    return _of_odds(np.interp(meant, ends, said) + beyond / TILT)


def _of_odds(odds: Floats) -> Floats:
    """Probabilities of two classes from log-odds of the second."""
    return softmax(np.stack([np.zeros_like(odds), odds], axis=1))


def check_classes(method: str, classes: int) -> None:
    """Refuse a method of two classes for more of them.

    Raises:
        ValueError: that is so.
    """
    if classes > 2 and method in ("platt", "isotonic"):
        raise ValueError(f"{method} calibration is for two classes and these are {classes}: take temperature")
