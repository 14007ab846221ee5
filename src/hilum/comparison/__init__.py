"""Detectors side by side on the same films: what differs, what is not shown to differ, and what each one costs."""

from hilum.comparison.compare import compare_entries
from hilum.comparison.comparison_file import write_comparison
from hilum.comparison.entry import Entry, entry_of, read_entry
from hilum.comparison.page import render_comparison
from hilum.comparison.results import Compared, Comparison, Cost, DifferenceTest, PairTests
from hilum.comparison.speed import films_a_second

__all__ = [
    "Compared",
    "Comparison",
    "Cost",
    "DifferenceTest",
    "Entry",
    "PairTests",
    "compare_entries",
    "entry_of",
    "films_a_second",
    "read_entry",
    "render_comparison",
    "write_comparison",
]
