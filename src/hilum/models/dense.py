"""Dense evaluation: a network that was trained on crops is applied to whole films, at several scales.

Source: Simonyan & Zisserman, ICLR 2015, section 3.2: the first dense layer becomes a convolution as large as the
trunk's map of a crop, the layers after it 1×1 convolutions; the class scores of all positions are averaged, and the
probabilities of a film and its mirror image. Section 4.2 averages the probabilities over several scales too. Before
that Sermanet et al., "OverFeat", ICLR 2014.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from hilum.errors import RecipeError
from hilum.models.dropout import Dropout
from hilum.models.fused import mean_of_probabilities
from hilum.models.registry import Network


class DenseEvaluation(nn.Module):
    """Applies a network to every position of its crop in whole films, at several scales, also mirrored.

    It has no weights of its own and folds the network's at every call, so that weights that are trained, loaded or
    rounded take effect at once. It is for evaluation: a dropout before the first dense layer is omitted.
    """

    fold: Tensor

    def __init__(self, network: Network, size: int, side: int, scales: Sequence[int], flips: bool) -> None:
        """Wrap a network; its weights are shared.

        Args:
            network: a network built for images of `side` × `side` pixels.
            size: the films' side in pixels.
            side: side of the network's training images, in pixels.
            scales: sides, in pixels, to which each film is scaled; the probabilities are averaged over them.
            flips: also average over the film and its mirror image.

        Raises:
            RecipeError: a scale is smaller than the crop, or the network's head cannot be applied to every position.
        """
        super().__init__()
        if not scales or min(scales) < side:
            raise RecipeError(
                f"bundle.scales: a film of {min(scales, default=0)} pixels is smaller than the crop of {side}; "
                f"set sides from {side} to {size}"
            )
        self.network, self.size, self.side = network, size, side
        self.scales, self.flips = tuple(scales), flips
        device = next(network.parameters()).device
        for scale in self.scales:
            self.register_buffer(f"to_{scale}", resize_matrix(size, scale).to(device), persistent=False)
        _, channels, self.grid, _ = _shape_of_maps(network, side)
        self.register_buffer("fold", _averages_of(network.body.pool, self.grid).to(device), persistent=False)
        first, _ = _cut(network.body.dense)
        if first.in_features != channels * self.fold.shape[1]:
            raise RecipeError(
                f"batches.crop and bundle.flips need a pool that treats each map separately; this network's gives "
                f"{first.in_features} values of {channels} maps: set model.head=linear"
            )
        self._folds = not torch.equal(self.fold, torch.eye(*self.fold.shape, device=device))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, size, size) float32 in [0, 1] → (n, outputs) logits, whose probabilities are the average."""
        kernel, logits = self._kernel(), []
        for scale in self.scales:
            matrix = self.get_buffer(f"to_{scale}")
            scaled = images if scale == self.size else matrix @ images @ matrix.T
            logits.append(self._slide(scaled, kernel))
            if self.flips:
                logits.append(self._slide(scaled.flip(-1), kernel))
        return mean_of_probabilities(logits, [1 / len(logits)] * len(logits))

    def _kernel(self) -> Tensor:
        """The pool and the first dense layer as one convolution kernel: (features, channels, grid, grid)."""
        weight = _cut(self.network.body.dense)[0].weight
        features = len(weight)
        if self._folds:
            weight = weight.view(features, -1, self.fold.shape[1]) @ self.fold.T
        return weight.reshape(features, -1, self.grid, self.grid)

    def _slide(self, images: Tensor, kernel: Tensor) -> Tensor:
        """The logits averaged over all positions of the crop in the trunk's maps: (n, outputs)."""
        maps = self.network.normalise(images)
        for stage in self.network.body.stages.values():
            maps = stage(maps)
        first, rest = _cut(self.network.body.dense)
        maps = functional.conv2d(maps, kernel, first.bias)
        positions = maps.shape[-2] * maps.shape[-1]
        # A dense layer at each position is a 1×1 convolution; so the other layers can stay as they are.
        features = maps.flatten(2).transpose(1, 2).flatten(0, 1)
        for layer in rest:
            features = layer(features)
        return features.view(-1, positions, features.shape[-1]).mean(dim=1)

    def extra_repr(self) -> str:
        """The crop, the film and the scales, for `repr`."""
        return f"crops of {self.side} in films of {self.size}, scales={self.scales}, flips={self.flips}"


def resize_matrix(size: int, side: int) -> Tensor:
    """The matrix R that scales an image of `size` × `size` pixels to `side` × `side`: R @ image @ R.T.

    Bilinear and antialiased, as images are scaled in training. Both axes are independent, so that two fixed matrices
    do it: they need no operator that a runtime may compute in another way.

    Returns:
        (side, size) float32.
    """
    rows = torch.eye(size)[None, None]
    return functional.interpolate(rows, (side, size), mode="bilinear", align_corners=False, antialias=True)[0, 0]


def _shape_of_maps(network: Network, side: int) -> torch.Size:
    """The shape of the trunk's maps of images of that side, from the meta device: nothing is computed."""
    trunk = nn.Sequential(network.normalise, *network.body.stages.values())
    own = {name: values.detach().to("meta") for name, values in (*trunk.named_parameters(), *trunk.named_buffers())}
    with torch.no_grad():
        maps: Tensor = functional_call(trunk, own, (torch.empty(2, 1, side, side, device="meta"),))
    return maps.shape


@torch.no_grad()
def _averages_of(pool: nn.Module, side: int) -> Tensor:
    """A pool as a matrix, found by applying it to maps that are 1 in one place: (side², values after the pool)."""
    places = torch.eye(side * side, device=next((each.device for each in pool.buffers()), None))
    values: Tensor = pool(places.view(side * side, 1, side, side))
    return values


def _cut(dense: nn.Module) -> tuple[nn.Linear, list[nn.Module]]:
    """The first dense layer, and the layers after it.

    Raises:
        RecipeError: a layer before it changes values.
    """
    layers = _in_order(dense)
    while isinstance(layers[0], Dropout | nn.Dropout | nn.Identity):
        del layers[0]
    first, *rest = layers
    if not isinstance(first, nn.Linear):
        raise RecipeError(
            f"batches.crop and bundle.flips need a dense layer after the pool, and there is a "
            f"{type(first).__name__}: set model.head=linear"
        )
    return first, rest


def _in_order(layer: nn.Module) -> list[nn.Module]:
    if isinstance(layer, nn.Sequential):
        return [each for part in layer for each in _in_order(part)]
    return [layer]
