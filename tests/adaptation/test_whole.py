"""The rung that takes minutes to fit is fitted once a fold, and has to beat the others too."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.adaptation import OUTER_FOLDS, Unchanged, cross_validate
from hilum.adaptation.answers import answers
from hilum.adaptation.whole import PROMISING
from tests.adaptation.test_choice import PLAIN, Recorded, films_of, scores


def test_it_is_fitted_once_a_fold_to_other_patients_and_taken_where_it_is_better_than_the_others() -> None:
    films = films_of(80, PLAIN)
    before, weak, strong = (scores(films, apart, seed=seed) for seed, apart in enumerate((1.0, 1.5, 4.0)))
    last, whole = Recorded(weak), Recorded(strong, "whole network")
    held_out = cross_validate([Unchanged([before]), last, whole], answers(before, 0.5), films)
    assert len(whole.calls) == OUTER_FOLDS
    for seen, predicted in whole.calls:
        assert not set(films.patients_of(seen)) & set(films.patients_of(predicted))
    assert held_out.is_better
    assert set(held_out.rungs) == {"whole network"}
    assert held_out.choice
    assert held_out.choice.candidate is whole
    np.testing.assert_array_equal(held_out.choice.probs[0], strong)  # of each film by what had not seen it, in order
    called = (strong[:, 1] >= 0.5).astype(int)
    assert float(held_out.after["accuracy"]) == pytest.approx((called == films.labels).mean(), abs=0.05)


def test_where_it_does_no_better_it_is_given_up_after_two_folds() -> None:
    films = films_of(80, PLAIN)
    before, strong = scores(films, 1.0), scores(films, 4.0, seed=1)
    last, whole = Recorded(strong), Recorded(before, "whole network")
    held_out = cross_validate([Unchanged([before]), last, whole], answers(before, 0.5), films)
    assert len(whole.calls) == PROMISING
    assert held_out.is_better
    assert set(held_out.rungs) == {"last layer"}


def test_where_it_is_not_shown_to_be_better_than_the_others_they_are_kept() -> None:
    films = films_of(80, PLAIN)
    before, strong, alike = (scores(films, apart, seed=seed) for seed, apart in ((0, 1.0), (3, 3.0), (7, 3.0)))
    last, whole = Recorded(strong), Recorded(alike, "whole network")
    held_out = cross_validate([Unchanged([before]), last, whole], answers(before, 0.5), films)
    assert len(whole.calls) == OUTER_FOLDS
    assert held_out.is_better
    assert set(held_out.rungs) == {"last layer"}
    assert held_out.choice is None
