"""The device that training computes on, and how torch and the C library are set up for it."""

from __future__ import annotations

import ctypes
import os
import sys

import torch
from lightning_fabric import Fabric

from hilum.recipe import Training
from hilum.training.parallel import Precision, make_fabric
from hilum.training.precision import uses_bfloat16


def set_up_device(scheme: Training, *, gradual: bool) -> Fabric:
    """Return a Fabric of the fastest device, in the recipe's precision; one seed gives the same weights on it.

    Args:
        scheme: the recipe's section `[training]`.
        gradual: whether parts of the network are frozen in some epochs.
    """
    be_reproducible()
    keep_freed_memory()
    precision: Precision = "bf16-mixed" if uses_bfloat16(scheme) else "32-true"
    return make_fabric(fastest_device().type, precision, gradual=gradual)


def fastest_device() -> torch.device:
    """Return the first GPU where there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def be_reproducible() -> None:
    """Let torch compute the same on every run, and in float32 where float32 is asked for."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # cuDNN's convolutions would round their inputs to TF32's ten bits, and losses would not be those of a processor.
    torch.backends.cudnn.allow_tf32 = False
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
