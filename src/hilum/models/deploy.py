"""From the network that learnt to the one that judges: the same weights, shown the whole film."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hilum.models.dense import DenseEvaluation
from hilum.models.registry import Network
from hilum.recipe import Recipe


def deploy(network: Network, recipe: Recipe) -> nn.Module:
    """A network as it judges films, by what its recipe says of crops, scales and flips; the weights are shared.

    Args:
        network: as `build` makes it for films of `recipe.side`.
        recipe: `pixels.size`, `batches.crop` and `batches.scales`, `bundle.scales` and `bundle.flips`.

    Returns:
        Films (n, 1, pixels.size, pixels.size) → logits (n, outputs): the network itself, where it learnt from whole
        films and sees each as it is; else a `DenseEvaluation`.

    Raises:
        RecipeError: as `DenseEvaluation`.
    """
    size, side, scales, flips = recipe.pixels.size, recipe.side, recipe.judged_at, recipe.bundle.flips
    if scales == (size,) and side == size and not flips:
        return network
    return DenseEvaluation(network, size, side, scales, flips)


class InParts(nn.Module):
    """Shows a network a few films at a time: what it needs in passing does not grow with the batch.

    Whole films at VGG's largest scale take five times the memory of the crops that the network learnt from.
    """

    def __init__(self, network: nn.Module, films: int = 8) -> None:
        super().__init__()
        self.network, self.films = network, films

    def forward(self, films: Tensor) -> Tensor:
        """(n, …) → what the network gives for them, (n, …)."""
        return torch.cat([self.network(part) for part in torch.split(films, self.films)])
