"""Figures among some of the films: those of its films alone, and none where there is nothing to compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from hilum.evaluation.subgroups import age_band, size_band, subgroups
from hilum.records import Film, Predictions

from .conftest import CLASSES, THREE, THRESHOLD, made_up, made_up_three, span, value_of


def with_films(predictions: Predictions, **fields: list[str]) -> Predictions:
    """The same predictions; each film gets the next of the values given for a field."""
    rows = [
        replace(
            row, film=replace(row.film, **{name: values[number % len(values)] for name, values in fields.items()})
        )
        for number, row in enumerate(predictions)
    ]
    return replace(predictions, rows=tuple(rows))


def test_a_group_has_the_figures_of_its_films_alone() -> None:
    predictions = with_films(made_up(160), sex=["F", "F", "M", ""])
    groups = subgroups(predictions, resamples=50)["sex"]
    assert list(groups) == ["F", "M"]
    for name, group in groups.items():
        rows = [row for row in predictions if row.film.sex == name]
        labels = np.array([row.film.label == "PNEUMONIA" for row in rows])
        probs = np.array([row.probs[1] for row in rows])
        assert group.n == len(rows)
        assert group.n_of == {"NORMAL": int((~labels).sum()), "PNEUMONIA": int(labels.sum())}
        assert group.patients == len({row.film.patient for row in rows})
        assert group.auroc.value == pytest.approx(roc_auc_score(labels, probs))
        assert group.sensitivity.value == pytest.approx(recall_score(labels, probs >= THRESHOLD))
        low, value, high = span(group.auroc)
        assert low <= value <= high


def test_a_cause_is_compared_with_every_film_of_the_other_class() -> None:
    predictions = made_up(150)
    groups = subgroups(predictions, resamples=0)["cause"]
    assert list(groups) == ["bacteria", "virus"]
    for name, group in groups.items():
        rows = [row for row in predictions if row.film.subtype in (name, "")]
        labels = np.array([row.film.subtype == name for row in rows])
        assert group.auroc.value == pytest.approx(roc_auc_score(labels, [row.probs[1] for row in rows]))
        assert group.n_of["PNEUMONIA"] == labels.sum()


def test_what_the_source_does_not_name_gives_no_group() -> None:
    assert set(subgroups(made_up(40), resamples=0)) == {"cause"}
    assert "sex" not in subgroups(with_films(made_up(40), sex=["F"]), resamples=0)


def test_bands_come_in_their_order() -> None:
    predictions = with_films(made_up(60), age=["7", "070Y", "30", "2", "11M"], site=["B", "A"], view=["PA", "AP"])
    groups = subgroups(predictions, resamples=0)
    assert list(groups["age"]) == ["under 5 years", "5–17 years", "18–39 years", "65 and over"]
    assert list(groups["site"]) == ["A", "B"]
    assert list(groups["projection"]) == ["AP", "PA"]


def test_films_of_another_size_are_a_group() -> None:
    rows = [replace(row, shape=(224, 224) if number % 2 else (1300, 1600)) for number, row in enumerate(made_up(40))]
    groups = subgroups(Predictions(CLASSES, THRESHOLD, tuple(rows)), resamples=0)
    assert list(groups["size"]) == ["under 0.25 megapixels", "1–4 megapixels"]


def test_of_several_classes_every_group_has_the_means() -> None:
    groups = subgroups(with_films(made_up_three(90), sex=["F", "M"]), resamples=0)
    assert list(groups) == ["sex"]
    assert set(groups["sex"]["F"].n_of) == set(THREE)
    assert 0 < value_of(groups["sex"]["F"].auroc) <= 1


def test_a_group_of_one_class_says_what_is_not_defined() -> None:
    predictions = made_up(50)
    rows = tuple(
        replace(row, film=replace(row.film, sex="F" if row.film.label == "NORMAL" else "M")) for row in predictions
    )
    groups = subgroups(replace(predictions, rows=rows), resamples=20)["sex"]
    assert groups["F"].auroc.value is None
    assert groups["F"].specificity.value is not None


@pytest.mark.parametrize(
    ("age", "band"),
    [("58", "40–64 years"), ("058Y", "40–64 years"), ("4.9", "under 5 years"), ("18", "18–39 years"), ("", ""),
     ("7 months", "under 5 years"), ("072M", "5–17 years"), ("030W", "under 5 years"), ("10D", "under 5 years"),
     ("58 Years", "40–64 years"), ("old", ""), ("411", "65 and over")],
)  # fmt: skip
def test_an_age_falls_in_its_band(age: str, band: str) -> None:
    assert age_band(age) == band


def test_an_unknown_size_is_no_band() -> None:
    assert size_band((0, 0)) == ""
    assert Film("a.png").site == ""
