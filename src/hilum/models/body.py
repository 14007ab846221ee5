"""The parts of every architecture: a trunk of named stages, a pool without weights, dense layers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from hilum.errors import RecipeError


class Body(nn.Module, ABC):
    """An architecture without its normalisation. Its stages share their modules with it, and so their weights."""

    @property
    @abstractmethod
    def stages(self) -> dict[str, nn.Module]:
        """The trunk in order, by name: each stage takes the maps of the one before it."""

    @property
    @abstractmethod
    def pool(self) -> nn.Module:
        """From the trunk's maps (n, c, h, w) to vectors (n, d); it has no weights."""

    @property
    @abstractmethod
    def dense(self) -> nn.Module:
        """From vectors (n, d) to logits (n, outputs)."""

    @property
    @abstractmethod
    def attribution_layers(self) -> tuple[str, ...]:
        """Names, as in `named_modules`, of each stage's layer for attribution methods; Grad-CAM takes the last.

        For a VGG and S1 that is the last activation before each max pool, for a ResNet each stage's last block.
        """

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, size, size) float → (n, outputs) logits."""
        for stage in self.stages.values():
            images = stage(images)
        logits: Tensor = self.dense(self.pool(images))
        return logits


def stages_by_pool(features: nn.Sequential) -> dict[str, nn.Module]:
    """Cut a chain of layers after each max pool: stage1, stage2, …"""
    stages: dict[str, nn.Module] = {}
    start = 0
    for end, layer in enumerate(features, start=1):
        if isinstance(layer, nn.MaxPool2d):
            stages[f"stage{len(stages) + 1}"] = features[start:end]
            start = end
    return stages


def layers_before_pool(features: nn.Sequential, kind: type[nn.Module]) -> tuple[str, ...]:
    """The name of the last layer of a kind before each max pool, below `features`."""
    names, last = [], ""
    for name, layer in features.named_children():
        if isinstance(layer, kind):
            last = name
        if isinstance(layer, nn.MaxPool2d):
            names.append(f"features.{last}")
    return tuple(names)


def head(kind: str, channels: int, side: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    """Make a pool and dense layers that fit any trunk.

    Args:
        kind: `s2`, the study's head for VGG-16 (flatten, 512, 128, outputs), or `linear` (mean of each map, outputs).
        channels: number of the trunk's maps.
        side: side of the trunk's maps.
        outputs: number of logits.

    Raises:
        RecipeError: there is no such head.
    """
    if kind == "s2":
        layers = [nn.Linear(channels * side * side, 512), nn.ReLU(), nn.Linear(512, 128), nn.ReLU()]
        return nn.Flatten(), nn.Sequential(*layers, nn.Linear(128, outputs))
    if kind == "linear":
        return mean_pool(), nn.Linear(channels, outputs)
    raise RecipeError(f"model.head: no head '{kind}'; there are default, s2, linear")


def mean_pool() -> nn.Module:
    """The mean of each map: (n, c, h, w) → (n, c)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
