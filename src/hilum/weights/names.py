"""From the names that other libraries give to weights to ours."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import NamedTuple

from torch import Tensor

# EfficientNet-Lite of the package efficientnet-lite-pytorch: _blocks.1._bn0.weight
_EFFICIENTNET = "_conv_stem.weight"
# DenseNet in torchvision's published files: features.denseblock1.denselayer1.norm.1.weight
_DENSENET = "features.denseblock1.denselayer1."
_DENSENET_PART = re.compile(r"(features\.denseblock\d+\.denselayer\d+\.(?:norm|conv))\.([12]\..+)")
_THRESHOLDS = "op_threshs"  # torchxrayvision's: operating points of its outputs, which are no weights
_TORCHXRAYVISION_OUTPUTS = 18


class Named(NamedTuple):
    """Tensors by our names, and the `model.normalise` that they were trained with; empty where that is unknown."""

    tensors: dict[str, Tensor]
    expects: str = ""


def rename(tensors: dict[str, Tensor]) -> Named:
    """Name weights as our networks do; those of no known library stay as they are."""
    if _EFFICIENTNET in tensors:
        ours = {".".join(part.removeprefix("_") for part in name.split(".")): t for name, t in tensors.items()}
        return Named(ours, "efficientnet")
    if any(name.startswith(_DENSENET) for name in tensors):
        ours = {_DENSENET_PART.sub(r"\1\2", name): t for name, t in tensors.items() if name != _THRESHOLDS}
        return Named(ours, "torchxrayvision" if _is_torchxrayvision(tensors) else "")
    return Named(tensors)


def below_trunk(tensors: Mapping[str, Tensor], ours: Container[str]) -> dict[str, Tensor]:
    """Put names below `trunk.` where the network has them there: timm's networks are a part of ours."""
    return {f"trunk.{name}" if f"trunk.{name}" in ours else name: values for name, values in tensors.items()}


def _is_torchxrayvision(tensors: dict[str, Tensor]) -> bool:
    """Its networks have one channel and 18 outputs; later files hold its thresholds too."""
    stem, dense = tensors.get("features.conv0.weight"), tensors.get("classifier.weight")
    if stem is None or stem.ndim != 4 or stem.shape[1] != 1:
        return False
    return _THRESHOLDS in tensors or (dense is not None and len(dense) == _TORCHXRAYVISION_OUTPUTS)
