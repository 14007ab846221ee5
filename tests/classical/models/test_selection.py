"""What is kept tells most of the class."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from hilum.classical.models.selection import Method, Selection
from tests.classical.simulated import training_set


@pytest.mark.parametrize("method", ["mutual-information", "recursive", "l1"])
def test_keeps_what_tells_the_class(method: Method) -> None:
    films = training_set(numbers=20)
    kept = Selection(method, 2).fit(films.numbers, films.labels)
    assert kept.mask_[:2].all()
    if method != "l1":
        assert kept.mask_.sum() == 2
    np.testing.assert_array_equal(kept.transform(films.numbers), films.numbers[:, kept.mask_])


def test_mutual_information_is_that_of_sixteenths_of_the_films() -> None:
    films = training_set(films=320, numbers=6, classes=3)
    edges = [np.quantile(column, np.arange(1, 16) / 16) for column in films.numbers.T]
    told = [
        mutual_info_score(films.labels, [int(np.sum(edge < value)) for value in column])
        for edge, column in zip(edges, films.numbers.T, strict=True)
    ]
    kept = Selection("mutual-information", 4).fit(films.numbers, films.labels)
    assert set(np.flatnonzero(kept.mask_)) == set(np.argsort(told)[-4:])


def test_recursive_elimination_is_scikit_learns() -> None:
    films = training_set(numbers=9)
    judge = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
    expected = RFE(judge, n_features_to_select=4, step=0.1).fit(films.numbers, films.labels).support_
    np.testing.assert_array_equal(Selection("recursive", 4).fit(films.numbers, films.labels).mask_, expected)


def test_a_sparse_model_that_uses_nothing_says_so() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-3, (40, 5)).astype(np.float32)
    with pytest.raises(ValueError, match="uses none of the numbers"):
        Selection("l1").fit(noise, np.arange(40) % 2)
