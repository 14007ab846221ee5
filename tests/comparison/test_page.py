"""The page says who is ahead, of whom that is shown, and what each one costs; it needs no network."""

from __future__ import annotations

import re

from hilum.comparison import compare_entries, render_comparison
from hilum.comparison.page import verdict

from .conftest import entry


def test_the_verdict_names_whom_the_best_is_shown_to_beat() -> None:
    entries = [entry("weak", 0.3), entry("one", 2.5, seed=1), entry("two", 2.5, seed=2)]
    compared = compare_entries(entries, resamples=100)
    words = verdict(compared)
    assert re.search(r"On 200 films of 100 known patients, (one|two) has the highest AUROC", words)
    assert "higher than that of weak" in words
    assert re.search(r"no difference is shown from (one|two)\.", words)


def test_the_verdict_says_so_where_no_difference_is_shown() -> None:
    compared = compare_entries([entry("one", 1.5, seed=1), entry("two", 1.5, seed=2)], resamples=100)
    assert verdict(compared) == "On 200 films of 100 known patients no difference in AUROC is shown between the two."


def test_the_page_holds_figures_tests_costs_and_curves() -> None:
    entries = [entry("<b>", 2.5), entry("other", 0.5, seed=1)]
    page = render_comparison(compare_entries(entries, resamples=100), entries)
    assert "&lt;b&gt; is better" in page
    assert "<b>" not in page
    assert "2,000,000" in page
    assert "Validation loss" in page
    assert page.count("<svg") == 2
    assert "http" not in page.replace('http-equiv="', "")
    assert page == render_comparison(compare_entries(entries, resamples=100), entries)
