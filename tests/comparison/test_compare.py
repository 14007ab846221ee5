"""What is shown to differ differs, what is not is said in those words, and only like is compared with like."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from hilum.comparison import compare_entries
from hilum.comparison.comparison_file import as_json
from hilum.errors import RequestError
from hilum.metrics import delong_test, holm, mcnemar_test
from hilum.records import Film, Prediction

from .conftest import THREE, entry


def test_every_figure_and_test_is_that_of_the_films() -> None:
    a, b = entry("a", 2.5), entry("b", 1.0, seed=1)
    compared = compare_entries([a, b], resamples=200)
    labels = np.array([row.film.label == "PNEUMONIA" for row in a.predictions])
    patients = [row.film.patient for row in a.predictions]
    probs = [np.array([row.probs[1] for row in each.predictions]) for each in (a, b)]
    for found, said in zip(compared.entries, probs, strict=True):
        assert found.figures["auroc"].value == pytest.approx(roc_auc_score(labels, said))
        assert found.figures["accuracy"].value == pytest.approx(accuracy_score(labels, said >= 0.5))
    (pair,) = compared.pairs
    delong = delong_test(labels, probs[0], probs[1], patients)
    assert pair.tests["auroc"].difference.value == delong.difference.value
    assert pair.tests["auroc"].p == delong.p
    right = [(said >= 0.5) == labels for said in probs]
    assert pair.tests["accuracy"].p == mcnemar_test(right[0], right[1], patients).p
    assert (compared.n, compared.patients) == (200, 100)
    json.dumps(as_json(compared), allow_nan=False)


def test_a_better_detector_is_called_better_and_so_is_the_lower_loss() -> None:
    (pair,) = compare_entries([entry("weak", 0.5), entry("strong", 3.0)], resamples=200).pairs
    assert pair.tests["auroc"].says == "weak is worse"
    assert pair.tests["auroc"].higher == "strong"
    assert pair.tests["brier"].says == "weak is worse"
    assert pair.tests["brier"].higher == "weak"


def test_of_two_seeds_of_one_recipe_no_difference_is_shown() -> None:
    (pair,) = compare_entries([entry("seed 1", 1.5, seed=1), entry("seed 2", 1.5, seed=2)], resamples=400).pairs
    assert {test.says for test in pair.tests.values()} == {"no difference shown"}


def test_the_p_values_of_a_figure_are_corrected_over_all_pairs() -> None:
    pairs = compare_entries([entry("a", 1.0), entry("b", 1.4, seed=1), entry("c", 1.8, seed=2)], resamples=100).pairs
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for kind in ("auroc", "accuracy", "brier"):
        tests = [pair.tests[kind] for pair in pairs]
        assert [test.p_holm for test in tests] == holm([test.p for test in tests])


def test_detectors_of_several_classes_are_compared_by_their_means() -> None:
    compared = compare_entries([entry("a", 3.0, classes=THREE), entry("b", 0.5, classes=THREE)], resamples=200)
    (pair,) = compared.pairs
    assert pair.tests["auroc"].says == pair.tests["accuracy"].says == "a is better"
    first, second = (each.figures["auroc"].value for each in compared.entries)
    assert first is not None
    assert second is not None
    assert first > second


def test_a_film_that_one_could_not_read_counts_for_none() -> None:
    a, b = entry("a", 2.0), entry("b", 2.0, seed=1)
    rows = (Prediction(b.predictions.rows[0].film, error="damaged"), *b.predictions.rows[1:])
    compared = compare_entries([a, replace(b, predictions=replace(b.predictions, rows=rows))], resamples=0)
    assert compared.n == 199
    assert any("1 film could not be read" in note for note in compared.notes)


def test_films_of_one_class_leave_what_cannot_be_tested() -> None:
    entries = [entry("a", 2.0), entry("b", 1.0, seed=1)]
    one = [replace(each, predictions=replace(each.predictions, rows=each.predictions.rows[::2])) for each in entries]
    (pair,) = compare_entries(one, resamples=50).pairs
    assert pair.tests["auroc"].says == "cannot be tested on these films"
    assert pair.tests["accuracy"].p is not None


def test_other_films_other_labels_and_other_classes_are_refused() -> None:
    a, b = entry("a", 2.0), entry("b", 2.0)
    fewer = replace(b, predictions=replace(b.predictions, rows=b.predictions.rows[:50]))
    with pytest.raises(RequestError, match=r"a was evaluated on 200 labelled films and b on 50, 50 of them the same"):
        compare_entries([a, fewer])
    first = b.predictions.rows[0]
    other = replace(first, film=Film(first.film.path, "PNEUMONIA"))
    relabelled = replace(b, predictions=replace(b.predictions, rows=(other, *b.predictions.rows[1:])))
    with pytest.raises(RequestError, match=r"f0\.png: labelled NORMAL for a and PNEUMONIA for b"):
        compare_entries([a, relabelled])
    with pytest.raises(RequestError, match=r"they cannot be compared"):
        compare_entries([a, entry("c", 1.0, classes=THREE)])
    with pytest.raises(RequestError, match=r"needs two detectors"):
        compare_entries([a])


def test_few_films_are_said_to_be_few() -> None:
    notes = compare_entries([entry("a", 2.0, n=10), entry("b", 2.0, n=10, seed=1)], resamples=20).notes
    assert [note for note in notes if "Only 5 films labelled PNEUMONIA" in note]
    assert not any(
        "Only" in note for note in compare_entries([entry("a", 2.0), entry("b", 2.0, seed=1)], resamples=20).notes
    )
