"""How many films go through the network at once in the memory that there is."""

from __future__ import annotations

import torch
from torch import nn

from hilum import machine
from hilum.errors import RequestError
from hilum.models import step_memory

HEADROOM = 0.8  # of what is free: other programs want some too
PASSING = 1.9  # what operations need in passing, over what the backward pass keeps (benchmarks/step_memory.py)


def films_at_once(model: nn.Module, inputs: torch.Size, batch: int, memory: int | None) -> int:
    """The largest even part of a batch whose training step fits into memory.

    Args:
        model: what learns: a whole network, or a half.
        inputs: shape of one film, or of what frozen stages give for it.
        batch: films of this process in a batch.
        memory: bytes that a step may take; None takes what this machine has free.

    Raises:
        RequestError: not even two films fit.
    """
    fixed, a_film = step_memory(model, inputs)
    a_film *= PASSING
    free = memory if memory is not None else free_memory() * HEADROOM
    if fixed + 2 * a_film > free:
        raise RequestError(
            f"a step with two films takes about {_gigabytes(fixed + 2 * a_film)}, and there are {_gigabytes(free)}; "
            "take a smaller network or smaller films (pixels.size), or close other programs"
        )
    count = 1  # micro-batches
    while fixed + a_film * -(-batch // count) > free:
        count += 1
    return max(2, -(-batch // count) // 2 * 2) if count > 1 else batch


def free_memory() -> float:
    """Bytes that a process may still take: on the GPU where there is one, else of the machine or the container."""
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    return machine.free_memory()


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.2g} MB"
