"""What evolves is a choice of inputs and a start; back-propagation does the rest."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.classical.models.genetic import GeneticNetwork
from hilum.classical.models.perceptron import Examples, cross_entropy, init_weights, train
from tests.classical.simulated import training_set

FILMS = training_set(films=240, numbers=30)


def evolved(generations: int, seed: int = 1) -> GeneticNetwork:
    network = GeneticNetwork(hidden=4, population=12, generations=generations, epochs=20, seed=seed)
    return network.fit(FILMS.numbers, FILMS.labels, FILMS.weights, FILMS.validation_mask)


@pytest.fixture(scope="module")
def network() -> GeneticNetwork:
    return evolved(8)


def test_without_generations_it_is_the_network_that_was_drawn() -> None:
    plain = evolved(0)
    start = init_weights(12, 30, 4, 2, np.random.default_rng(1))
    examples = Examples(FILMS.numbers, FILMS.labels, FILMS.weights.astype(np.float32))
    trained, _ = train(type(start)(*(part[:1] for part in start)), plain.mask_, examples, 20, 1e-3)
    assert plain.mask_.all()
    for ours, theirs in zip(plain.weights_, trained, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert [row["epoch"] for row in plain.history_] == list(range(1, 21))


def test_the_fittest_never_gets_worse(network: GeneticNetwork) -> None:
    rows = [row for row in network.history_ if "generation" in row]
    assert [row["generation"] for row in rows] == list(range(9))
    best = [row["fitness_best"] for row in rows]
    assert best == sorted(best)
    assert best[-1] > best[0]
    assert all(row["fitness_mean"] <= row["fitness_best"] and row["inputs"] <= 30 for row in rows)
    assert rows[-1]["inputs"] == network.mask_.sum()


def test_a_fitness_is_minus_the_loss_on_other_patients_after_a_short_lesson() -> None:
    """The first individual of the first generation sees everything: nobody fitter is worse than it."""
    weights = FILMS.weights.astype(np.float32)
    trained_on, judged = ~FILMS.validation_mask, FILMS.validation_mask
    start = init_weights(12, 30, 4, 2, np.random.default_rng(1))
    masks = np.ones((12, 30), dtype=np.float32)
    examples = Examples(FILMS.numbers[trained_on], FILMS.labels[trained_on], weights[trained_on])
    trained, _ = train(start, masks, examples, 10, 1e-3)
    first = -cross_entropy(trained, masks, Examples(FILMS.numbers[judged], FILMS.labels[judged], weights[judged]))[0]
    assert evolved(1).history_[0]["fitness_best"] >= first - 1e-6


def test_tells_the_classes_apart(network: GeneticNetwork) -> None:
    new = training_set(films=400, numbers=30, seed=9)
    probs = network.predict_proba(new.numbers)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert (network.predict(new.numbers) == new.labels).mean() > 0.75
    np.testing.assert_array_equal(network.predict(new.numbers), probs.argmax(axis=1))


def test_the_same_seed_gives_the_same_network_and_leaves_others_draws_alone(network: GeneticNetwork) -> None:
    np.random.seed(3)
    before = str(np.random.get_state())
    again = evolved(8)
    assert str(np.random.get_state()) == before
    np.testing.assert_array_equal(again.mask_, network.mask_)
    assert again.history_ == network.history_
    assert evolved(8, seed=2).history_ != network.history_
