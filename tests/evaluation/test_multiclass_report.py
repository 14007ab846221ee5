"""A report on three classes: what it says, that all of it is there, and that other people's names stay text."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from hilum.evaluation import evaluate_predictions, render_report, under_shifts, write_report
from hilum.evaluation.multiclass_report import verdict, weaknesses
from hilum.records import Figure, Film, Manifest, Prediction, Predictions
from hilum.shifts import ACQUISITION

from .conftest import HISTORY, THREE, battery, made_up_spec, made_up_three
from .test_report import Page
from .test_robustness import ThreeBrightnesses


def read(predictions: Predictions) -> Page:
    spec = made_up_spec(classes=predictions.classes)
    return Page(render_report(evaluate_predictions(predictions, resamples=50), predictions, spec))


def test_a_whole_report(phantoms: list[Film], tmp_path: Path) -> None:
    rows = [
        replace(row, film=replace(row.film, path=film.path))
        for row, film in zip(made_up_three(40, seed=2).rows, phantoms, strict=True)
    ]
    rows.append(Prediction(Film("broken.dcm", "NORMAL"), error="damaged; copy it again"))
    predictions = Predictions(THREE, None, tuple(rows))
    metrics = evaluate_predictions(predictions, resamples=100)
    films = Manifest(tuple(row.film for row in rows[:40]))
    batteries = under_shifts(ThreeBrightnesses(), films, {"shifted": ACQUISITION}, resamples=20)
    metrics = structs.replace(metrics, **batteries)
    spec = made_up_spec(HISTORY, THREE)
    write_report(tmp_path / "report.html", metrics, predictions, spec)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)

    assert text == render_report(metrics, predictions, spec)  # the same bytes again
    assert "not a medical device" in page.text
    assert "a detector of NORMAL, bacteria and virus on the split test" in page.text
    order = ["On 40 films of 20 known patients", "Mean AUROC", "Each class against all the others",
             "Two classes at a time", "Confusion matrix", "ROC: virus against the rest", "shifts-1",
             "most confident of", "broken.dcm", "The whole recipe"]  # fmt: skip
    places = [page.text.index(word) for word in order]
    assert places == sorted(places)
    for word in ("virus against bacteria", "the most probable class, without a threshold", "means over the classes"):
        assert word in page.text, word
    assert "same threshold" not in page.text
    assert metrics.per_class is not None
    assert metrics.pairs is not None
    aurocs = [group.auroc for group in metrics.per_class.values()] + [group.auroc for group in metrics.pairs.values()]
    for auroc in aurocs:
        assert f"{auroc.value:.3f}" in page.text
    assert len(page.all("svg")) == 9  # three ROCs, reliability, sureness, shifts, three of the training
    wrong = sum(row.prediction != row.film.label for row in rows[:40])
    assert len(page.all("img")) == min(12, wrong) > 0
    assert f"The {min(12, wrong)} most confident of {wrong} errors" in page.text


def test_the_verdict_names_films_patients_and_four_figures() -> None:
    metrics = evaluate_predictions(made_up_three(120), resamples=50)
    sentence = verdict(metrics, {})
    assert sentence.startswith(
        "On 120 films of 60 known patients, the detector tells NORMAL, bacteria and virus apart"
    )
    assert "apart with an accuracy of 0." in sentence
    for name in ("accuracy", "auroc", "sensitivity", "specificity"):
        assert f"{metrics.figures[name].value:.3f} (" in sentence


def test_without_labels_the_verdict_counts_what_was_called() -> None:
    metrics = evaluate_predictions(Predictions(THREE, None, (Prediction(Film("a.png"), (0.1, 0.2, 0.7), "virus"),)))
    assert verdict(metrics, Counter(["virus"])).endswith("It calls 0 NORMAL, 0 bacteria and 1 virus.")


def test_weaknesses_name_what_each_class_is_mistaken_for_the_hardest_pair_and_the_worst_shifts() -> None:
    metrics = evaluate_predictions(made_up_three(120), resamples=0)
    pairs = dict(metrics.pairs or {})
    for name, value in (("NORMAL|bacteria", 0.99), ("NORMAL|virus", 0.98), ("bacteria|virus", 0.9)):
        pairs[name] = structs.replace(pairs[name], auroc=Figure(value, value - 0.01, value + 0.01))
    metrics = structs.replace(
        metrics,
        confusion={
            "NORMAL": {"NORMAL": 40, "bacteria": 0, "virus": 0},
            "bacteria": {"NORMAL": 1, "bacteria": 30, "virus": 9},
            "virus": {"NORMAL": 0, "bacteria": 5, "virus": 35},
        },
        pairs=pairs,
        shifted=battery(0.8, 0.7, "unsharp_masked", {"unsharp_masked": (0.5, 0.9)}),
    )
    *classes, pair, shifted = weaknesses(metrics)
    assert classes == [
        "It calls 0 of 40 NORMAL films something else.",
        "It calls 10 of 40 bacteria films something else, most often virus.",
        "It calls 5 of 40 virus films something else, always bacteria.",
    ]
    assert pair == (
        "The hardest to tell apart are bacteria and virus: between these two alone its AUROC is 0.900 (0.890–0.910)."
    )
    assert "The mean sensitivity falls to 0.500 (unsharp masked)" in shifted


def test_unlabelled_films_are_shown_and_not_evaluated() -> None:
    rows = tuple(replace(row, film=replace(row.film, label="")) for row in made_up_three(30))
    page = read(Predictions(THREE, None, rows))
    assert "None of these films is labelled" in page.text
    assert "Without labels there is no AUROC" in page.text
    assert len(page.all("svg")) == 1


def test_a_class_without_films_has_no_curve() -> None:
    rows = tuple(row for row in made_up_three(60) if row.film.label != "virus")
    page = read(Predictions(THREE, None, rows))
    assert "Not every class occurs among them" in page.text
    assert "not defined" in page.text
    assert "ROC: bacteria against the rest" in page.text
    assert "ROC: virus against the rest" not in page.text


@pytest.mark.parametrize("rows", [(), (Prediction(Film("a.png", "NORMAL"), error="missing"),) * 300])
def test_nothing_to_report_is_reported(rows: tuple[Prediction, ...]) -> None:
    page = read(Predictions(THREE, None, rows))
    assert "None of these films could be read" in page.text
    assert ("The first 200 of 300" in page.text) == bool(rows)


def test_hostile_names_stay_text(phantoms: list[Film]) -> None:
    classes = ("{{ 7 * 7 }}", "<script>alert(1)</script>", 'a|b|"><img src=x onerror=alert(1)>')
    rows = tuple(
        replace(row, film=replace(row.film, path=film.path))
        for row, film in zip(made_up_three(40, classes=classes), phantoms, strict=True)
    )
    page = read(Predictions(classes, None, rows))
    assert not page.all("script")
    assert all(image["src"] != "x" and "onerror" not in image for image in page.all("img"))
    assert len(page.all("img")) == min(12, sum(row.prediction != row.film.label for row in rows))
    for name in classes:
        assert f"called {name}" in page.pieces
