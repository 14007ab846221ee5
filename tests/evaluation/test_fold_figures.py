"""Each fold is judged on its own films alone, and the worst is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hilum.evaluation import evaluate_folds, write_folds
from hilum.records import Film, Manifest, Prediction, Predictions


def predicted(number: int) -> Predictions:
    """So many films of two classes, with probabilities that tell them apart in part."""
    draw = np.random.default_rng(1)
    rows = []
    for film in range(number):
        positive = film % 2
        prob = float(np.clip(0.5 + 0.2 * (positive - 0.5) + 0.2 * draw.standard_normal(), 0, 1))
        label = ("NORMAL", "PNEUMONIA")[positive]
        rows.append(Prediction(Film(f"{film}.png", label, patient=f"p{film}"), (1 - prob, prob), label))
    return Predictions(("NORMAL", "PNEUMONIA"), 0.5, tuple(rows))


def test_the_figures_are_scikit_learns(tmp_path: Path) -> None:
    said = predicted(90)
    parts = [Manifest(tuple(row.film for row in said.rows[start::3])) for start in range(3)]
    result = evaluate_folds(
        said, "acquisition", [(f"fold-{number}", "darker", part) for number, part in enumerate(parts, 1)], 50
    )
    expected = [
        roc_auc_score([row.film.label == "PNEUMONIA" for row in rows], [row.probs[1] for row in rows])
        for rows in (said.rows[start::3] for start in range(3))
    ]
    assert [fold.auroc.value for fold in result.folds] == pytest.approx(expected)
    assert result.auroc_mean == pytest.approx(np.mean(expected))
    assert result.worst == f"fold-{int(np.argmin(expected)) + 1}"
    assert result.auroc_worst.value == pytest.approx(min(expected))
    assert result.folds[0].films == {"NORMAL": 15, "PNEUMONIA": 15}
    lines = list(result.lines())
    assert len(lines) == 3
    assert sum(line.endswith(", the worst") for line in lines) == 1
    assert lines[0].startswith("fold-1 (darker): 15 NORMAL, 15 PNEUMONIA; AUROC 0.")
    write_folds(result, tmp_path / "folds.json")
    assert json.loads((tmp_path / "folds.json").read_text())["worst"] == result.worst


def test_a_fold_of_one_class_has_no_auroc_and_there_is_no_mean() -> None:
    said = predicted(20)
    parts = [Manifest(tuple(row.film for row in said.rows if (row.film.label == "NORMAL") == own)) for own in (0, 1)]
    result = evaluate_folds(said, "patient", [("fold-1", "", parts[0]), ("fold-2", "", parts[1])], 0)
    assert [fold.auroc.value for fold in result.folds] == [None, None]
    assert (result.auroc_mean, result.worst, result.auroc_worst.value) == (None, None, None)
