"""Knowledge distillation: training on the probabilities of networks that are already trained."""

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
    """Trained networks whose mean probabilities are the targets of distillation.

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015, section 2.
    """

    def __init__(self, networks: Sequence[tuple[nn.Module, int]], weight: float, temperature: float) -> None:
        """Prepare the teacher.

        Args:
            networks: the networks, each with the side of its input images in pixels.
            weight: the weight of the distillation loss, from 0 to 1; the loss on the labels has the rest.
            temperature: the divisor of both sides' logits, above 0.
        """
        self._networks = [(network.to(fastest_device()).requires_grad_(False), side) for network, side in networks]
        self._weight, self._temperature = weight, temperature

    @torch.no_grad()
    def log_probs(self, images: Tensor) -> Tensor:
        """(n, 1, side, side) float32 in [0, 1] → (n, classes) logarithms of the networks' mean probabilities."""
        logits = [network(scale(images, side)).float() for network, side in self._networks]
        return log_probabilities(mean_of_probabilities(logits, [1 / len(logits)] * len(logits)))

    def distillation_loss(self, losses: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        """Combine the loss on the labels with the loss on the teacher's probabilities.

        The latter is the Kullback-Leibler divergence of the softened probabilities, times the squared temperature,
        which keeps its gradient as large as that of the labels.

        Args:
            losses: (n,) the loss of each film on its label.
            logits: (n, outputs) of the student network.
            images: (n, 1, side, side), the student's inputs.

        Returns:
            (n,) float32, the loss of each film.
        """
        teacher = torch.log_softmax(self.log_probs(images) / self._temperature, dim=1)
        student = torch.log_softmax(log_probabilities(logits.float()) / self._temperature, dim=1)
        divergence = (teacher.exp() * (teacher - student)).sum(dim=1)
        return (1 - self._weight) * losses + self._weight * self._temperature**2 * divergence


def make_teacher(recipe: Recipe, classes: tuple[str, ...]) -> TeacherNetwork | None:
    """Load the recipe's teacher; None where the recipe names none.

    Raises:
        BundleError, RecipeError: as `read_teachers`.
    """
    networks = [(load_model(each), each.spec.recipe.pixels.size) for each in read_teachers(recipe, classes)]
    if not networks:
        return None
    return TeacherNetwork(networks, recipe.teacher.weight, recipe.teacher.temperature)


def read_teachers(recipe: Recipe, classes: tuple[str, ...]) -> list[bundle.Bundle]:
    """Read the bundles of the recipe's teacher, without loading their networks.

    Raises:
        BundleError: a source is not a whole bundle.
        RecipeError: a teacher has other classes, or was trained on films with another preprocessing.
    """
    read = []
    for source in recipe.teacher.sources:
        opened = bundle.read(source)
        if opened.spec.classes != classes:
            raise RecipeError(
                f"teacher.sources: {source} has the classes {', '.join(opened.spec.classes)}, and these films are "
                f"{', '.join(classes)}; train on the same classes, or name another teacher"
            )
        theirs = opened.spec.recipe.pixels
        for key in Pixels.__struct_fields__:
            one, other = getattr(theirs, key), getattr(recipe.pixels, key)
            if key != "size" and one != other:
                raise RecipeError(
                    f"teacher.sources: {source} has pixels.{key}={one}, and this recipe has {other}; set the same in "
                    "both"
                )
        read.append(opened)
    return read
