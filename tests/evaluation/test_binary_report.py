"""What the report on two classes says first. The page as a whole: test_report.py."""

from __future__ import annotations

from typing import Any

from hilum.evaluation import evaluate
from hilum.evaluation.binary_report import verdict, weaknesses

from .conftest import made_up


def test_the_verdict_names_films_patients_and_three_figures() -> None:
    sentence = verdict(evaluate(made_up(100), resamples=50), 0)
    assert sentence.startswith("On 100 films of 50 known patients, the detector has an AUROC of 0.")
    assert "at its threshold of 0.4 a sensitivity of" in sentence


def test_failings_name_the_hardest_cause_and_the_worst_shifts() -> None:
    metrics: dict[str, Any] = evaluate(made_up(100), resamples=0)
    causes = {"bacteria": 0.9, "virus": 0.7}
    metrics["subgroups"]["cause"] = {
        name: {"sensitivity": {"value": value}, "n_of": {"PNEUMONIA": 9}} for name, value in causes.items()
    }
    metrics["confusion"] = {"tn": 38, "fp": 2, "fn": 10, "tp": 50}

    def group(sensitivity: float, specificity: float) -> dict[str, dict[str, float]]:
        return {"sensitivity": {"value": sensitivity}, "specificity": {"value": specificity}}

    metrics["shifted"] = {
        "auroc_mean": {"value": 0.8},
        "auroc_worst": {"value": 0.7, "shift": "unsharp_masked"},
        "per_shift": {"unsharp_masked": group(0.5, 0.9), "moved": group(0.8, 0.1)},
    }
    missed, alarms, elsewhere = weaknesses(metrics)
    assert missed == "It misses 10 of 60 PNEUMONIA films, most often virus (sensitivity 0.700)."
    assert alarms == "It calls 2 of 40 NORMAL films PNEUMONIA."
    assert "0.700 at worst (unsharp masked)" in elsewhere
    assert "sensitivity falls to 0.500 (unsharp masked) and the specificity to 0.100 (moved)" in elsewhere
