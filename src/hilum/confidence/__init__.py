"""How far a probability can be taken at its word, and when not to answer.

Calibration and its choice, conformal prediction sets, selective prediction, and shift without labels. Importing and
applying need numpy alone; fitting loads scipy and scikit-learn.
"""

from hilum.confidence.calibration import Calibration, calibrated, uncalibrated
from hilum.confidence.conformal import Achieved, Conformal, achieved, fit_conformal, sets
from hilum.confidence.fitting import best_calibration, fit_calibration
from hilum.confidence.prior import correct_prior, estimate_prior
from hilum.confidence.reference import ScoreReference, score_reference
from hilum.confidence.selective import (
    RiskCurve,
    Selective,
    aurc,
    certainty,
    risk_coverage,
    selective,
    selective_accuracy,
)
from hilum.confidence.shift import PriorShift, Shift, distribution_shift, prior_shift

__all__ = [
    "Achieved",
    "Calibration",
    "Conformal",
    "PriorShift",
    "RiskCurve",
    "ScoreReference",
    "Selective",
    "Shift",
    "achieved",
    "aurc",
    "best_calibration",
    "calibrated",
    "certainty",
    "correct_prior",
    "distribution_shift",
    "estimate_prior",
    "fit_calibration",
    "fit_conformal",
    "prior_shift",
    "risk_coverage",
    "score_reference",
    "selective",
    "selective_accuracy",
    "sets",
    "uncalibrated",
]
