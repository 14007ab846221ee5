"""Networks of the package timm (PyTorch Image Models; Wightman, 2019), where it is installed: `timm:NAME`.

They are built without weights, and nothing is downloaded: timm's own files are read as any other (`[weights]`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hilum.errors import RecipeError
from hilum.extras import require
from hilum.models.body import Body, head

PREFIX = "timm:"


class TimmNetwork(Body):
    """A convolutional network of timm up to its last maps, which are one stage here; the head is ours."""

    def __init__(self, name: str, size: int, channels: int, outputs: int, head_kind: str) -> None:
        """Build it with fresh weights.

        Args:
            name: as timm lists it, without the prefix.
            size: the side of the input images in pixels.
            channels: of the input.
            outputs: number of logits.
            head_kind: as `model.head`; `default` is `linear`.

        Raises:
            RequestError: timm is not installed.
            RecipeError: timm has no such network, or it cannot take such images, or it gives no maps.
        """
        super().__init__()
        require("timm", f"model.name={PREFIX}{name}")
        import timm

        library: Any = timm
        if not library.is_model(name):
            raise RecipeError(
                f"model.name: timm {library.__version__} has no network '{name}'; "
                f"python -c \"import timm; print(timm.list_models('*{name[:6]}*'))\" lists those that it has"
            )
        try:
            self.trunk: nn.Module = library.create_model(
                name, pretrained=False, in_chans=channels, num_classes=0, global_pool=""
            )
            maps = _maps(self.trunk, size, channels)
        except Exception as error:  # each of a thousand networks refuses in its own way
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise RecipeError(
                f"model.name: timm's {name} cannot take images of {size} pixels with {channels} channel"
                f"{'s' if channels > 1 else ''} ({reason}); set another pixels.size, or another model.name"
            ) from None
        if maps.ndim != 4 or maps.shape[2] != maps.shape[3]:
            raise RecipeError(
                f"model.name: timm's {name} gives no maps (channels, height, width); name a convolutional network"
            )
        kind = "linear" if head_kind == "default" else head_kind
        self.global_pool, self.classifier = head(kind, maps.shape[1], maps.shape[-1], outputs)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """One, which is everything before the pool."""
        return {"features": self.trunk}

    @property
    def pool(self) -> nn.Module:
        """The mean of each map, or the pool of another head."""
        return self.global_pool

    @property
    def dense(self) -> nn.Module:
        """One dense layer, or the layers of another head."""
        return self.classifier

    @property
    def attribution_layers(self) -> tuple[str, ...]:
        """The last maps."""
        return ("trunk",)


@torch.no_grad()
def _maps(trunk: nn.Module, size: int, channels: int) -> Tensor:
    maps: Tensor = trunk.eval()(torch.zeros(1, channels, size, size))
    trunk.train()
    return maps
