from __future__ import annotations

from dataclasses import replace

import pytest

from hilum.errors import RequestError
from hilum.evaluation.truth import binary_films, multiclass_films, require_known_labels, threshold_of
from hilum.records import Film, Prediction, Predictions

from .conftest import CLASSES, THREE, made_up


def test_only_films_with_a_label_and_a_probability_count() -> None:
    rows = list(made_up(6).rows)
    rows[1] = replace(rows[1], film=replace(rows[1].film, label=""))
    rows[2] = Prediction(rows[2].film, error="damaged")
    films = binary_films(Predictions(CLASSES, 0.5, tuple(rows)))
    assert [row.film.path for row in films.rows] == ["film0.png", "film3.png", "film4.png", "film5.png"]
    assert films.labels.tolist() == [True, False, False, True]
    assert films.probs.tolist() == [rows[number].probs[1] for number in (0, 3, 4, 5)]
    assert films.patients == ("person0", "person1", "person2", "person2")
    assert not films.one_class


@pytest.mark.parametrize("labels", [[], ["NORMAL"], ["PNEUMONIA", "PNEUMONIA"]])
def test_one_class_is_noticed(labels: list[str]) -> None:
    rows = tuple(Prediction(Film("a.png", label), (0.5, 0.5)) for label in labels)
    assert binary_films(Predictions(CLASSES, 0.5, rows)).one_class


def test_strange_labels_are_named_with_the_classes_that_are_known() -> None:
    films = [Film("a", "COVID"), Film("b", "COVID"), Film("c", "Normal"), Film("d"), Film("e", "NORMAL")]
    with pytest.raises(RequestError, match=r"NORMAL and PNEUMONIA.*'COVID' \(2 films\), 'Normal' \(1 film\)"):
        require_known_labels(films, CLASSES)
    with pytest.raises(RequestError, match="and 4 more"):
        require_known_labels([Film("a", f"label {number}") for number in range(9)], CLASSES)


def test_of_several_classes_all_are_named_and_where_their_names_come_from() -> None:
    with pytest.raises(RequestError, match=r"NORMAL, bacteria and virus, .*'PNEUMONIA' \(1 film\).*or subtypes"):
        require_known_labels([Film("a", "PNEUMONIA"), Film("b", "virus")], THREE)


def test_several_classes_are_compared_one_against_the_rest_and_by_what_is_right() -> None:
    rows = (
        Prediction(Film("a", "virus", patient="p"), (0.1, 0.2, 0.7), "virus"),
        Prediction(Film("b", "NORMAL"), (0.2, 0.5, 0.3), "bacteria"),
        Prediction(Film("c"), (0.2, 0.5, 0.3), "bacteria"),
        Prediction(Film("d", "virus"), error="damaged"),
    )
    several = multiclass_films(Predictions(THREE, None, rows))
    assert several.scores.labels.tolist() == [2, 0]
    assert several.patients == ("p", "")
    virus, right = several.against_rest(2), several.as_right()
    assert (virus.labels.tolist(), virus.probs.tolist()) == ([True, False], [0.7, 0.3])
    assert (right.labels.tolist(), right.probs.tolist()) == ([True, False], [0.7, 0.5])
    assert multiclass_films(Predictions(THREE, None, ())).scores.probs.shape == (0, 3)


def test_two_classes_need_a_threshold() -> None:
    assert threshold_of(Predictions(CLASSES, 0.3, ())) == 0.3
    with pytest.raises(RequestError, match="these predictions have none"):
        threshold_of(Predictions(CLASSES, None, ()))
