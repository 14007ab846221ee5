"""Networks that are fitted to a hospital's films: their last layer alone, or the whole. Needs torch."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum import bundle, models, training
from hilum.adaptation.candidate import Fitted, LabelledFilms, Rows
from hilum.adaptation.last_layer import fit_last_layer
from hilum.batches import FilmBatches, make_batches
from hilum.bundle.adapted import Rung
from hilum.bundle.onnx_export import round_weights
from hilum.metrics.counts import Floats
from hilum.models import Network
from hilum.recipe import Batches, Init, Recipe, Teacher, Transfer
from hilum.records import Manifest
from hilum.training.validation import predict_logits

EPOCHS = 3
BATCH = 16
SLOWER = 0.3  # of the learning rate that the network was trained with


@runtime_checkable
class FittedNetwork(Protocol):
    """A `Fitted` that is a network."""

    @property
    def network(self) -> Network:
        """With its weights, on the CPU, in evaluation mode."""

    def probs(self, rows: Rows) -> list[Floats]:
        """As `Fitted.probs`."""


def shown(
    folds: Sequence[tuple[Fitted, Rows]], whole: FilmBatches, films: LabelledFilms
) -> list[tuple[nn.Module, FilmBatches]]:
    """Each fold's network as it is deployed, and the films that it has not seen."""
    pairs: list[tuple[nn.Module, FilmBatches]] = []
    for fitted, held in folds:
        assert isinstance(fitted, FittedNetwork)
        deployed = models.deploy(fitted.network, films.recipe).eval()
        pairs.append((models.InParts(deployed), batches_of(held, whole, whole.spec)))
    return pairs


def shows_whole_films(network: Network, recipe: Recipe) -> bool:
    """Whether a network is deployed as it was trained, on whole films: its last layer takes one vector a film."""
    return models.deploy(network, recipe) is network


def batches_of(rows: Rows, whole: FilmBatches, spec: Batches) -> FilmBatches:
    """Some of the films, drawn and augmented in another way."""
    chosen = whole.manifest.films
    return make_batches(Manifest(tuple(chosen[row] for row in rows)), whole.cache, whole.classes, spec)


def predict_films(deployed: nn.Module, films: FilmBatches, recipe: Recipe) -> list[Floats]:
    """Probabilities of films by a deployed network, each (n, classes): as they are, then in each drawn view."""
    network = models.InParts(deployed)
    views = range(1, recipe.bundle.operating_views + 1)
    batches = [films.unaugmented(), *(films.augmented(recipe.seed, view) for view in views)]
    return [bundle.probabilities(predict_logits(network, each).numpy()) for each in batches]


def last_linear(network: Network) -> nn.Linear | None:
    """The dense layer that gives a network's logits; None where its dense layers end otherwise."""
    weighted = [each for each in network.parts()["dense"].modules() if list(each.parameters(recurse=False))]
    last = weighted[-1] if weighted else None
    return last if isinstance(last, nn.Linear) and last.bias is not None else None


class Penultimate:
    """What the last dense layer of a network takes, of every film and of its views, computed once."""

    def __init__(self, network: Network, films: FilmBatches, recipe: Recipe) -> None:
        """Compute it.

        Args:
            network: whose deployed form is itself.
            films: whole films.
            recipe: for the number of views, and the seed that they are drawn by.
        """
        layer = last_linear(network)
        assert layer is not None
        self.network, self.layer = network, layer
        self.views: list[NDArray[np.float32]] = []
        taken: list[Tensor] = []
        hook = layer.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0].detach()))
        try:
            views = range(1, recipe.bundle.operating_views + 1)
            for batches in (films.unaugmented(), *(films.augmented(recipe.seed, view) for view in views)):
                taken.clear()
                predict_logits(models.InParts(network), batches)
                self.views.append(torch.cat(taken).numpy())
        finally:
            hook.remove()

    def probs(self) -> list[Floats]:
        """What the network gives as it is: probabilities of the films and of each view, each (n, classes)."""
        weights, biases = self.start
        return [bundle.probabilities(view @ weights.T + biases) for view in self.views]

    @property
    def start(self) -> tuple[Floats, Floats]:
        """The layer's weights and biases as they are."""
        weight, bias = self.layer.weight, self.layer.bias
        return weight.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)


@dataclass(frozen=True, slots=True)
class LastLayer:
    """The second rung: the last layer is fitted again, everything before it stays.

    Attributes:
        inputs: of the layer.
        films: all films.
        penalty: as for `fit_last_layer`.
    """

    inputs: Penultimate
    films: LabelledFilms
    penalty: float

    @property
    def rung(self) -> Rung:
        """The second."""
        return "last layer"

    def fit(self, rows: Rows) -> _FittedLayer:
        """As `Candidate.fit`; each film counts in each of its views."""
        features = np.concatenate([view[rows] for view in self.inputs.views]).astype(np.float64)
        labels = np.tile(self.films.labels[rows], len(self.inputs.views))
        counts = np.ones(len(labels))
        if self.films.recipe.training.class_weights == "balanced":
            counts = 1 / np.bincount(labels, minlength=len(self.films.classes))[labels]
        weights, biases = fit_last_layer(features, labels, counts, self.inputs.start, self.penalty)
        if self.films.recipe.bundle.weights == "float16":
            weights = weights.astype(np.float16).astype(np.float64)
        return _FittedLayer(self.inputs, weights, biases)


@dataclass(frozen=True, slots=True)
class _FittedLayer:
    inputs: Penultimate
    weights: Floats
    biases: Floats

    def probs(self, rows: Rows) -> list[Floats]:
        """As `Fitted.probs`."""
        return [bundle.probabilities(view[rows] @ self.weights.T + self.biases) for view in self.inputs.views]

    @property
    def network(self) -> Network:
        """A copy of the network with this layer."""
        network = copy.deepcopy(self.inputs.network)
        layer = last_linear(network)
        assert layer is not None
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(self.weights))
            layer.bias.copy_(torch.from_numpy(self.biases))
        return network.eval()


@dataclass(frozen=True, slots=True)
class WholeNetwork:
    """The third rung: all weights are trained for a few epochs from what they are, at a small learning rate.

    Attributes:
        network: as it is.
        whole: all films whole, as the deployed network is shown them.
        films: their labels and patients.
    """

    network: Network
    whole: FilmBatches
    films: LabelledFilms

    @property
    def rung(self) -> Rung:
        """The third."""
        return "whole network"

    def fit(self, rows: Rows) -> FittedNetwork:
        """As `Candidate.fit`: by the recipe's own augmentation, loss and optimiser."""
        recipe = finetuning_recipe(self.films.recipe, len(rows))
        network = copy.deepcopy(self.network)
        train = batches_of(rows, self.whole, recipe.batches)
        # Nothing is chosen on these: the last epoch is kept, and the loop wants films of each class to measure.
        _, first = np.unique(self.films.labels[rows], return_index=True)
        with tempfile.TemporaryDirectory(prefix="hilum-adapt-") as folder:
            training.fit(network, train, batches_of(rows[first], self.whole, recipe.batches), recipe, Path(folder))
        if recipe.bundle.weights == "float16":
            round_weights(network)
        return _FittedWhole(network.eval(), self.whole, self.films.recipe)


@dataclass(frozen=True, slots=True)
class _FittedWhole:
    network: Network
    whole: FilmBatches
    recipe: Recipe

    def probs(self, rows: Rows) -> list[Floats]:
        """As `Fitted.probs`."""
        films = batches_of(rows, self.whole, self.whole.spec)
        return predict_films(models.deploy(self.network, self.recipe).eval(), films, self.recipe)


def finetuning_recipe(recipe: Recipe, films: int) -> Recipe:
    """How a bundle's network is trained further: its own recipe, shorter, slower, and for fewer films a batch."""
    scheme = recipe.training
    return replace(
        recipe,
        batches=replace(recipe.batches, size=max(2, min(BATCH, recipe.batches.size, films // 4))),
        init=Init(),
        transfer=Transfer(),
        teacher=Teacher(),
        training=replace(
            scheme,
            epochs=EPOCHS,
            min_epochs=1,
            keep="last",
            monitor="loss",
            early_stopping=0,
            val_views=0,
            val_shifts=False,
            learning_rate=SLOWER * scheme.learning_rate,
            min_learning_rate=min(scheme.min_learning_rate, SLOWER * scheme.learning_rate / 10),
            schedule="cosine",
            warmup_epochs=1,
            average=0.0,
            precision="float32",
        ),
    )
