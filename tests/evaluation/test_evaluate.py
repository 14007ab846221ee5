from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn import metrics as reference

from hilum.errors import RequestError
from hilum.evaluation import as_json, evaluate_predictions, read_metrics, write_metrics
from hilum.records import Figure, Film, Prediction, Predictions

from .conftest import CLASSES, THRESHOLD, made_up, span, value_of

FIGURES = (
    "auroc",
    "accuracy",
    "sensitivity",
    "specificity",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "average_precision",
    "brier",
    "log_loss",
    "ece",
)


def relabelled(predictions: Predictions, label: str) -> Predictions:
    rows = tuple(replace(row, film=replace(row.film, label=label)) for row in predictions)
    return replace(predictions, rows=rows)


def test_figures_are_those_of_scikit_learn() -> None:
    predictions = made_up(150)
    labels = [row.film.label == "PNEUMONIA" for row in predictions]
    probs = [row.probs[1] for row in predictions]
    called = [prob >= THRESHOLD for prob in probs]
    metrics = evaluate_predictions(predictions, resamples=50)
    assert metrics.auroc.value == pytest.approx(reference.roc_auc_score(labels, probs))
    assert value_of(metrics.average_precision) == pytest.approx(reference.average_precision_score(labels, probs))
    assert metrics.sensitivity.value == pytest.approx(reference.recall_score(labels, called))
    assert metrics.f1.value == pytest.approx(reference.f1_score(labels, called))
    assert list(metrics.confusion.values()) == reference.confusion_matrix(labels, called).ravel().tolist()
    assert list(metrics.confusion) == ["tn", "fp", "fn", "tp"]
    for name in FIGURES:
        assert list(as_json(metrics)[name]) == ["value", "low", "high"]  # type: ignore[call-overload]
        low, value, high = span(metrics.figures[name])
        assert low <= value <= high
    assert (metrics.n, metrics.patients) == (150, 75)
    assert (metrics.n_failed, metrics.n_unlabelled) == (0, 0)
    assert (metrics.threshold, metrics.classes) == (THRESHOLD, CLASSES)
    assert metrics.notes == ()


def test_the_same_seed_gives_the_same_figures() -> None:
    predictions = made_up(60)
    assert evaluate_predictions(predictions, resamples=100) == evaluate_predictions(predictions, resamples=100)
    other = evaluate_predictions(predictions, resamples=100, seed=1)
    assert other.auroc.value == evaluate_predictions(predictions, resamples=100).auroc.value
    assert other.auroc.low != evaluate_predictions(predictions, resamples=100).auroc.low


def test_failed_and_unlabelled_films_are_counted_apart() -> None:
    rows = list(made_up(100).rows)
    rows[0] = Prediction(rows[0].film, error="damaged")
    rows[1] = replace(rows[1], film=replace(rows[1].film, label=""))
    rows[2] = Prediction(replace(rows[2].film, label=""), error="damaged")
    metrics = evaluate_predictions(Predictions(CLASSES, THRESHOLD, tuple(rows)), resamples=20)
    assert (metrics.n, metrics.n_failed, metrics.n_unlabelled) == (97, 2, 1)
    assert any("2 films could not be read" in note for note in metrics.notes)
    assert any("1 film without a label: no figure counts it." in note for note in metrics.notes)


@pytest.mark.parametrize(
    ("label", "known", "lost"),
    [("PNEUMONIA", "sensitivity", "specificity"), ("NORMAL", "specificity", "sensitivity")],
)
def test_one_class_alone_is_said_so(label: str, known: str, lost: str) -> None:
    metrics = evaluate_predictions(relabelled(made_up(60), label), resamples=20)
    undefined = {name for name in FIGURES if metrics.figures[name].value is None}
    assert undefined - {"recall"} == {"auroc", "average_precision", "balanced_accuracy", "precision", "f1", lost}
    assert ("recall" in undefined) == (lost == "sensitivity")
    assert metrics.figures[known].value is not None
    assert any(f"Every film is labelled {label}" in note and lost in note for note in metrics.notes)


def test_no_labels_leave_nothing_but_counts() -> None:
    metrics = evaluate_predictions(relabelled(made_up(12), ""))
    assert all(metrics.figures[name] == Figure(None) for name in FIGURES)
    assert metrics.confusion == {"tn": 0, "fp": 0, "fn": 0, "tp": 0}
    assert (metrics.n, metrics.n_unlabelled, metrics.subgroups) == (0, 12, {})
    assert any("no figure can be computed" in note for note in metrics.notes)


def test_weak_ground_is_said_so() -> None:
    rows = [replace(row, film=replace(row.film, patient="")) for row in made_up(20)]
    notes = " ".join(evaluate_predictions(Predictions(CLASSES, THRESHOLD, tuple(rows)), resamples=50).notes)
    assert "No patient is known" in notes
    assert "Only 8 films labelled NORMAL" in notes
    rows[0] = replace(rows[0], film=replace(rows[0].film, patient="known"))
    notes = " ".join(evaluate_predictions(Predictions(CLASSES, THRESHOLD, tuple(rows)), resamples=50).notes)
    assert "The patient of 19 films is not known" in notes


def test_chance_is_called_chance() -> None:
    rows = tuple(replace(row, probs=(0.5, 0.5)) for row in made_up(100))
    notes = evaluate_predictions(Predictions(CLASSES, THRESHOLD, rows), resamples=20).notes
    assert any("better than chance" in note for note in notes)


def test_figures_without_an_interval_are_named() -> None:
    rows = tuple(
        Prediction(Film(str(number), CLASSES[number % 2]), (1.0, 0.0) if number % 2 == 0 else (0.0, 1.0))
        for number in range(80)
    )
    metrics = evaluate_predictions(Predictions(CLASSES, THRESHOLD, rows), resamples=20)
    assert metrics.auroc == Figure(1.0)
    assert metrics.sensitivity.low == pytest.approx(0.025 ** (1 / 40))
    assert any("No interval for AUROC" in note for note in metrics.notes)


def test_a_threshold_that_calls_nothing_leaves_precision_undefined() -> None:
    metrics = evaluate_predictions(replace(made_up(80), threshold=1.0), resamples=20)
    assert metrics.precision.value is None
    assert any("precision is not defined" in note for note in metrics.notes)


def test_labels_of_another_bundle_are_refused() -> None:
    with pytest.raises(RequestError, match="COVID"):
        evaluate_predictions(relabelled(made_up(5), "COVID"))


def test_metrics_are_written_as_strict_json(tmp_path: Path) -> None:
    metrics = evaluate_predictions(relabelled(made_up(5), ""))
    write_metrics(metrics, tmp_path / "new" / "metrics.json")
    text = (tmp_path / "new" / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(as_json(metrics)))
    assert read_metrics(tmp_path / "new" / "metrics.json") == metrics
    assert "NaN" not in text
