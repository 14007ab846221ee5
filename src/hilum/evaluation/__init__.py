"""Predictions judged: figures with intervals, figures under shifts, and a report to read."""

from hilum.evaluation.evaluate import evaluate, write_metrics
from hilum.evaluation.familiar import FAMILIAR, FAMILIAR_BATTERY
from hilum.evaluation.report import render_report, write_report
from hilum.evaluation.robustness import shifted
from hilum.evaluation.shifts import BATTERY, SHIFTS

__all__ = [
    "BATTERY",
    "FAMILIAR",
    "FAMILIAR_BATTERY",
    "SHIFTS",
    "evaluate",
    "render_report",
    "shifted",
    "write_metrics",
    "write_report",
]
