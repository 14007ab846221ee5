"""A genetic algorithm that evolves what a small network sees and where it starts; back-propagation then trains it.

An individual is a mask of the inputs and a network's initial weights. Its fitness is measured after a few epochs of
back-propagation on most films, on the films of other patients. What was trained in these epochs is not inherited
(Hinton & Nowlan, "How learning can guide evolution", Complex Systems 1, 1987): what evolves is a good start, and a
choice of inputs that holds for patients that were not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from hilum.classical.models.perceptron import (
    Examples,
    MlpWeights,
    Numbers,
    cross_entropy,
    init_weights,
    log_probabilities,
    train,
)

_FITNESS_EPOCHS = 10  # that an individual is trained for before its fitness is measured
_PARENTS = 0.5  # of a generation
_TOURNAMENT = 3  # of how many drawn individuals the fittest becomes a parent
_FLIPPED = 2.0  # inputs that a mutation turns on or off, on average
_JOLTED = 0.1  # of the weights that a mutation moves
_JOLT = 0.1  # by how much: a deviation
_DECAY = 1e-3  # L2 at a strength of 1


class GeneticNetwork(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network of one hidden layer whose inputs and initial weights are evolved.

    Attributes:
        classes_: (classes,) int64.
        mask_: (1, inputs) float32, 1 for the inputs that it sees.
        weights_: the four arrays of `perceptron.MlpWeights`, of one network.
        history_: a row for each generation (`generation`, `fitness_best`, `fitness_mean`, `inputs`; a fitness is
            minus the loss on held-out films, in nats), then one for each epoch of back-propagation (`epoch`,
            `train_loss`).
    """

    def __init__(
        self,
        hidden: int = 16,
        population: int = 40,
        generations: int = 25,
        crossover: float = 0.7,
        mutation: float = 0.3,
        epochs: int = 200,
        strength: float = 1.0,
        seed: int = 0,
    ) -> None:
        """As `hilum.recipe.Genetic`; `strength` is the inverse of the weights' decay, `seed` where draws start.

        Without generations, all inputs are seen and the initial weights are those that were drawn first.
        """
        self.hidden = hidden
        self.population = population
        self.generations = generations
        self.crossover = crossover
        self.mutation = mutation
        self.epochs = epochs
        self.strength = strength
        self.seed = seed

    def fit(
        self,
        numbers: Numbers,
        labels: NDArray[np.int64],
        sample_weight: NDArray[np.float64] | None = None,
        validation_mask: NDArray[np.bool_] | None = None,
    ) -> GeneticNetwork:
        """Evolve, then train on all films.

        Args:
            numbers: (n, inputs), standardised.
            labels: (n,) indices of classes.
            sample_weight: (n,) how much each film counts.
            validation_mask: (n,) bool, the films that fitness is measured on, all of a patient or none; by default
                every third.
        """
        self.classes_, indices = np.unique(labels, return_inverse=True)
        weights = np.ones(len(labels)) if sample_weight is None else sample_weight
        examples = Examples(
            np.asarray(numbers, dtype=np.float32), indices, (weights / weights.mean()).astype(np.float32)
        )
        draws = np.random.default_rng(self.seed)
        start = init_weights(max(1, self.population), numbers.shape[1], self.hidden, len(self.classes_), draws)
        mask = np.ones((1, numbers.shape[1]), dtype=np.float32)
        chosen = MlpWeights(*(part[:1] for part in start))
        self.history_: list[dict[str, float]] = []
        if self.generations:
            out = np.arange(len(labels)) % 3 == 0 if validation_mask is None else validation_mask
            mask, chosen = self._evolve(start, examples, out, draws)
        trained, losses = train(chosen, mask, examples, self.epochs, _DECAY / self.strength)
        self.mask_, self.weights_ = mask, list(trained)
        self.history_ += [
            {"epoch": float(epoch), "train_loss": float(loss[0])} for epoch, loss in enumerate(losses, start=1)
        ]
        return self

    def predict_proba(self, numbers: Numbers) -> NDArray[np.float64]:
        """Probabilities of films, (n, inputs): (n, classes), each row adding up to 1."""
        log_probs = log_probabilities(MlpWeights(*self.weights_), self.mask_, np.asarray(numbers, dtype=np.float32))[
            0
        ]
        probs = np.exp(log_probs.astype(np.float64))
        return np.asarray(probs / probs.sum(axis=1, keepdims=True))

    def predict(self, numbers: Numbers) -> NDArray[np.int64]:
        """The most probable class of each film."""
        return np.asarray(self.classes_[self.predict_proba(numbers).argmax(axis=1)])

    def _evolve(
        self, start: MlpWeights, examples: Examples, out: NDArray[np.bool_], draws: np.random.Generator
    ) -> tuple[Numbers, MlpWeights]:
        """The fittest individual of all generations."""
        import pygad

        train_part, val_part = _subset(examples, ~out), _subset(examples, out)
        shapes, inputs = [part.shape[1:] for part in start], start.inward.shape[1]

        def read(genes: NDArray[np.float64]) -> tuple[Numbers, MlpWeights]:
            genes = np.atleast_2d(genes)
            ends = np.cumsum([inputs, *(int(np.prod(shape)) for shape in shapes)])
            mask, *parts = np.split(genes, ends[:-1], axis=1)
            inward, hidden, outward, output = (
                part.reshape(-1, *shape).astype(np.float32) for part, shape in zip(parts, shapes, strict=True)
            )
            return (mask > 0.5).astype(np.float32), MlpWeights(inward, hidden, outward, output)

        def fitness(_: object, genes: NDArray[np.float64], __: object) -> list[float]:
            masks, weights = read(genes)
            trained, _losses = train(weights, masks, train_part, _FITNESS_EPOCHS, _DECAY / self.strength)
            return [-float(loss) for loss in cross_entropy(trained, masks, val_part)]

        def mutate(genes: NDArray[np.float64], _: object) -> NDArray[np.float64]:
            for one in genes[draws.random(len(genes)) < self.mutation]:
                flipped = np.flatnonzero(draws.random(inputs) < _FLIPPED / inputs)
                one[flipped] = 1 - one[flipped]
                jolted = inputs + np.flatnonzero(draws.random(len(one) - inputs) < _JOLTED)
                one[jolted] += draws.normal(0, _JOLT, len(jolted))
            return genes

        def note(algorithm: pygad.GA, fit: NDArray[np.float64]) -> None:
            seen = algorithm.population[int(np.argmax(fit)), :inputs]
            self.history_.append(
                {
                    "generation": float(len(self.history_)),
                    "fitness_best": float(np.max(fit)),
                    "fitness_mean": float(np.mean(fit)),
                    "inputs": float(np.sum(seen > 0.5)),
                }
            )

        shares = draws.uniform(0.5, 1, (self.population, 1))
        masks = draws.random((self.population, inputs)) < shares
        masks[0] = True  # the network that there is without generations
        algorithm = pygad.GA(
            num_generations=self.generations,
            num_parents_mating=max(2, round(_PARENTS * self.population)),
            initial_population=np.concatenate([masks, *_flat(start)], axis=1).astype(np.float64),
            fitness_func=fitness,
            fitness_batch_size=self.population,
            parent_selection_type="tournament",
            K_tournament=_TOURNAMENT,
            keep_elitism=1,
            crossover_type="uniform",
            crossover_probability=self.crossover,
            mutation_type=mutate,
            on_fitness=note,  # called for each generation that another one follows
            random_seed=self.seed,
            suppress_warnings=True,
        )
        algorithm.run()
        note(algorithm, algorithm.last_generation_fitness)
        return read(algorithm.population[int(np.argmax(algorithm.last_generation_fitness))])


def _flat(weights: MlpWeights) -> Sequence[Numbers]:
    return [part.reshape(len(part), -1) for part in weights]


def _subset(examples: Examples, films: NDArray[np.bool_]) -> Examples:
    return Examples(examples.numbers[films], examples.labels[films], examples.weights[films])
