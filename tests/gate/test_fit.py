"""Fitting a gate: what it learns, and whom it holds out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from hilum import gate
from hilum.gate.descriptor import LENGTH, Image8
from hilum.gate.distribution import fit_distribution, rank
from hilum.gate.fit import FOLDS, LEAST
from hilum.gate.heuristics import roughness
from tests.gate.conftest import Chests


def patients(number: int) -> list[str]:
    return [f"patient {n}" for n in range(number)]


def test_the_distribution_is_that_of_probabilistic_principal_components() -> None:
    draws = np.random.default_rng(0)
    spread = draws.normal(size=(LENGTH, LENGTH)) * np.geomspace(3, 0.1, LENGTH)
    described = (draws.normal(size=(1000, LENGTH)) @ spread).astype(np.float32)
    reference = PCA(n_components=50, svd_solver="full").fit(described.astype(np.float64))
    centred = described - reference.mean_
    expected = np.einsum("ij,jk,ik->i", centred, reference.get_precision(), centred)
    # The reference divides by n - 1.
    np.testing.assert_allclose(
        fit_distribution(described[:, None]).squared_distances(described), expected * 1000 / 999, rtol=1e-3
    )


def test_the_same_seed_gives_the_same_gate(chests: Chests) -> None:
    films = chests(range(30))
    first, again, other = (gate.fit_gate(films, patients(30), seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_films_are_read_one_by_one(chests: Chests) -> None:
    films = chests(range(30))
    assert gate.fit_gate(iter(films), patients(30)) == gate.fit_gate(np.stack(films), patients(30))


def test_it_says_what_it_was_fitted_on(chests: Chests) -> None:
    known = [name if number % 3 else "" for number, name in enumerate(["a", "b", "c", "d", "e"] * 6)]
    fitted = gate.fit_gate(chests(range(30)), known)
    assert (fitted.films, fitted.patients, fitted.let_through) == (30, 5, 0.99)


def test_a_patients_films_are_held_out_together(chests: Chests) -> None:
    """With a twin of each film among those that are fitted on, a film would look far nearer than a new patient's."""
    films = [film for film in chests(range(40)) for _ in range(2)]
    together = gate.fit_gate(films, [f"{number // 2}" for number in range(80)])
    apart = gate.fit_gate(films, [""] * 80)
    assert together.distance > 1.2 * apart.distance


def test_the_limit_lets_through_what_was_asked_for(chests: Chests, held_out: list[Image8]) -> None:
    films = chests(range(200))
    for share in (0.5, 0.9, 0.99):
        fitted = gate.fit_gate(films, patients(200), let_through=share)
        passed = gate.check_films(fitted, held_out).passed.mean()
        assert abs(passed - share) < 0.12  # 200 films chose the limit, and 200 others judge it


def test_a_limit_is_the_rank_that_a_further_film_stays_within() -> None:
    values = np.arange(1.0, 200.0)
    assert rank(values, 0.99) == 198  # 0.99 · 200
    assert rank(values, 0.5) == 100
    assert rank(values[:50], 0.99) == 50  # too few: the largest


def test_a_picture_may_be_three_times_as_rough_as_films_are(chests: Chests) -> None:
    films = chests(range(200))
    usual = sorted(roughness(film) for film in films)[198]  # the 199th: 0.99 · 201, rounded up
    assert gate.fit_gate(films, patients(200)).roughness == pytest.approx(3 * usual)


def test_of_very_many_films_some_are_drawn(chests: Chests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.gate.fit._MOST", 25)
    assert gate.fit_gate(chests(range(40)), patients(40)).films == 25


def test_too_few_films_or_patients_are_refused(chests: Chests) -> None:
    films = chests(range(LEAST))
    assert gate.fit_gate(films, [str(number % FOLDS) for number in range(LEAST)]).films == LEAST
    with pytest.raises(ValueError, match="20 films of 5 patients or more, not on 19 of 19"):
        gate.fit_gate(films[:-1], patients(LEAST - 1))
    with pytest.raises(ValueError, match="not on 20 of 4"):
        gate.fit_gate(films, [str(number % 4) for number in range(LEAST)])
    with pytest.raises(ValueError, match="not on 0 of 0"):
        gate.fit_gate([], [])


def test_films_that_teach_nothing_are_refused(chests: Chests) -> None:
    with pytest.raises(ValueError, match="all films are the same"):
        gate.fit_gate(chests(range(1)) * LEAST, patients(LEAST))
    with pytest.raises(ValueError, match="all films are the same"):
        gate.fit_gate([np.full((64, 64), level, dtype=np.uint8) for level in range(LEAST)], patients(LEAST))


def test_films_of_another_kind_are_refused(chests: Chests) -> None:
    films = chests(range(LEAST))
    others: list[Any] = [films[0] / 255, films[0][:, :50], films[0][None], *chests(range(1), 32)]
    for wrong in others:
        with pytest.raises(ValueError, match="squares of bytes, all of one size"):
            gate.fit_gate([*films, wrong], patients(LEAST + 1))
    with pytest.raises(ValueError, match="zip"):
        gate.fit_gate(films, patients(LEAST + 1))
    with pytest.raises(ValueError, match="let_through"):
        gate.fit_gate(films, patients(LEAST), let_through=1)
