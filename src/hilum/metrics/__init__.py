"""Metrics from labels and probabilities, with intervals over patients, and paired tests. They need numpy alone.

    figures = metrics.binary_metrics(labels, probs, threshold=0.5, patients=patients)
    figures["auroc"]                                                    # Figure(value, low, high)
    metrics.delong_test(labels, probs_a, probs_b, patients).p           # have two detectors the same AUROC?

Where scikit-learn has the same metric, the values are the same; tests compare them. Unlike scikit-learn, every metric
takes a whole matrix of weights, one row for each resample, and is NaN where the films do not define it.
"""

from hilum.metrics.binary import binary_metrics
from hilum.metrics.bootstrap import Clusters, clusters_of, intervals, resampled_weights
from hilum.metrics.calibration import ece, ece_debiased
from hilum.metrics.counts import ConfusionCounts, confusion
from hilum.metrics.curves import PrCurve, Reliability, RocCurve, pr_curve, reliability, roc_curve
from hilum.metrics.delong import auroc_delong, delong_test
from hilum.metrics.multiclass import MulticlassFigures, multiclass_metrics
from hilum.metrics.operating import (
    PredictiveValues,
    balanced_threshold,
    cost_threshold,
    predictive_values,
    sensitivity_threshold,
    specificity_threshold,
    youden_threshold,
)
from hilum.metrics.paired import PairedTest, binary_differences, holm, mcnemar_test, paired_bootstrap
from hilum.metrics.scores import (
    accuracy,
    auroc,
    average_precision,
    balanced_accuracy,
    brier,
    f1,
    log_loss,
    precision,
    recall,
    sensitivity,
    specificity,
)

__all__ = [
    "Clusters",
    "ConfusionCounts",
    "MulticlassFigures",
    "PairedTest",
    "PrCurve",
    "PredictiveValues",
    "Reliability",
    "RocCurve",
    "accuracy",
    "auroc",
    "auroc_delong",
    "average_precision",
    "balanced_accuracy",
    "balanced_threshold",
    "binary_differences",
    "binary_metrics",
    "brier",
    "clusters_of",
    "confusion",
    "cost_threshold",
    "delong_test",
    "ece",
    "ece_debiased",
    "f1",
    "holm",
    "intervals",
    "log_loss",
    "mcnemar_test",
    "multiclass_metrics",
    "paired_bootstrap",
    "pr_curve",
    "precision",
    "predictive_values",
    "recall",
    "reliability",
    "resampled_weights",
    "roc_curve",
    "sensitivity",
    "sensitivity_threshold",
    "specificity",
    "specificity_threshold",
    "youden_threshold",
]
