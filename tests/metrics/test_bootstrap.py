from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.metrics import binary_metrics, clusters_of, intervals, resampled_weights
from hilum.metrics.bootstrap import figure_of
from hilum.metrics.counts import Bools, Floats
from hilum.records import Figure

PATIENTS = ["a", "a", "b", "c", "c", "c", "", "", "d", "d"]
LABELS = np.array([True, True, True, False, False, False, True, False, True, False])


def drawn(resamples: int, seed: int = 0) -> Floats:
    return np.concatenate(list(resampled_weights(clusters_of(LABELS, PATIENTS), resamples, seed)))


def width(figure: Figure) -> float:
    assert figure.low is not None
    assert figure.high is not None
    return figure.high - figure.low


def test_films_of_a_patient_are_drawn_together() -> None:
    weights = drawn(200)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 4]).all()
    assert (weights[:, 8] == weights[:, 9]).all()
    assert (weights[:, 6] != weights[:, 7]).any()  # both of unknown patients: not the same one


def test_no_resample_loses_a_class() -> None:
    weights = drawn(500)
    assert (weights[:, LABELS].sum(axis=1) > 0).all()
    assert (weights[:, ~LABELS].sum(axis=1) > 0).all()


def test_each_stratum_keeps_its_number_of_patients() -> None:
    weights = drawn(100)
    first_film = {"only positive": [0, 2, 6], "only negative": [3, 7], "both": [8]}
    for films in first_film.values():
        assert (weights[:, films].sum(axis=1) == len(films)).all()


def test_of_several_classes_patients_with_the_same_ones_are_a_stratum() -> None:
    labels = [0, 2, 1, 1, 2, 0, 2, 2, 0, 2]  # by patient: a 0 2, b 1, c 0 1 2, (unknown) 2 and 2, d 0 2
    clusters = clusters_of(labels, PATIENTS)
    assert [stratum.tolist() for stratum in clusters.strata] == [[1], [3, 4], [0, 5], [2]]
    weights = np.concatenate(list(resampled_weights(clusters, 200, 0)))
    for number in range(3):
        assert (weights[:, np.array(labels) == number].sum(axis=1) > 0).all()


def test_two_classes_by_number_are_two_classes() -> None:
    whole, named = clusters_of(LABELS.astype(int), PATIENTS), clusters_of(LABELS, PATIENTS)
    assert [stratum.tolist() for stratum in named.strata] == [[2, 4], [0, 1, 3], [5]]
    assert [stratum.tolist() for stratum in whole.strata] == [stratum.tolist() for stratum in named.strata]


def test_patients_are_drawn_evenly() -> None:
    weights = drawn(4000)
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.06)


def test_known_patients_are_counted() -> None:
    clusters = clusters_of(LABELS, PATIENTS)
    assert clusters.known_patients == 4
    assert len(clusters) == 6
    assert clusters_of(LABELS).known_patients == 0
    with pytest.raises(ValueError, match="one a film"):
        clusters_of(LABELS, ["a"])


def test_draws_depend_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn(50)
    assert (drawn(50) == whole).all()
    assert (drawn(50, seed=1) != whole).any()
    monkeypatch.setattr("hilum.metrics.bootstrap._CHUNK_ELEMENTS", 30)
    assert (drawn(50) == whole).all()


def test_copies_of_films_make_the_interval_wider_not_narrower() -> None:
    draws = np.random.default_rng(3)
    labels = draws.random(80) < 0.5
    probs = np.clip(0.5 + 0.2 * (2 * labels - 1) + draws.normal(0, 0.25, 80), 0, 1)
    names = [str(number) for number in range(80)]
    once = binary_metrics(labels, probs, 0.5, names)
    copied = binary_metrics(labels.repeat(4), probs.repeat(4), 0.5, np.repeat(names, 4).tolist())
    naive = binary_metrics(labels.repeat(4), probs.repeat(4), 0.5)
    for name in ("auroc", "sensitivity", "accuracy", "brier"):
        assert copied[name].value == pytest.approx(once[name].value)
        assert width(copied[name]) == pytest.approx(width(once[name]), rel=0.1)
        assert width(naive[name]) < 0.7 * width(copied[name])


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    draws = np.random.default_rng(11)
    truth, covered, rounds = 0.8, 0, 200
    labels = np.ones(100, dtype=bool)
    for seed in range(rounds):
        found = draws.random(100) < truth
        figure = binary_metrics(labels, found.astype(float), 0.5, resamples=300, seed=seed)["sensitivity"]
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= truth <= figure.high
    assert 0.88 <= covered / rounds <= 0.99


def test_a_sensitivity_of_one_keeps_an_interval() -> None:
    labels, probs = [True] * 20 + [False] * 20, [0.9] * 20 + [0.1] * 20
    figures = binary_metrics(labels, probs, 0.5, [str(number // 2) for number in range(40)])
    assert figures["sensitivity"].value == figures["sensitivity"].high == 1
    assert figures["sensitivity"].low == pytest.approx(0.025 ** (1 / 10))  # ten patients, not twenty films
    assert figures["accuracy"].low == pytest.approx(0.025 ** (1 / 20))
    assert figures["auroc"] == Figure(1.0)  # every resample agrees: there is no interval to give
    wrong = binary_metrics(labels, probs[::-1], 0.5)["specificity"]
    assert wrong.value == wrong.low == 0
    assert wrong.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_a_resample_that_differs_once_in_a_while_gives_no_interval_without_width() -> None:
    draws = np.ones(1000)
    draws[:10] = 0.9  # one in a hundred: both ends of the middle 95% are 1
    assert figure_of(1.0, draws, trials=32).low == pytest.approx(0.025 ** (1 / 32))
    assert figure_of(1.0, draws) == Figure(1.0)


def test_one_patient_gives_no_interval() -> None:
    figure = binary_metrics([True, True, False, False], [0.9, 0.1, 0.2, 0.3], 0.5, ["a", "a", "b", "b"])[
        "sensitivity"
    ]
    assert figure == Figure(0.5)


def test_one_class_is_undefined_where_two_are_compared() -> None:
    figures = binary_metrics([True] * 30, np.linspace(0, 1, 30), 0.5)
    undefined = {name for name, figure in figures.items() if figure.value is None}
    assert undefined == {"auroc", "average_precision", "precision", "f1", "specificity", "balanced_accuracy"}
    assert figures["sensitivity"].value == figures["accuracy"].value == 0.5


def test_what_most_resamples_leave_undefined_gets_no_interval() -> None:
    labels, probs = np.arange(40) < 20, np.full(40, 0.1)
    probs[0] = 0.9
    figures = binary_metrics(labels, probs, 0.5)
    assert figures["precision"] == Figure(1.0)  # in about 36% of the resamples nothing is called positive
    assert width(figures["sensitivity"]) > 0


def test_no_resamples_give_figures_alone() -> None:
    figure = binary_metrics(LABELS, np.linspace(0, 1, 10), 0.5, PATIENTS, resamples=0)["auroc"]
    assert figure.value is not None
    assert figure.low is figure.high is None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from(["", "a", "b", "c"])), max_size=12))
def test_an_interval_holds_its_figure(films: list[tuple[bool, float, str]]) -> None:
    labels: Bools = np.array([film[0] for film in films], dtype=bool)
    figures = binary_metrics(labels, [film[1] for film in films], 0.5, [film[2] for film in films], resamples=40)
    for name, figure in figures.items():
        if figure.low is not None and figure.high is not None:
            assert figure.value is not None
            most = -np.log(np.finfo(float).eps) if name == "log_loss" else 1
            assert 0 <= figure.low <= figure.value <= figure.high <= most + 1e-12, name


def test_statistics_share_their_resamples() -> None:
    clusters = clusters_of(LABELS, PATIENTS)
    seen: Counter[str] = Counter()

    def statistics(weights: Floats) -> dict[str, Floats]:
        seen["calls"] += 1
        return {"a": weights[..., 0], "minus a": -weights[..., 0]}

    figures = intervals(statistics, clusters, resamples=100)
    assert seen["calls"] == 2  # the films themselves, and one chunk of resamples
    assert figures["a"].high == pytest.approx(-(figures["minus a"].low or 0))
