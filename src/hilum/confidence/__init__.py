"""How far probabilities can be trusted, and when a detector should not answer.

Calibration and its choice, conformal prediction sets, selective prediction, and tests for shift without labels.
Importing and applying need numpy alone; fitting loads scipy and scikit-learn.
"""

from hilum.confidence.conformal import Conformal, SetPerformance, evaluate_sets, fit_conformal, prediction_sets
from hilum.confidence.dataset_shift import PriorShift, ScoreShift, distribution_shift, prior_shift
from hilum.confidence.fitting import best_calibration, fit_calibration
from hilum.confidence.prior import correct_prior, estimate_prior
from hilum.confidence.recalibration import Calibration, calibrated, uncalibrated
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
from hilum.confidence.worst_case import Condition, conditions_under_shifts, fit_worst_case

__all__ = [
    "Calibration",
    "Condition",
    "Conformal",
    "PriorShift",
    "RiskCurve",
    "ScoreReference",
    "ScoreShift",
    "Selective",
    "SetPerformance",
    "aurc",
    "best_calibration",
    "calibrated",
    "certainty",
    "conditions_under_shifts",
    "correct_prior",
    "distribution_shift",
    "estimate_prior",
    "evaluate_sets",
    "fit_calibration",
    "fit_conformal",
    "fit_worst_case",
    "prediction_sets",
    "prior_shift",
    "risk_coverage",
    "score_reference",
    "selective",
    "selective_accuracy",
    "uncalibrated",
]
