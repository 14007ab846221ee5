"""Predictions judged: figures with intervals, figures under shifts, and a report to read."""

from hilum.evaluation.checklists import checklists
from hilum.evaluation.evaluate import detector_record, evaluate, write_metrics
from hilum.evaluation.gatekeeping import gatekeeping
from hilum.evaluation.reliability import at_prevalence, measure_reliability
from hilum.evaluation.report import render_report, write_report
from hilum.evaluation.robustness import under_shifts

__all__ = [
    "at_prevalence",
    "checklists",
    "detector_record",
    "evaluate",
    "gatekeeping",
    "measure_reliability",
    "render_report",
    "under_shifts",
    "write_metrics",
    "write_report",
]
