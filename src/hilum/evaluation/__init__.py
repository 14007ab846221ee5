"""Predictions judged: figures with intervals, figures under shifts, and a report to read."""

from hilum.evaluation.evaluate import evaluate, write_metrics
from hilum.evaluation.report import render_report, write_report
from hilum.evaluation.robustness import under_shifts

__all__ = ["evaluate", "render_report", "under_shifts", "write_metrics", "write_report"]
