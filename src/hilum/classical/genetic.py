"""A genetic algorithm that evolves what a small network sees and where it starts; back-propagation then trains it.

An individual is a mask of the inputs and a network's first weights. Its fitness is what a short lesson makes of it:
a few epochs of back-propagation on most films, judged on the films of other patients. What was learnt in the lesson
is not inherited (Hinton & Nowlan, "How learning can guide evolution", Complex Systems 1, 1987): what evolves is a
good start, and a choice of inputs that holds for patients that the lesson has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from hilum.classical.network import Lesson, Numbers, Weights, drawn, log_probabilities, loss_of, train

_LESSON = 10  # epochs of an individual's lesson
_PARENTS = 0.5  # of a generation
_TOURNAMENT = 3  # of how many drawn individuals the fittest becomes a parent
_FLIPPED = 2.0  # inputs that a mutation turns on or off, on average
_JOLTED = 0.1  # of the weights that a mutation moves
_JOLT = 0.1  # by how much: a deviation
_DECAY = 1e-3  # L2 at a strength of 1


class GeneticNetwork(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network of one hidden layer whose inputs and first weights are evolved.

    Attributes:
        classes_: (classes,) int64.
        mask_: (1, inputs) float32, 1 for the inputs that it sees.
        weights_: the four arrays of `network.Weights`, of one network.
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

        Without generations, all inputs are seen and the first weights are those that were drawn first.
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
        held_out: NDArray[np.bool_] | None = None,
    ) -> GeneticNetwork:
        """Evolve, then train on all films.

        Args:
            numbers: (n, inputs), standardised.
            labels: (n,) indices of classes.
            sample_weight: (n,) how much each film counts.
            held_out: (n,) which films judge the individuals, all of a patient or none; by default every third.
        """
        self.classes_, indices = np.unique(labels, return_inverse=True)
        weights = np.ones(len(labels)) if sample_weight is None else sample_weight
        lesson = Lesson(np.asarray(numbers, dtype=np.float32), indices, (weights / weights.mean()).astype(np.float32))
        draws = np.random.default_rng(self.seed)
        start = drawn(max(1, self.population), numbers.shape[1], self.hidden, len(self.classes_), draws)
        mask = np.ones((1, numbers.shape[1]), dtype=np.float32)
        chosen = Weights(*(part[:1] for part in start))
        self.history_: list[dict[str, float]] = []
        if self.generations:
            out = np.arange(len(labels)) % 3 == 0 if held_out is None else held_out
            mask, chosen = self._evolve(start, lesson, out, draws)
        learnt, losses = train(chosen, mask, lesson, self.epochs, _DECAY / self.strength)
        self.mask_, self.weights_ = mask, list(learnt)
        self.history_ += [
            {"epoch": float(epoch), "train_loss": float(loss[0])} for epoch, loss in enumerate(losses, start=1)
        ]
        return self

    def predict_proba(self, numbers: Numbers) -> NDArray[np.float64]:
        """Probabilities of films, (n, inputs): (n, classes), each row adding up to 1."""
        said = log_probabilities(Weights(*self.weights_), self.mask_, np.asarray(numbers, dtype=np.float32))[0]
        probs = np.exp(said.astype(np.float64))
        return np.asarray(probs / probs.sum(axis=1, keepdims=True))

    def predict(self, numbers: Numbers) -> NDArray[np.int64]:
        """The most probable class of each film."""
        return np.asarray(self.classes_[self.predict_proba(numbers).argmax(axis=1)])

    def _evolve(
        self, start: Weights, lesson: Lesson, out: NDArray[np.bool_], draws: np.random.Generator
    ) -> tuple[Numbers, Weights]:
        """The fittest individual of all generations."""
        import pygad

        taught, judged = _part_of(lesson, ~out), _part_of(lesson, out)
        shapes, inputs = [part.shape[1:] for part in start], start.inward.shape[1]

        def read(genes: NDArray[np.float64]) -> tuple[Numbers, Weights]:
            genes = np.atleast_2d(genes)
            ends = np.cumsum([inputs, *(int(np.prod(shape)) for shape in shapes)])
            mask, *parts = np.split(genes, ends[:-1], axis=1)
            inward, hidden, outward, output = (
                part.reshape(-1, *shape).astype(np.float32) for part, shape in zip(parts, shapes, strict=True)
            )
            return (mask > 0.5).astype(np.float32), Weights(inward, hidden, outward, output)

        def fitness(_: object, genes: NDArray[np.float64], __: object) -> list[float]:
            masks, weights = read(genes)
            learnt, _losses = train(weights, masks, taught, _LESSON, _DECAY / self.strength)
            return [-float(loss) for loss in loss_of(learnt, masks, judged)]

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


def _flat(weights: Weights) -> Sequence[Numbers]:
    return [part.reshape(len(part), -1) for part in weights]


def _part_of(lesson: Lesson, films: NDArray[np.bool_]) -> Lesson:
    return Lesson(lesson.numbers[films], lesson.labels[films], lesson.weights[films])
