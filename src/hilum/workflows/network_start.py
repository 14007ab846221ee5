"""What training a network starts from: pinned weights and lungs, the network, features of its frozen stages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hilum.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

    from hilum.batches import FilmBatches
    from hilum.features import FeatureBatches
    from hilum.models import Network

logger = logging.getLogger("hilum")


def pin_weights(recipe: Recipe) -> Recipe:
    """The recipe with the hash of the weights that it names, so that a resumed run starts from no others."""
    if not recipe.weights.source or recipe.weights.sha256:
        return recipe
    from hilum import weights
    from hilum.files import sha256_of

    found = sha256_of(weights.locate(recipe.weights.source))
    return replace(recipe, weights=replace(recipe.weights, sha256=found))


def pin_lungs(recipe: Recipe) -> Recipe:
    """The recipe with the hash of the network that finds the lungs, so that a resumed run crops films as it did.

    Raises:
        RequestError: the recipe names another one than comes with this Hilum.
    """
    from hilum.pixels import region

    return replace(recipe, pixels=region.pin_lungs(recipe.pixels))


def build_network(recipe: Recipe, classes: int) -> tuple[Network, nn.Module]:
    """The recipe's network with its initial weights, and the part of it that is trained."""
    import torch

    from hilum import features, models, weights
    from hilum.bundle.onnx_export import round_weights

    torch.manual_seed(recipe.seed)
    network = models.build(recipe.model, recipe.side, classes)
    if recipe.weights.source:
        logger.info(weights.load(network, recipe.weights, recipe.model).summary())
    if recipe.init.source:
        logger.info(weights.start_from_vgg11(network, recipe.init, recipe.model).summary())
    if not recipe.transfer.frozen:
        return network, network
    frozen, trained_part = network.split(recipe.transfer.frozen)
    features.refuse_unknown_stages(frozen, recipe.transfer.also)
    if recipe.bundle.weights == "float16":
        round_weights(frozen)
    return network, trained_part


def compute_features(network: Network, films: FilmBatches, recipe: Recipe, views: int) -> FeatureBatches:
    """The outputs of the frozen stages for one split's films."""
    from hilum import features
    from hilum.training.device import fastest_device, keep_freed_memory
    from hilum.training.precision import uses_bfloat16

    keep_freed_memory()
    transfer = recipe.transfer
    each = f" in {views + 1} views" if views else ""
    logger.info(f"features after {transfer.frozen}: {len(films)} {films.manifest.films[0].split} films{each}")
    return features.extract_features(
        network.split(transfer.frozen)[0],
        films,
        recipe.model,
        recipe.pixels,
        views=views,
        seed=recipe.seed,
        also=transfer.also,
        bfloat16=uses_bfloat16(recipe.training),
        device=fastest_device(),
    )
