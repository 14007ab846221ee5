"""Detectors side by side on the same films: what differs, what is not shown to differ, and what each one costs."""

from hilum.comparison.compare import compare
from hilum.comparison.entry import Cost, Entry, read_entry
from hilum.comparison.page import render_comparison
from hilum.comparison.speed import films_a_second

__all__ = ["Cost", "Entry", "compare", "films_a_second", "read_entry", "render_comparison"]
