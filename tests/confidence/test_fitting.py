"""Parameters against scikit-learn, scipy and slow loops; which method is chosen, and when none can be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from hilum.confidence import best_calibration, calibrated, fit_calibration
from hilum.confidence.recalibration import Calibration, Method
from hilum.metrics.counts import Floats

from .simulated import films, odds_of, of_odds, several


def log_loss(labels: NDArray[np.intp], probs: Floats) -> float:
    return float(-np.log(probs[np.arange(labels.size), labels]).mean())


def softened(labels: NDArray[np.intp], classes: int) -> Floats:
    """Platt's targets, film by film."""
    targets = np.zeros((labels.size, classes))
    for film, label in enumerate(labels):
        k = sum(int(other == label) for other in labels)
        targets[film] = (1 - (k + 1) / (k + 2)) / (classes - 1)
        targets[film, label] = (k + 1) / (k + 2)
    return targets


def logistic(labels: NDArray[np.intp], odds: Floats, weights: Floats, fit_intercept: bool) -> tuple[float, float]:
    """scikit-learn's logistic regression, each film as one of its class and a little of one of the other."""
    own = softened(labels, 2)[:, 1]
    model = LogisticRegression(C=1e10, fit_intercept=fit_intercept, tol=1e-10, max_iter=10_000)
    both = np.concatenate([np.ones_like(labels), np.zeros_like(labels)])
    counts = np.concatenate([weights * own, weights * (1 - own)])
    model.fit(np.concatenate([odds, odds])[:, None], both, sample_weight=counts)
    return float(model.coef_[0, 0]), float(np.ravel(model.intercept_)[0])


class SaysOdds(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose one feature is its own decision."""

    def fit(self, x: Floats, y: NDArray[np.intp]) -> SaysOdds:
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x: Floats) -> Floats:
        return x[:, 0]

    def predict(self, x: Floats) -> NDArray[np.bool_]:
        return x[:, 0] > 0


def test_platt_is_that_of_scikit_learn() -> None:
    labels, probs = films(1, 300, prior=0.3)
    odds = odds_of(probs) * 2.2 + 1
    network = FrozenEstimator(SaysOdds().fit(odds[:, None], labels))
    theirs = CalibratedClassifierCV(network, method="sigmoid").fit(odds[:, None], labels)
    ours = calibrated(fit_calibration(labels, of_odds(odds), "platt"), of_odds(odds))
    np.testing.assert_allclose(ours, theirs.predict_proba(odds[:, None]), atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_slope_and_offset_are_those_of_a_logistic_regression(seed: int) -> None:
    labels, probs = films(seed, 150, prior=0.3)
    odds = odds_of(probs) * 3 - 2
    slope, offset = logistic(labels, odds, np.ones(150), fit_intercept=True)
    platt = fit_calibration(labels, of_odds(odds), "platt")
    assert platt.slope == pytest.approx(slope, rel=1e-3)
    assert platt.offset == pytest.approx(offset, rel=1e-3)
    slope, _ = logistic(labels, odds, np.ones(150), fit_intercept=False)
    assert fit_calibration(labels, of_odds(odds), "temperature").slope == pytest.approx(slope, rel=1e-3)


def test_the_temperature_of_three_classes_has_the_least_log_loss() -> None:
    labels, probs = several(3, 200, (0.5, 0.3, 0.2), apart=1.5)
    logits = 2.5 * np.log(probs)
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = softened(labels, 3)

    def loss(log_temperature: float) -> float:
        cooled = np.exp(np.log(said) / np.exp(log_temperature))
        return float(-(targets * np.log(cooled / cooled.sum(axis=1, keepdims=True))).sum())

    expected = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    fitted = fit_calibration(labels, said, "temperature")
    assert fitted.temperature == pytest.approx(expected, rel=1e-5)
    assert 1.8 < fitted.temperature < 3.4  # what it was made too certain by


def test_isotonic_is_the_best_rising_fit_with_a_film_at_either_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.confidence.recalibration.TILT", 0.0)
    draws = np.random.default_rng(5)
    labels, probs = films(5, 60)
    probs, weights = np.round(probs, 1).clip(0.05, 0.95), draws.integers(1, 4, 60)
    probs[:, 0] = 1 - probs[:, 1]
    fitted = calibrated(fit_calibration(labels, probs, "isotonic", weights), probs)
    # The highest, over where to begin, of the lowest, over where to end, of the means (Barlow et al. 1972).
    x = np.concatenate([[-np.inf], probs[:, 1], [np.inf]])
    y, w = np.concatenate([[1], labels, [0]]), np.concatenate([[1], weights, [1]])
    levels = np.unique(x)
    for place, mine in zip(probs[:, 1], fitted[:, 1], strict=True):
        means = [
            min(np.average(y[(x >= a) & (x <= b)], weights=w[(x >= a) & (x <= b)]) for b in levels[levels >= place])
            for a in levels[levels <= place]
        ]
        assert mine == pytest.approx(max(means), abs=1e-9)


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_weights_count_films(method: Method) -> None:
    labels, probs = films(2, 120)
    times = np.random.default_rng(2).integers(0, 4, 120)
    counted = fit_calibration(labels, probs, method, times)
    copied = fit_calibration(labels.repeat(times), probs.repeat(times, axis=0), method)
    assert counted.slope == pytest.approx(copied.slope, rel=1e-4)
    assert counted.offset == pytest.approx(copied.offset, abs=1e-4)
    np.testing.assert_allclose(calibrated(counted, probs), calibrated(copied, probs), atol=1e-5)


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_films_without_a_mistake_call_for_no_certainty(method: Method) -> None:
    labels = np.arange(40) % 2
    probs = of_odds(np.where(labels == 1, 3.0, -3.0))
    corrected = calibrated(fit_calibration(labels, probs, method), probs)[np.arange(40), labels]
    np.testing.assert_allclose(corrected, 21 / 22, atol=3e-3)  # the next one may be wrong


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic"])
def test_certainty_that_is_wrong_stays_finite(method: Method) -> None:
    labels = np.arange(40) % 2
    probs = np.where(labels[:, None] == [0, 1], 1.0, 0.0)
    probs[:2] = probs[1::-1]
    fitted = fit_calibration(labels, probs, method)
    assert np.isfinite(log_loss(labels, calibrated(fitted, probs)))
    assert calibrated(fitted, np.array([[0.0, 1.0]]))[0, 1] < 0.96


def test_a_calibration_says_what_it_was_chosen_on() -> None:
    labels, probs = films(0, 60)
    assert fit_calibration(labels, probs, "platt").chosen_on == "60 validation films"
    assert best_calibration(labels, probs, chosen_on="films of other folds").chosen_on == "60 films of other folds"
    assert fit_calibration(labels, probs, "none") == Calibration(chosen_on="60 validation films")


def test_what_is_calibrated_is_left_alone() -> None:
    chosen = [best_calibration(*films(seed, 300), seed=seed).method for seed in range(8)]
    assert chosen.count("none") >= 6


def test_too_certain_a_network_gets_a_temperature() -> None:
    labels, probs = films(1, 500)
    chosen = best_calibration(labels, of_odds(3 * odds_of(probs)))
    assert chosen.method == "temperature"
    assert 2.4 < chosen.temperature < 3.8
    assert set(chosen.log_loss) == {"none", "temperature", "platt", "isotonic"}
    assert chosen.log_loss["temperature"] < chosen.log_loss["none"]


def test_a_network_that_leans_to_one_side_gets_platt() -> None:
    labels, probs = films(2, 500)
    chosen = best_calibration(labels, of_odds(2 * odds_of(probs) + 3))
    assert chosen.method == "platt"
    assert chosen.slope == pytest.approx(0.5, abs=0.1)


def test_a_network_that_is_wrong_in_no_straight_line_gets_steps() -> None:
    labels, probs = films(3, 3000)
    bent = np.clip(odds_of(probs), 0, None) * 9 + np.clip(odds_of(probs), None, 0) * 0.2
    chosen = best_calibration(labels, of_odds(bent))
    assert chosen.method == "isotonic"
    fresh, truth = films(4, 3000)
    bent = np.clip(odds_of(truth), 0, None) * 9 + np.clip(odds_of(truth), None, 0) * 0.2
    assert log_loss(fresh, calibrated(chosen, of_odds(bent))) < 1.03 * log_loss(fresh, truth)


def test_of_several_classes_a_temperature_is_all_there_is() -> None:
    labels, probs = several(1, 400, (0.4, 0.3, 0.3))
    sharper = probs**3 / (probs**3).sum(axis=1, keepdims=True)
    chosen = best_calibration(labels, sharper)
    assert chosen.method == "temperature"
    assert set(chosen.log_loss) == {"none", "temperature"}
    assert best_calibration(labels, probs).method == "none"


def test_copies_of_films_prove_nothing_more() -> None:
    labels, probs = films(9, 60)
    leaning = of_odds(odds_of(probs) + 0.8)
    names = [str(number) for number in range(60)]
    copies = (labels.repeat(30), leaning.repeat(30, axis=0))
    for chosen in (
        best_calibration(labels, leaning, names),
        best_calibration(*copies, np.repeat(names, 30).tolist()),
    ):
        assert min(chosen.log_loss, key=lambda name: chosen.log_loss[name]) == "platt"
        assert chosen.method == "none"  # 60 patients do not show that it is better
    assert best_calibration(*copies).method == "isotonic"  # which copies in other folds give away


def test_films_ranked_the_wrong_way_round_are_not_mended() -> None:
    labels, probs = films(1, 200)
    for method in ("temperature", "platt", "isotonic"):
        with pytest.raises(ValueError, match="ranked no better than by chance"):
            fit_calibration(labels, probs[:, ::-1], method)
    chosen = best_calibration(labels, probs[:, ::-1])
    assert chosen.method == "none"
    assert set(chosen.log_loss) == {"none"}


def test_the_folds_are_drawn_by_the_seed() -> None:
    labels, probs = films(1, 100)
    once = best_calibration(labels, probs, seed=4)
    assert best_calibration(labels, probs, seed=4) == once
    assert best_calibration(labels, probs, seed=5).log_loss["platt"] != once.log_loss["platt"]


def any_platt(labels: NDArray[np.intp], probs: Floats) -> Calibration:
    return fit_calibration(labels, probs, "platt")


@pytest.mark.parametrize("fit", [any_platt, best_calibration])
def test_too_few_films_are_refused(fit: Callable[[NDArray[np.intp], Floats], Calibration]) -> None:
    labels, probs = films(0, 60)
    with pytest.raises(ValueError, match="needs 10 films of each class, and there are 60, 0"):
        fit(np.zeros(60, dtype=np.intp), probs)
    with pytest.raises(ValueError, match="needs 10 films of each class"):
        fit(labels[:12], probs[:12])
    with pytest.raises(ValueError, match="needs 10 films of each class, and there are 0, 0"):
        fit(labels[:0], probs[:0])


def test_too_few_patients_are_refused() -> None:
    labels, probs = films(0, 60)
    names = [f"{label} {number % 4}" if label else str(number) for number, label in enumerate(labels)]
    with pytest.raises(ValueError, match="5 folds of patients, and class 1 has 4"):
        best_calibration(labels, probs, names)


def test_what_does_not_fit_is_refused() -> None:
    labels, probs = films(0, 60)
    with pytest.raises(ValueError, match="weights"):
        fit_calibration(labels, probs, "platt", np.ones(59))
    with pytest.raises(ValueError, match="weights"):
        fit_calibration(labels, probs, "platt", np.full(60, -1.0))
    with pytest.raises(ValueError, match="one a film"):
        best_calibration(labels, probs, ["a"])
    with pytest.raises(ValueError, match="logits, or contain NaN"):
        best_calibration(labels, np.full((60, 2), np.nan))
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        best_calibration(labels + 1, probs)
    three = several(0, 90, (0.4, 0.3, 0.3))
    with pytest.raises(ValueError, match="isotonic calibration is for two classes"):
        fit_calibration(*three, "isotonic")
