"""Networks as a bundle holds them: `model.onnx` and `weights.safetensors`. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from hilum import models
from hilum.bundle.consistency import ONNX_NAME, WEIGHTS_NAME
from hilum.bundle.golden import golden_films
from hilum.bundle.onnx_export import export_onnx
from hilum.bundle.read import Bundle, lung_finder
from hilum.bundle.spec import Member, probabilities
from hilum.bundle.weights import deployed, load_networks, save_weights
from hilum.bundle.write import ModelSize
from hilum.metrics.counts import Floats
from hilum.recipe import Recipe

if TYPE_CHECKING:
    from hilum.lungs import LungFinder


class NetworkPayload:
    """One network, or several whose probabilities are averaged; see `hilum.bundle.write.Payload`.

    Attributes:
        model: the torch module that is deployed, in evaluation mode: films (n, 1, size, size) float32 in [0, 1] →
            logits.
        members: where there are several networks, what each brings, in their order; else empty.
    """

    files = (ONNX_NAME, WEIGHTS_NAME)

    def __init__(
        self,
        networks: Sequence[models.Network],
        recipe: Recipe,
        members: Sequence[Member] = (),
        lungs: LungFinder | None = None,
    ) -> None:
        """Put networks together as they are deployed.

        Args:
            networks: the trained one, or several; on the CPU, already rounded to `recipe.bundle.weights`.
            recipe: the bundle's.
            members: where there are several networks, the recipe and the share of each.
            lungs: the lung network that the films are cropped by; None takes the one that comes with Hilum.

        Raises:
            RecipeError: a network cannot be shown films as its recipe asks for.
        """
        self.members = tuple(members)
        self.made_with: dict[str, str] = {}
        self.model = deployed(networks, recipe, members)
        self._networks = networks
        self._recipe = recipe
        self._lungs = lungs

    def save(self, folder: Path) -> None:
        """Write the network for ONNX Runtime, and the weights for torch.

        Raises:
            HilumError: the ONNX network does not give what the torch network gives.
            RequestError: the network is too large for one file.
        """
        recipe = self._recipe
        half = recipe.bundle.weights == "float16"
        export_onnx(self.model, golden_films(recipe.pixels, self._lungs), folder / ONNX_NAME, half=half)
        recipes = [member.recipe for member in self.members] or [recipe]
        save_weights(self._networks, recipes, folder / WEIGHTS_NAME, half=half)

    def probs(self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> Floats:
        """As `Payload.probs`, computed by torch; a network is given no lungs beside the film."""
        with torch.no_grad():
            return probabilities(self.model(torch.from_numpy(squares)[:, None].float() / 255).numpy())

    def size(self, folder: Path) -> ModelSize:
        """Parameters and multiply-adds of the network as it is deployed."""
        size = self._recipe.pixels.size
        return ModelSize(models.count_parameters(self.model).total, models.multiply_adds(self.model, size))


def open_networks(opened: Bundle) -> NetworkPayload:
    """The networks of an opened bundle.

    Raises:
        BundleError: it holds a system without a network.
    """
    return NetworkPayload(load_networks(opened), opened.spec.recipe, opened.spec.members, lung_finder(opened))
