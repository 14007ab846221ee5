"""Learning from networks that have learnt: knowledge distillation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hilum import bundle
from hilum.batches import scale
from hilum.bundle.weights import load_model
from hilum.errors import RecipeError
from hilum.models import log_probabilities, mean_of_probabilities
from hilum.recipe import Pixels, Recipe
from hilum.training.device import fastest_device


class TeacherNetwork:
    """Bundles' networks, whose mean probability of what they are shown is taught.

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015, section 2.
    """

    def __init__(self, networks: Sequence[tuple[nn.Module, int]], weight: float, temperature: float) -> None:
        """Take networks, each with the side in pixels of the films that it is shown."""
        self._networks = [(network.to(fastest_device()).requires_grad_(False), side) for network, side in networks]
        self._weight, self._temperature = weight, temperature

    @torch.no_grad()
    def log_probs(self, films: Tensor) -> Tensor:
        """(n, 1, side, side) float32 in [0, 1] → (n, classes) logarithms of the mean probabilities."""
        said = [network(scale(films, side)).float() for network, side in self._networks]
        return log_probabilities(mean_of_probabilities(said, [1 / len(said)] * len(said)))

    def beside(self, costs: Tensor, logits: Tensor, films: Tensor) -> Tensor:
        """What each film costs with the teacher's answer beside its label.

        The teacher's part is the Kullback-Leibler divergence of the softened probabilities, times the squared
        temperature, which keeps its gradient as large as the label's.

        Args:
            costs: (n,) by the labels.
            logits: (n, outputs) of the network that learns.
            films: (n, 1, side, side), as it was shown them.

        Returns:
            (n,) float32.
        """
        taught = torch.log_softmax(self.log_probs(films) / self._temperature, dim=1)
        said = torch.log_softmax(log_probabilities(logits.float()) / self._temperature, dim=1)
        apart = (taught.exp() * (taught - said)).sum(dim=1)
        return (1 - self._weight) * costs + self._weight * self._temperature**2 * apart


def make_teacher(recipe: Recipe, classes: tuple[str, ...]) -> TeacherNetwork | None:
    """The recipe's teacher, where it names one.

    Raises:
        BundleError, RecipeError: as `read_teachers`.
    """
    networks = [(load_model(each), each.spec.recipe.pixels.size) for each in read_teachers(recipe, classes)]
    if not networks:
        return None
    return TeacherNetwork(networks, recipe.teacher.weight, recipe.teacher.temperature)


def read_teachers(recipe: Recipe, classes: tuple[str, ...]) -> list[bundle.Bundle]:
    """The bundles of the recipe's teacher, without their networks.

    Raises:
        BundleError: a source is no whole bundle.
        RecipeError: it knows other classes, or sees films that were preprocessed in another way.
    """
    read = []
    for source in recipe.teacher.sources:
        opened = bundle.read(source)
        if opened.spec.classes != classes:
            raise RecipeError(
                f"teacher.sources: {source} knows {', '.join(opened.spec.classes)}, and these films are "
                f"{', '.join(classes)}; teach the same classes"
            )
        theirs = opened.spec.recipe.pixels
        for key in Pixels.__struct_fields__:
            one, other = getattr(theirs, key), getattr(recipe.pixels, key)
            if key != "size" and one != other:
                raise RecipeError(
                    f"teacher.sources: {source} sees films with pixels.{key}={one}, this recipe has {other}; give "
                    "both the same"
                )
        read.append(opened)
    return read
