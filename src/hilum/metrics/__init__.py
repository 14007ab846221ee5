"""Numbers from probabilities and labels: pure functions below, intervals over patients above. numpy only."""

from hilum.metrics.binary import binary_metrics
from hilum.metrics.bootstrap import Clusters, clusters_of, intervals, resampled_weights
from hilum.metrics.counts import Counts, confusion
from hilum.metrics.curves import PrCurve, Reliability, RocCurve, pr_curve, reliability, roc_curve
from hilum.metrics.operating import youden_threshold
from hilum.metrics.scores import (
    accuracy,
    auroc,
    average_precision,
    brier,
    ece,
    f1,
    precision,
    recall,
    sensitivity,
    specificity,
)
from hilum.metrics.several import SeveralFigures, several_metrics

__all__ = [
    "Clusters",
    "Counts",
    "PrCurve",
    "Reliability",
    "RocCurve",
    "SeveralFigures",
    "accuracy",
    "auroc",
    "average_precision",
    "binary_metrics",
    "brier",
    "clusters_of",
    "confusion",
    "ece",
    "f1",
    "intervals",
    "pr_curve",
    "precision",
    "recall",
    "reliability",
    "resampled_weights",
    "roc_curve",
    "sensitivity",
    "several_metrics",
    "specificity",
    "youden_threshold",
]
