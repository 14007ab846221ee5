"""What this machine is best at: device, number format, memory layout, memory allocation."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Literal

import torch
from lightning_fabric import Fabric
from msgspec.structs import replace

from hilum.recipe import Recipe, Training
from hilum.training.parallel import Precision, make_fabric
from hilum.training.precision import bfloat16_pays


def prepare(scheme: Training, *, thaws: bool) -> Fabric:
    """The fastest device there is, in the recipe's precision; the same seed gives the same weights on it.

    Args:
        scheme: the learning scheme.
        thaws: whether some weights do not learn in every epoch.
    """
    _be_deterministic()
    keep_freed_memory()
    precision: Precision = "bf16-mixed" if in_bfloat16(scheme) else "32-true"
    return make_fabric(fastest_device().type, precision, thaws=thaws)


def fastest_device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def in_bfloat16(scheme: Training) -> bool:
    """What the recipe says; `auto` takes what this machine is faster in."""
    if scheme.precision != "auto":
        return scheme.precision == "bfloat16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bfloat16_pays()


def pin_precision(recipe: Recipe) -> Recipe:
    """The recipe with the precision that this machine takes for `auto`, so that a run that goes on, maybe on another
    machine, does not change it half-way.
    """
    precision: Literal["bfloat16", "float32"] = "bfloat16" if in_bfloat16(recipe.training) else "float32"
    return replace(recipe, training=replace(recipe.training, precision=precision))


def _be_deterministic() -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Filling every fresh tensor would find reads of unset memory; the networks have none, and it costs a pass each.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Ask glibc to keep large freed blocks.

    By default each feature map of a batch is mapped afresh and returned to the kernel at every step, which clears its
    pages again: more than a third of a training step of S1 (benchmarks/training_step.py).
    """
    if sys.platform != "linux":
        return
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # malloc.h
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)
        libc.mallopt(m_top_pad, 2**26)
