"""Data-parallel training: several processes, each with a shard of every batch, train what one process would."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
import torch.distributed as dist
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.autograd import Function

from hilum.batches import Shard
from hilum.errors import RequestError

Precision = Literal["bf16-mixed", "32-true"]

_LAUNCHED = "TORCHELASTIC_RUN_ID" in os.environ
_LOST = re.compile(r"gloo|NCCL|Connection|Socket", re.IGNORECASE)
_SECONDS_TO_BE_SEEN = 5.0


def make_fabric(device: str, precision: Precision, *, gradual: bool) -> Fabric:
    """Join the processes that `torchrun` started, or run in one process.

    Args:
        device: `cpu` or `cuda`.
        precision: Fabric's name of the number format.
        gradual: whether parts of the network are frozen in some epochs, so that some weights have no gradient.
    """
    # It would print the number format, which the run's recipe holds.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    if not _LAUNCHED:
        return Fabric(accelerator=device, devices=1, precision=precision)
    from lightning_fabric.strategies.ddp import DDPStrategy

    local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    strategy = DDPStrategy(find_unused_parameters=gradual)
    fabric = Fabric(
        accelerator=device, devices=local, num_nodes=world // local, strategy=strategy, precision=precision
    )
    fabric.launch()
    return fabric


def shard_of(fabric: Fabric, batch_size: int) -> Shard:
    """The part of every batch that this process takes.

    Raises:
        RequestError: a batch has fewer than two films for each process.
    """
    if batch_size < 2 * fabric.world_size:
        raise RequestError(
            f"batches.size: {batch_size} films for {fabric.world_size} processes; each needs two or more: "
            f"set batches.size={2 * fabric.world_size}"
        )
    return Shard(fabric.global_rank, fabric.world_size)


def gather(fabric: Fabric, values: Tensor, indices: Tensor, n: int) -> Tensor:
    """Gather rows that several processes hold into one tensor, the same in each of them.

    Args:
        fabric: joins the processes.
        values: (m, k) float32, this process's rows.
        indices: (m,) int64, their rows in the result.
        n: the number of rows over all processes.

    Returns:
        (n, k) float32 on the CPU, each row bit for bit as its process had it.
    """
    rows = torch.zeros(n, values.shape[1], device=fabric.device)
    rows[indices.to(fabric.device)] = values.to(fabric.device)
    if fabric.world_size > 1:
        dist.all_reduce(rows)
    return rows.cpu()


@contextmanager
def exit_on_lost_peer(folder: Path) -> Iterator[None]:
    """Under torchrun, exit with one line of explanation when another process of the run was lost.

    This process notices that by its connection, or because torchrun terminates it; torchrun then names the process
    that failed first.
    """
    if not _LAUNCHED:
        yield
        return

    def exit_with_line(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # until it is said why
        line = (
            f"hilum (process {os.environ['RANK']} of {os.environ['WORLD_SIZE']}): stopped, because another process "
            f"was lost (torchrun names it below, as the root cause) or torchrun was stopped. Resume from the last "
            f"checkpoint: torchrun … -m hilum train --resume {folder}"
        )
        print(line, file=sys.stderr, flush=True)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(_SECONDS_TO_BE_SEEN)  # or this process might exit before torchrun has noticed the other's end
        sys.exit(1)

    before = signal.signal(signal.SIGTERM, exit_with_line)
    try:
        yield
    except RuntimeError as error:
        if not _LOST.search(str(error)):
            raise
        exit_with_line()
    finally:
        signal.signal(signal.SIGTERM, before)


def synchronize_batch_norms(model: nn.Module) -> None:
    """Let every batch norm compute its statistics over the whole batch; nothing changes for one process.

    The class is swapped in place: a network and its halves hold the same modules, and all of them have to change.
    (torch's own `SyncBatchNorm` works only on GPUs.)
    """
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronizedBatchNorm2d


def restore_batch_norms(model: nn.Module) -> None:
    """Undo `synchronize_batch_norms`: turn every batch norm into torch's own again."""
    for module in model.modules():
        if type(module) is SynchronizedBatchNorm2d:
            module.__class__ = nn.BatchNorm2d  # type: ignore[assignment]


class SynchronizedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics in training are computed over the films of all processes.

    Source: Ioffe & Szegedy, ICML 2015, algorithm 1, over the union of the processes' rows.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) → the same shape."""
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        output, mean, variance, count = _SynchronizedNorm.apply(input, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            momentum = self.momentum if self.momentum is not None else 0.1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        return output  # type: ignore[no-any-return]


class _SynchronizedNorm(Function):
    """A forward and a backward pass with one reduction over the processes each, by torch's own kernels."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        count = values.numel() // values.shape[1]
        # With float32 running statistics those of a bfloat16 map stay float32; else a CPU rounds both to bfloat16.
        running = torch.zeros(2, values.shape[1], device=values.device)
        mean, variance = torch.batch_norm_update_stats(values, running[0], running[1], 0.0)
        # Chan et al., 1979: sums about each process's own mean lose no precision.
        parts = _gather_all(torch.stack([mean, variance, torch.full_like(mean, count)]))
        counts = parts[:, 2]
        total = counts.sum(0)
        shared = (parts[:, 0] * counts).sum(0) / total
        variance = (counts * (parts[:, 1] + (parts[:, 0] - shared) ** 2)).sum(0) / total
        ctx.save_for_backward(values, weight, shared, variance, total)
        ctx.eps = eps
        ctx.mark_non_differentiable(shared, variance, total)
        return F.batch_norm(values, shared, variance, weight, bias, eps=eps), shared, variance, total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        values, weight, mean, variance, total = ctx.saved_tensors
        # As if the statistics were constants; this also gives this process's sums for weight and bias.
        of_values, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], values, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        both = torch.stack([of_weight, of_bias])
        if dist.is_initialized():
            dist.all_reduce(both)
        # The gradient through the statistics: the same affine map of every value.
        scale = -weight * (variance + ctx.eps).rsqrt() / total
        of_values += F.batch_norm(values, mean, variance, scale * both[0], scale * both[1], eps=ctx.eps)
        # DDP averages the processes' gradients of weight and bias.
        return of_values, of_weight, of_bias, None


def _gather_all(values: Tensor) -> Tensor:
    """Gather a tensor of every process: (processes, *shape)."""
    if not dist.is_initialized():
        return values[None]
    parts = [torch.empty_like(values) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, values.contiguous())
    return torch.stack(parts)
