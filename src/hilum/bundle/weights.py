"""`weights.safetensors`: the weights of one network or of several, and the module that they are deployed in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load, save_file
from torch import Tensor, nn

from hilum import models
from hilum.bundle.consistency import WEIGHTS_NAME
from hilum.bundle.read import Bundle
from hilum.bundle.spec import Member
from hilum.errors import BundleError
from hilum.files import replacing
from hilum.models import Network
from hilum.recipe import Recipe


def deployed(networks: Sequence[Network], recipe: Recipe, members: Sequence[Member] = ()) -> nn.Module:
    """The network that a bundle deploys: each as its recipe shows it films, and where there are several their fusion.

    Args:
        networks: as they were trained; their weights are shared, not copied.
        recipe: the bundle's; what shows films to one network.
        members: the recipes and shares of several, in the networks' order; none for one network.

    Returns:
        Films (n, 1, pixels.size, pixels.size) float32 in [0, 1] → logits, in evaluation mode; one network that was
        trained on whole films is returned as it is.

    Raises:
        RecipeError: a network cannot be shown films in that way.
    """
    if not members:
        (network,) = networks
        return models.deploy(network, recipe).eval()
    shown = [models.deploy(network, member.recipe) for network, member in zip(networks, members, strict=True)]
    return models.Fused(shown, [member.share for member in members]).eval()


def load_networks(bundle: Bundle) -> list[Network]:
    """A bundle's networks with their weights, as they were trained: on the CPU, float32, in evaluation mode.

    Raises:
        BundleError: it holds a system without a network, or its weights are damaged or of another network.
    """
    spec = bundle.spec
    if spec.recipe.classical:
        raise BundleError(
            f"{bundle.folder}: {spec.recipe.name} is a system without a network ({spec.recipe.system}); "
            "name a network's bundle"
        )
    networks = [models.build(recipe.model, recipe.side, len(spec.classes)) for recipe in spec.recipes]
    content = bundle.weights
    try:
        stored = load(content)
        for network, prefix in zip(networks, _prefixes(len(networks)), strict=True):
            network.load_state_dict(
                {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}
            )
    except Exception as error:  # whatever a foreign file makes of its reader
        why = " ".join(str(error).split())[:200]
        raise BundleError(
            f"{bundle.folder / WEIGHTS_NAME}: not the weights of {spec.recipe.model.name} ({why}); take the bundle "
            "again from where it was made"
        ) from None
    return [network.eval() for network in networks]


def load_model(bundle: Bundle) -> nn.Module:
    """A bundle's torch network as it is deployed: on the CPU, float32, in evaluation mode."""
    return deployed(load_networks(bundle), bundle.spec.recipe, bundle.spec.members)


def save_weights(networks: Sequence[Network], recipes: Sequence[Recipe], path: Path, *, half: bool) -> None:
    """Write the networks' weights: one network's by the names of its module, those of several behind `members.0.`…

    Args:
        networks: as they were trained; the modules that they are deployed in have no weights.
        recipes: one a network.
        path: the file.
        half: store weight matrices as float16.

    Raises:
        OSError: it cannot be written.
    """
    tensors = {
        prefix + name: halved(tensor) if half else tensor.contiguous()
        for network, prefix in zip(networks, _prefixes(len(networks)), strict=True)
        for name, tensor in network.state_dict().items()
    }
    # Whoever starts another network from these weights learns from the file what they expect to be shown. Several
    # networks' fit none, and so the file names no architecture.
    expects = {"architecture": recipes[0].model.name, "normalise": recipes[0].model.normalise}
    if len(networks) > 1:
        expects = {"members": ", ".join(recipe.model.name for recipe in recipes)}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=expects)


def _prefixes(networks: int) -> list[str]:
    return [f"members.{number}." for number in range(networks)] if networks > 1 else [""]


def halved(tensor: Tensor) -> Tensor:
    """A weight matrix in float16; biases, the numbers of batch norms and integers as they are."""
    return (tensor.half() if tensor.is_floating_point() and tensor.ndim >= 2 else tensor).contiguous()
