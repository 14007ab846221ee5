"""What the report on two classes says first. The page as a whole: test_report.py."""

from __future__ import annotations

from msgspec import structs

from hilum.evaluation import evaluate_predictions
from hilum.evaluation.binary_report import verdict, weaknesses
from hilum.records import Figure

from .conftest import battery, made_up


def test_the_verdict_names_films_patients_and_three_figures() -> None:
    sentence = verdict(evaluate_predictions(made_up(100), resamples=50), 0)
    assert sentence.startswith("On 100 films of 50 known patients, the detector has an AUROC of 0.")
    assert "at its threshold of 0.4 a sensitivity of" in sentence


def test_weaknesses_name_the_hardest_cause_and_the_worst_shifts() -> None:
    metrics = evaluate_predictions(made_up(100), resamples=0)
    causes = {
        name: structs.replace(group, sensitivity=Figure(value))
        for (name, group), value in zip(metrics.subgroups["cause"].items(), (0.9, 0.7), strict=True)
    }
    assert list(causes) == ["bacteria", "virus"]
    metrics = structs.replace(
        metrics,
        subgroups={"cause": causes},
        confusion={"tn": 38, "fp": 2, "fn": 10, "tp": 50},
        shifted=battery(0.8, 0.7, "unsharp_masked", {"unsharp_masked": (0.5, 0.9), "moved": (0.8, 0.1)}),
    )
    missed, alarms, shifted = weaknesses(metrics)
    assert missed == "It misses 10 of 60 PNEUMONIA films, most often virus (sensitivity 0.700)."
    assert alarms == "It calls 2 of 40 NORMAL films PNEUMONIA."
    assert "0.700 at worst (unsharp masked)" in shifted
    assert "sensitivity falls to 0.500 (unsharp masked) and the specificity to 0.100 (moved)" in shifted
