"""Every architecture by name, and how to build one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hilum.errors import RecipeError
from hilum.recipe import Model


@dataclass(frozen=True, slots=True)
class Architecture:
    """One entry of the registry.

    Attributes:
        name: what a recipe calls it.
        build: makes the network for grey films of `size` × `size` pixels with so many `outputs` (logits).
        input_size: the side, in pixels, that the source gives.
        multiple: the side must be a multiple of this.
        source: where it is described.
    """

    name: str
    build: Callable[[int, int], nn.Module]
    input_size: int
    multiple: int
    source: str


REGISTRY: dict[str, Architecture] = {}


def register(
    name: str, *, input_size: int, multiple: int, source: str
) -> Callable[[Callable[[int, int], nn.Module]], Callable[[int, int], nn.Module]]:
    """Put a builder, `(size, outputs) -> nn.Module`, into the registry under `name`."""

    def enter(build: Callable[[int, int], nn.Module]) -> Callable[[int, int], nn.Module]:
        REGISTRY[name] = Architecture(name, build, input_size, multiple, source)
        return build

    return enter


BLACK = 0.02  # of the grey range: what no X-ray reached, up to the ringing of a JPEG


class StandardiseFilm(nn.Module):
    """Takes away the mean of each film's exposed part and divides by its standard deviation.

    Exposure and windowing, which differ from machine to machine, are gone before the first convolution. What is
    black (collimation, padding, the corners of a rotated film) is left out of both figures: it says how
    the film was framed, and would shift the lung's grey with it.
    """

    def forward(self, films: Tensor) -> Tensor:
        """(n, c, h, w) float in [0, 1] → the same shape; a constant film becomes zeros."""
        exposed = (films > BLACK).to(films.dtype)
        count = exposed.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
        centred = films - (films * exposed).sum(dim=(1, 2, 3), keepdim=True) / count
        deviation = ((centred.square() * exposed).sum(dim=(1, 2, 3), keepdim=True) / count).sqrt()
        return centred / (deviation + 1e-3)


class Network(nn.Module):
    """An architecture behind its normalisation: grey films from 0 to 1 in, logits out.

    The normalisation is part of the network, so that it is exported with it and exists once.
    """

    def __init__(self, normalise: nn.Module, body: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.body = body

    def forward(self, films: Tensor) -> Tensor:
        """(n, 1, size, size) float32 in [0, 1] → (n, outputs) float32 logits."""
        logits: Tensor = self.body(self.normalise(films))
        return logits


def build(spec: Model, size: int, outputs: int = 1) -> Network:
    """Build a network with fresh weights, drawn from torch's global generator.

    Args:
        spec: which architecture, behind which normalisation.
        size: the films' side in pixels.
        outputs: logits a film: 1 for two classes (sigmoid), else one a class (softmax).

    Raises:
        RecipeError: no such architecture, or it cannot take films of that size.
    """
    architecture = REGISTRY.get(spec.name)
    if architecture is None:
        raise RecipeError(f"model.name: no architecture '{spec.name}'; there are: {', '.join(sorted(REGISTRY))}")
    if size % architecture.multiple:
        raise RecipeError(
            f"pixels.size: {spec.name} takes sides that are multiples of {architecture.multiple}, not {size}"
        )
    normalise = StandardiseFilm() if spec.normalise == "film" else nn.Identity()
    return Network(normalise, architecture.build(size, outputs))


@dataclass(frozen=True, slots=True)
class ParameterCounts:
    """Parameters as Keras counts them: a batch norm's running mean and variance are parameters that do not train."""

    total: int
    trainable: int

    @property
    def not_trainable(self) -> int:
        """Frozen parameters and running statistics."""
        return self.total - self.trainable


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Count a model's parameters and running statistics."""
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    frozen = sum(parameter.numel() for parameter in model.parameters() if not parameter.requires_grad)
    running = sum(buffer.numel() for buffer in model.buffers() if buffer.dtype != torch.int64)
    return ParameterCounts(total=trainable + frozen + running, trainable=trainable)
