"""From the network that is trained to the one that predicts: the same weights, applied to whole films."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hilum.models.dense import DenseEvaluation
from hilum.models.registry import Network
from hilum.recipe import Recipe


def deploy(network: Network, recipe: Recipe) -> nn.Module:
    """Make the network that predicts films, by the recipe's crops, scales and flips; the weights are shared.

    Args:
        network: as `build` makes it for images of `recipe.side`.
        recipe: `pixels.size`, `batches.crop` and `batches.scales`, `bundle.scales` and `bundle.flips`.

    Returns:
        A module from images (n, 1, pixels.size, pixels.size) to logits (n, outputs): the network itself where it was
        trained on whole films and predicts each at its own size; otherwise a `DenseEvaluation`.

    Raises:
        RecipeError: as `DenseEvaluation`.
    """
    size, side, scales, flips = recipe.pixels.size, recipe.side, recipe.prediction_sides, recipe.bundle.flips
    if scales == (size,) and side == size and not flips:
        return network
    return DenseEvaluation(network, size, side, scales, flips)


class InParts(nn.Module):
    """Applies a network to a few films at a time, so that its memory does not grow with the batch.

    Whole films at VGG's largest scale take five times the memory of the crops that the network was trained on.
    """

    def __init__(self, network: nn.Module, films: int = 8) -> None:
        super().__init__()
        self.network, self.films = network, films

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, …) → the network's output for them, (n, …)."""
        return torch.cat([self.network(part) for part in torch.split(inputs, self.films)])
