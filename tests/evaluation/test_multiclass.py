"""Three classes in `metrics.json`: the figures, their names, and what is said where some are missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from sklearn import metrics as reference

from hilum.errors import RequestError
from hilum.evaluation import evaluate_predictions, read_metrics, write_metrics
from hilum.records import Figure, Prediction, Predictions

from .conftest import THREE, made_up_three, span

OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "auroc",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "brier",
    "log_loss",
    "ece",
)


def only(predictions: Predictions, *labels: str) -> Predictions:
    return replace(predictions, rows=tuple(row for row in predictions if row.film.label in labels))


def relabelled(predictions: Predictions, label: str) -> Predictions:
    rows = tuple(replace(row, film=replace(row.film, label=label)) for row in predictions)
    return replace(predictions, rows=rows)


def test_figures_are_those_of_scikit_learn() -> None:
    predictions = made_up_three(150)
    labels = [row.film.label for row in predictions]
    called = [row.prediction for row in predictions]
    probs = np.array([row.probs for row in predictions])
    metrics = evaluate_predictions(predictions, resamples=50)
    assert metrics.accuracy.value == pytest.approx(reference.accuracy_score(labels, called))
    assert metrics.balanced_accuracy.value == pytest.approx(reference.balanced_accuracy_score(labels, called))
    macro = reference.roc_auc_score(labels, probs, multi_class="ovr", labels=THREE)
    assert metrics.auroc.value == pytest.approx(macro)
    for name in OVERALL:
        low, value, high = span(metrics.figures[name])
        assert low <= value <= high
    assert [list(row) for row in metrics.confusion_matrix] == reference.confusion_matrix(
        labels, called, labels=THREE
    ).tolist()
    of_virus = metrics.confusion["virus"]
    assert isinstance(of_virus, dict)
    assert list(metrics.confusion) == list(of_virus) == list(THREE)


def test_each_class_and_each_pair_has_figures_of_its_own() -> None:
    predictions = made_up_three(150)
    metrics = evaluate_predictions(predictions, resamples=50)
    assert metrics.per_class is not None
    assert metrics.pairs is not None
    assert list(metrics.per_class) == list(THREE)
    found = [row.prediction == "virus" for row in predictions if row.film.label == "virus"]
    virus = metrics.per_class["virus"]
    assert list(structs.asdict(virus)) == ["auroc", "sensitivity", "specificity", "precision", "f1", "n"]
    assert virus.sensitivity.value == pytest.approx(np.mean(found))
    assert virus.n == 50
    assert list(metrics.pairs) == ["NORMAL|bacteria", "NORMAL|virus", "bacteria|virus"]
    causes = [row for row in predictions if row.film.label != "NORMAL"]
    score = [row.probs[2] / (row.probs[1] + row.probs[2]) for row in causes]
    pair = metrics.pairs["bacteria|virus"]
    assert list(structs.asdict(pair)) == ["auroc", "accuracy", "sensitivity", "specificity", "n"]
    assert pair.auroc.value == pytest.approx(
        reference.roc_auc_score([row.film.label == "virus" for row in causes], score)
    )
    assert pair.n == 100


def test_everything_else_is_as_with_two_classes(tmp_path: Path) -> None:
    rows = list(made_up_three(90).rows)
    rows[0] = Prediction(rows[0].film, error="damaged")
    rows[1] = replace(rows[1], film=replace(rows[1].film, label=""))
    metrics = evaluate_predictions(Predictions(THREE, None, tuple(rows)), resamples=20, seed=3)
    assert (metrics.n, metrics.patients, metrics.n_failed, metrics.n_unlabelled) == (88, 44, 1, 1)
    assert (metrics.threshold, metrics.classes) == (None, THREE)
    assert (metrics.resamples, metrics.seed) == (20, 3)
    assert [note for note in metrics.notes if "Only" in note] == [
        "Only 29 films labelled NORMAL: each of them is 3% of any figure on NORMAL.",
        "Only 29 films labelled bacteria: each of them is 3% of any figure on bacteria.",
    ]
    write_metrics(metrics, tmp_path / "metrics.json")
    assert read_metrics(tmp_path / "metrics.json") == metrics
    keys = list(json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8")))
    assert keys[:4] == ["accuracy", "balanced_accuracy", "auroc", "sensitivity"]
    assert not {"recall", "average_precision", "auroc_delong"} & set(keys)


def test_a_class_without_films_is_said_so() -> None:
    metrics = evaluate_predictions(only(made_up_three(120), "NORMAL", "bacteria"), resamples=20)
    undefined = {name for name in OVERALL if metrics.figures[name].value is None}
    assert undefined == {"balanced_accuracy", "auroc", "sensitivity", "precision", "f1"}
    assert metrics.per_class is not None
    assert metrics.pairs is not None
    assert metrics.per_class["virus"].n == 0
    assert metrics.pairs["bacteria|virus"].auroc.value is None
    assert any(note.startswith("No film is labelled virus:") for note in metrics.notes)


def test_one_class_alone_is_said_so() -> None:
    metrics = evaluate_predictions(only(made_up_three(120), "virus"), resamples=20)
    assert {name for name in OVERALL if metrics.figures[name].value is not None} == {
        "accuracy",
        "brier",
        "log_loss",
        "ece",
    }
    assert any(note.startswith("Every film is labelled virus:") for note in metrics.notes)
    assert not any(note.startswith("No film is labelled") for note in metrics.notes)


def test_no_labels_leave_nothing_but_counts() -> None:
    metrics = evaluate_predictions(relabelled(made_up_three(12), ""))
    assert all(metrics.figures[name] == Figure(None) for name in OVERALL)
    assert metrics.confusion["NORMAL"] == dict.fromkeys(THREE, 0)
    assert (metrics.n, metrics.n_unlabelled) == (0, 12)
    assert any("no figure can be computed" in note for note in metrics.notes)


def test_a_class_that_is_never_called_has_no_precision() -> None:
    rows = tuple(replace(row, probs=(row.probs[0], row.probs[1] + row.probs[2], 0.0)) for row in made_up_three(120))
    metrics = evaluate_predictions(Predictions(THREE, None, rows), resamples=20)
    assert metrics.per_class is not None
    assert metrics.per_class["virus"].precision.value is None
    assert metrics.precision.value is None
    assert metrics.per_class["virus"].f1.value == 0
    assert any("No film is called virus" in note for note in metrics.notes)


def test_two_classes_that_are_told_apart_by_chance_are_named() -> None:
    """The detector knows a normal film, and nothing of causes."""
    rows = tuple(
        replace(row, probs=(row.probs[0], *2 * ((row.probs[1] + row.probs[2]) / 2,))) for row in made_up_three(120)
    )
    notes = evaluate_predictions(Predictions(THREE, None, rows), resamples=20).notes
    (guessed,) = (note for note in notes if "better than chance:" in note)
    assert guessed.endswith(": bacteria and virus (AUROC as low as 0.50).")


def test_labels_of_another_bundle_are_refused() -> None:
    with pytest.raises(RequestError, match=r"NORMAL, bacteria and virus, .*COVID"):
        evaluate_predictions(relabelled(made_up_three(5), "COVID"))
