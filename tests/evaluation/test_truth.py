from __future__ import annotations

from dataclasses import replace

import pytest

from hilum.errors import RequestError
from hilum.evaluation.truth import judged, require_known_labels
from hilum.records import Film, Prediction, Predictions

from .conftest import CLASSES, made_up


def test_only_films_with_a_label_and_a_probability_are_judged() -> None:
    rows = list(made_up(6).rows)
    rows[1] = replace(rows[1], film=replace(rows[1].film, label=""))
    rows[2] = Prediction(rows[2].film, error="damaged")
    films = judged(Predictions(CLASSES, 0.5, tuple(rows)))
    assert [row.film.path for row in films.rows] == ["film0.png", "film3.png", "film4.png", "film5.png"]
    assert films.labels.tolist() == [True, False, False, True]
    assert films.probs.tolist() == [rows[number].probs[1] for number in (0, 3, 4, 5)]
    assert films.patients == ("person0", "person1", "person2", "person2")
    assert not films.one_class


@pytest.mark.parametrize("labels", [[], ["NORMAL"], ["PNEUMONIA", "PNEUMONIA"]])
def test_one_class_is_noticed(labels: list[str]) -> None:
    rows = tuple(Prediction(Film("a.png", label), (0.5, 0.5)) for label in labels)
    assert judged(Predictions(CLASSES, 0.5, rows)).one_class


def test_strange_labels_are_named_with_the_classes_that_are_known() -> None:
    films = [Film("a", "COVID"), Film("b", "COVID"), Film("c", "Normal"), Film("d"), Film("e", "NORMAL")]
    with pytest.raises(RequestError, match=r"NORMAL and PNEUMONIA.*'COVID' \(2 films\), 'Normal' \(1 film\)"):
        require_known_labels(films, CLASSES)
    with pytest.raises(RequestError, match="and 4 more"):
        require_known_labels([Film("a", f"label {number}") for number in range(9)], CLASSES)


def test_several_classes_are_refused() -> None:
    with pytest.raises(RequestError, match="has 3: a, b, c"):
        require_known_labels([], ("a", "b", "c"))
