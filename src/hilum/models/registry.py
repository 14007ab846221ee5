"""Every architecture by name, and how to build one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from torch import Tensor, nn

from hilum.errors import RecipeError
from hilum.models.body import Body
from hilum.models.normalise import normalisation
from hilum.models.timm_network import PREFIX, TimmNetwork
from hilum.recipe import Model

MINIMUM = 32  # pixels: every trunk halves its maps five times


class Builder(Protocol):
    """Makes an architecture with fresh weights."""

    def __call__(self, size: int, channels: int, outputs: int, head_kind: str, /) -> Body:
        """Build it for images of `size` × `size` pixels with `channels` channels, `outputs` logits and that head."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One entry of the registry.

    Attributes:
        name: its name in a recipe.
        build: builds it with fresh weights.
        input_size: the side of the source's input, in pixels.
        source: where it is described: a publication with its year, then which of its networks.
        channels: number of channels of the source's input.
        outputs: number of outputs of the source's last layer.
    """

    name: str
    build: Builder
    input_size: int
    source: str
    channels: Literal[1, 3] = 3
    outputs: int = 1000


REGISTRY: dict[str, Architecture] = {}


def register(
    name: str, build: Builder, *, input_size: int, source: str, channels: Literal[1, 3] = 3, outputs: int = 1000
) -> None:
    """Put an architecture into the registry; channels and outputs are ImageNet's by default."""
    REGISTRY[name] = Architecture(name, build, input_size, source, channels, outputs)


class Network(nn.Module):
    """An architecture after its normalisation: grey images from 0 to 1 in, logits out.

    The normalisation is part of the network, so that it is exported with it and exists once.
    """

    def __init__(self, normalise: nn.Module, body: Body) -> None:
        super().__init__()
        self.normalise = normalise
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, size, size) float32 in [0, 1] → (n, outputs) float32 logits."""
        logits: Tensor = self.body(self.normalise(images))
        return logits

    def parts(self) -> dict[str, nn.Module]:
        """The network in order: `normalise`, the trunk's stages by name, `pool`, `dense`."""
        body = self.body
        return {"normalise": self.normalise, **body.stages, "pool": body.pool, "dense": body.dense}

    def split(self, frozen: str) -> tuple[nn.Sequential, nn.Sequential]:
        """Split the network after a stage; both halves share its weights.

        Args:
            frozen: a stage's name, or `trunk` for everything before the dense layers.

        Raises:
            RecipeError: there is no such stage.
        """
        parts = self.parts()
        names = list(parts)
        last = "pool" if frozen == "trunk" else frozen
        if last not in names[1:-1]:
            raise RecipeError(
                f"transfer.frozen: no stage '{frozen}' in this network; there are {', '.join(names[1:-2])} and trunk"
            )
        cut = names.index(last) + 1
        before, after = names[:cut], names[cut:]
        return (
            nn.Sequential(OrderedDict((name, parts[name]) for name in before)),
            nn.Sequential(OrderedDict((name, parts[name]) for name in after)),
        )


def outputs_for(spec: Model, classes: int) -> int:
    """The number of logits for a number of classes: 1 with a sigmoid, else one per class.

    Raises:
        RecipeError: a sigmoid for more than two classes.
    """
    if spec.output == "sigmoid" and classes > 2:
        raise RecipeError(
            f"model.output: a sigmoid separates two classes, and there are {classes}; set softmax, or auto"
        )
    return 1 if classes == 2 and spec.output != "softmax" else classes


def build(spec: Model, size: int, classes: int = 2) -> Network:
    """Build a network with fresh weights, drawn from torch's global generator.

    Args:
        spec: the recipe's `[model]`.
        size: the side of the input images in pixels.
        classes: the number of classes.

    Raises:
        RecipeError: there is no such architecture or head, or it cannot take images of that size.
        RequestError: it is one of timm's, and timm is not installed.
    """
    architecture = REGISTRY.get(spec.name)
    if architecture is None and not spec.name.startswith(PREFIX):
        names = ", ".join(sorted(REGISTRY))
        raise RecipeError(
            f"model.name: no architecture '{spec.name}'; there are: {names}, and timm:NAME where timm is installed"
        )
    if size < MINIMUM:
        raise RecipeError(
            f"pixels.size (or batches.crop): {spec.name} takes sides of {MINIMUM} pixels or more, not {size}"
        )
    build = architecture.build if architecture else partial(TimmNetwork, spec.name.removeprefix(PREFIX))
    body = build(size, spec.channels, outputs_for(spec, classes), spec.head)
    return Network(normalisation(spec), body)
