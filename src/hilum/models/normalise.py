"""Normalisation of grey values from 0 to 1 before the first convolution; it is part of the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hilum.errors import RecipeError
from hilum.recipe import Model

_LEAST_DEVIATION = 0.02  # of the grey range, which is added to a picture's own
BLACK = 0.02  # of the grey range: collimated or padded areas, with a margin for JPEG ringing
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's models
VGG_MEAN = (0.48235, 0.45882, 0.40784)  # Oxford's: RGB from 0 to 255 less 255 times these, no deviation
VGG_GREY_SCALE = 58.0  # standard deviation of grey in VGG's convention: about 255 times ImageNet's
EFFICIENTNET_GREY_SCALE = 0.45  # the same in EfficientNet-Lite's convention: 255 / 128 times ImageNet's
THREE_CHANNELS = ("imagenet", "vgg")  # have constants that differ from channel to channel
# What grey values from 0 to 1 are multiplied by, and what is then added, the same for each channel.
AFFINE = {
    "efficientnet": (255 / 128, -127 / 128),  # 0 to 255 less 127, divided by 128 (Google, EfficientNet-Lite, 2020)
    "torchxrayvision": (2048.0, -1024.0),  # from -1024 to 1024
}
SCALES = {"film-vgg": VGG_GREY_SCALE, "film-efficientnet": EFFICIENTNET_GREY_SCALE}


class StandardiseFilm(nn.Module):
    """Subtracts the mean of each film's exposed area and divides by its standard deviation.

    This removes exposure and windowing, which differ from machine to machine, before the first convolution. Black
    areas (collimation, padding, the corners of a rotated film) are excluded from both statistics: they depend on
    how the film was framed, and would shift the grey of the lungs.
    """

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) float in [0, 1] → the same shape; a constant film becomes zeros."""
        exposed = (images > BLACK).to(images.dtype)
        count = exposed.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
        centred = images - (images * exposed).sum(dim=(1, 2, 3), keepdim=True) / count
        deviation = ((centred.square() * exposed).sum(dim=(1, 2, 3), keepdim=True) / count).sqrt()
        return centred / (deviation + 1e-3)


class StandardisePicture(nn.Module):
    """Subtracts the mean of all of a picture's pixels and divides by their standard deviation.

    For a network that is also shown what is no chest film. `StandardiseFilm` would blow such a picture up: where
    what is exposed is one flat grey, its deviation is next to nothing, and black becomes hundreds of deviations.
    """

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) float in [0, 1] → the same shape; a constant picture becomes zeros."""
        centred = images - images.mean(dim=(1, 2, 3), keepdim=True)
        return centred / (centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + _LEAST_DEVIATION)


class StandardiseChannels(nn.Module):
    """Computes (grey - mean) / deviation with the constants of each of three channels: one channel in, three out."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) float in [0, 1] → (n, 3, h, w)."""
        return (images - self.mean) / self.deviation


class Affine(nn.Module):
    """Computes grey · scale + shift."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) float in [0, 1] → the same shape."""
        return images * self.scale + self.shift

    def extra_repr(self) -> str:
        """Scale and shift, for `repr`."""
        return f"scale={self.scale:g}, shift={self.shift:g}"


class Repeat(nn.Module):
    """Repeats the grey image in each of several channels."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__()
        self.channels, self.scale = channels, scale

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) → (n, channels, h, w), each times the scale."""
        return (images * self.scale).expand(-1, self.channels, -1, -1)


def normalisation(spec: Model) -> nn.Module:
    """Make the normalisation before the first convolution.

    Raises:
        RecipeError: `imagenet` and `vgg` with one channel, whose constants differ from channel to channel.
    """
    if spec.normalise in THREE_CHANNELS:
        if spec.channels != 3:
            raise RecipeError(
                f"model.normalise: '{spec.normalise}' has constants for three channels; set model.channels=3, or "
                "model.normalise=film"
            )
        if spec.normalise == "imagenet":
            return StandardiseChannels(IMAGENET_MEAN, IMAGENET_DEVIATION)
        return StandardiseChannels(VGG_MEAN, (1 / 255,) * 3)
    first: nn.Module = StandardiseFilm()
    if spec.normalise == "none":
        first = nn.Identity()
    elif spec.normalise in AFFINE:
        first = Affine(*AFFINE[spec.normalise])
    scale = SCALES.get(spec.normalise, 1.0)
    if spec.channels == 1 and scale == 1:
        return first
    return nn.Sequential(first, Repeat(spec.channels, scale))
