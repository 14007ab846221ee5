"""From grey values of 0 to 1 to what the first convolution expects. Part of the network, so that it exists once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hilum.errors import RecipeError
from hilum.recipe import Model

BLACK = 0.02  # of the grey range: what no X-ray reached, up to the ringing of a JPEG
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's models
VGG_MEAN = (0.48235, 0.45882, 0.40784)  # Oxford's: RGB from 0 to 255 less 255 times these, no deviation
VGG_GREY_SCALE = 58.0  # how far grey lies from its mean in VGG's convention: about 255 times ImageNet's deviation


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


class StandardiseChannels(nn.Module):
    """(grey - mean) / deviation with the constants of each of three channels: one channel in, three out."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1), persistent=False)

    def forward(self, films: Tensor) -> Tensor:
        """(n, 1, h, w) float in [0, 1] → (n, 3, h, w)."""
        return (films - self.mean) / self.deviation


class Repeat(nn.Module):
    """Shows a network of several channels the grey film in each of them."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__()
        self.channels, self.scale = channels, scale

    def forward(self, films: Tensor) -> Tensor:
        """(n, 1, h, w) → (n, channels, h, w), each times the scale."""
        return (films * self.scale).expand(-1, self.channels, -1, -1)


def normalisation(spec: Model) -> nn.Module:
    """What stands before the first convolution.

    Raises:
        RecipeError: `imagenet` and `vgg` with one channel, whose constants differ from channel to channel.
    """
    if spec.normalise in ("imagenet", "vgg"):
        if spec.channels != 3:
            raise RecipeError(
                f"model.normalise: '{spec.normalise}' has constants for three channels; set model.channels=3, or "
                "model.normalise=film"
            )
        if spec.normalise == "imagenet":
            return StandardiseChannels(IMAGENET_MEAN, IMAGENET_DEVIATION)
        return StandardiseChannels(VGG_MEAN, (1 / 255,) * 3)
    first = nn.Identity() if spec.normalise == "none" else StandardiseFilm()
    scale = VGG_GREY_SCALE if spec.normalise == "film-vgg" else 1.0
    if spec.channels == 1 and scale == 1:
        return first
    return nn.Sequential(first, Repeat(spec.channels, scale))
