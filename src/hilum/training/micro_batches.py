"""How a batch is split into micro-batches whose training step fits into the memory that there is."""

from __future__ import annotations

import torch
from torch import nn

from hilum import machine
from hilum.errors import RequestError
from hilum.models import step_memory

HEADROOM = 0.8  # of what is free: other programs want some too
# What operations need for a moment, as a multiple of what the backward pass keeps (benchmarks/step_memory.py).
WORKSPACE_FACTOR = 1.9


def micro_batch_size(model: nn.Module, input_shape: torch.Size, batch_size: int, memory: int | None) -> int:
    """Return the size of the largest even part of a batch whose training step fits into memory.

    Args:
        model: what is trained: a whole network, or its last stages.
        input_shape: of one film, or of what frozen stages give for it.
        batch_size: films of this process in a batch.
        memory: bytes that a step may take; None takes what this machine has free.

    Raises:
        RequestError: not even two films fit.
    """
    fixed, per_film = step_memory(model, input_shape)
    per_film *= WORKSPACE_FACTOR
    free = memory if memory is not None else free_device_memory() * HEADROOM
    if fixed + 2 * per_film > free:
        raise RequestError(
            f"a step with two films takes about {_gigabytes(fixed + 2 * per_film)}, "
            f"and there are {_gigabytes(free)}; "
            "take a smaller network or smaller films (pixels.size), or close other programs"
        )
    count = 1  # micro-batches
    while fixed + per_film * -(-batch_size // count) > free:
        count += 1
    return max(2, -(-batch_size // count) // 2 * 2) if count > 1 else batch_size


def free_device_memory() -> float:
    """Return the bytes that a process may still take, on the GPU where there is one, else of the machine."""
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    return machine.free_memory()


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.2g} MB"
