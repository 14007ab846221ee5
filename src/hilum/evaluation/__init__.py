"""Predictions compared with labels: figures with intervals, figures under shifts, and a report to read."""

from hilum.evaluation.acquisition import measure_acquisition
from hilum.evaluation.acquisition_parts import AcquisitionGroup, AcquisitionResult
from hilum.evaluation.answered_parts import AnsweredFigures, AnsweredResult
from hilum.evaluation.answering import measure_answered
from hilum.evaluation.checklists import checklists
from hilum.evaluation.evaluate import detector_record, evaluate_predictions
from hilum.evaluation.fold_figures import FoldFigures, FoldsResult, evaluate_folds, write_folds
from hilum.evaluation.gatekeeping import evaluate_gate
from hilum.evaluation.metrics_file import as_json, read_metrics, schema, write_metrics
from hilum.evaluation.reliability import at_prevalence, measure_reliability, measure_selective
from hilum.evaluation.report import render_report, write_report
from hilum.evaluation.result_parts import (
    AtPrevalence,
    AuditSummary,
    BatteryResult,
    ClassFigures,
    DetectorRecord,
    GateFigures,
    OodFigures,
    PairFigures,
    PredictionSetsResult,
    SelectiveResult,
    ShiftFigures,
    ShiftResult,
    Subgroup,
    WorstShift,
)
from hilum.evaluation.results import Evaluation
from hilum.evaluation.robustness import under_shifts

__all__ = [
    "AcquisitionGroup",
    "AcquisitionResult",
    "AnsweredFigures",
    "AnsweredResult",
    "AtPrevalence",
    "AuditSummary",
    "BatteryResult",
    "ClassFigures",
    "DetectorRecord",
    "Evaluation",
    "FoldFigures",
    "FoldsResult",
    "GateFigures",
    "OodFigures",
    "PairFigures",
    "PredictionSetsResult",
    "SelectiveResult",
    "ShiftFigures",
    "ShiftResult",
    "Subgroup",
    "WorstShift",
    "as_json",
    "at_prevalence",
    "checklists",
    "detector_record",
    "evaluate_folds",
    "evaluate_gate",
    "evaluate_predictions",
    "measure_acquisition",
    "measure_answered",
    "measure_reliability",
    "measure_selective",
    "read_metrics",
    "render_report",
    "schema",
    "under_shifts",
    "write_folds",
    "write_metrics",
    "write_report",
]
