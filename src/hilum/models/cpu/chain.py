"""A chain of layers whose blocks of ReLU, dropout, batch norm and max pool are fused to one pass over memory.

Layer by layer, such a block reads and writes its maps ten times in a training step, which takes longer than the
convolution before it. In evaluation, on a GPU, or where a layer has unusual options, the layers run one by one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from hilum.models.cpu.kernels import bits, pool_activated, unpool_gradient
from hilum.models.cpu.threads import each_film
from hilum.models.dropout import Dropout


class Pooled(NamedTuple):
    """The layers of a block after its convolution."""

    relu: nn.ReLU
    dropout: Dropout | None
    norm: nn.BatchNorm2d
    pool: nn.MaxPool2d


class Chain(nn.Sequential):
    """`nn.Sequential` whose blocks of [ReLU, dropout, batch norm, 2×2 max pool] are fused where that is possible."""

    def forward(self, maps: Tensor) -> Tensor:
        """As the layers one by one, except for rounding, and for the gradient where a window has equal values."""
        layers = list(self)
        while layers:
            block = _block_of(layers)
            if block is not None and _fits(block, maps):
                maps = _fused(block, maps)
                del layers[: 3 if block.dropout is None else 4]
            else:
                maps = layers.pop(0)(maps)
        return maps


def _block_of(layers: list[nn.Module]) -> Pooled | None:
    """The block with which a chain begins, or None."""
    relu, *rest = layers[:4]
    dropout = rest[0] if rest and isinstance(rest[0], Dropout) else None
    rest = rest[1:] if dropout is not None else rest
    if len(rest) < 2:
        return None
    norm, pool = rest[:2]
    # SynchronizedBatchNorm2d, whose statistics are those of several processes, has another type than nn.BatchNorm2d.
    if type(relu) is nn.ReLU and type(norm) is nn.BatchNorm2d and type(pool) is nn.MaxPool2d:
        return Pooled(relu, dropout, norm, pool)
    return None


def _fits(block: Pooled, maps: Tensor) -> bool:
    norm, pool = block.norm, block.pool
    return (
        norm.training
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode) == (2, 2, 0, 1, False)
        and maps.device.type == "cpu"
        and maps.dtype in (torch.float32, torch.bfloat16)
        and maps.shape[2] % 2 == maps.shape[3] % 2 == 0
        and maps.is_contiguous(memory_format=torch.channels_last)
        and not torch.compiler.is_compiling()
    )


def _fused(block: Pooled, maps: Tensor) -> Tensor:
    norm, dropout = block.norm, block.dropout
    dropped, scale, keys = 0, 1.0, np.zeros((len(maps), 2), np.uint32)
    if dropout is not None and dropout.training and dropout.dropped:
        dropped, scale, keys = dropout.dropped, dropout.scale, dropout.draw_keys(len(maps))
    output, mean, variance = _Block.apply(maps, norm.weight, norm.bias, norm.eps, keys, dropped, scale)  # type: ignore[no-untyped-call]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    with torch.no_grad():
        count = maps.numel() // maps.shape[1]
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / max(1, count - 1)), norm.momentum)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
    return output  # type: ignore[no-any-return]


class _Block(Function):
    """The pool is moved before the batch norm, which keeps or reverses the order of values: a quarter is left.

    The convolution's maps and a byte for each window of four are kept for the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, eps: float, keys: Any, dropped: int, scale: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        films, channels, height, width = maps.shape
        pooled = torch.empty(
            films, channels, height // 2, width // 2, dtype=maps.dtype, memory_format=torch.channels_last
        )
        codes = torch.empty(films, height // 2, width // 2, channels, dtype=torch.uint8)
        sums = np.empty((films, 2, channels))
        signs = torch.where(weight.detach() < 0, -1.0, 1.0).numpy()
        drawn = (np.uint32(dropped), np.float32(scale))
        each_film(pool_activated, films, bits(maps), signs, keys, *drawn, bits(pooled), codes.numpy(), sums)
        count = maps.numel() // channels
        means, squares = torch.from_numpy(sums.sum(axis=0) / count)
        variance = (squares - means.square()).clamp_min(0).float()
        mean = means.float()
        ctx.save_for_backward(maps, weight, mean, variance, pooled, codes)
        ctx.eps, ctx.drawn = eps, drawn
        ctx.mark_non_differentiable(mean, variance)
        return F.batch_norm(pooled, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, variance, pooled, codes = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, pooled, weight, mean, variance, None, None, False, ctx.eps, [False, True, True]
        )
        count = maps.numel() // maps.shape[1]
        inverse = (variance + ctx.eps).rsqrt()
        factors = weight * inverse
        slopes = -factors * inverse * of_weight / count
        shifts = -factors * of_bias / count - slopes * mean
        of_maps = torch.empty_like(maps)
        constants = (values.detach().numpy() for values in (factors, slopes, shifts))
        each_film(
            unpool_gradient,
            len(maps),
            bits(maps),
            bits(gradient),
            codes.numpy(),
            *constants,
            *ctx.drawn,
            bits(of_maps),
        )
        return of_maps, of_weight, of_bias, None, None, None, None
