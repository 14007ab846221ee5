"""Write torchvision_reference.json: what torchvision's networks say under weights that anybody can fill in.

torchvision stays out of Hilum's environment, so this runs in one of its own (5 GB; two minutes), from the repository:

    python3 -m venv /tmp/tv && /tmp/tv/bin/pip install torch==2.14.1 torchvision==0.29.1
    /tmp/tv/bin/python -m tests.models.make_torchvision_reference
    rm -r /tmp/tv

For each network: its tensors' names and shapes in order (a hash, the first, the last), its parameters, torchvision's
own count of multiply-adds, and the first logits of two images at several sizes. `fill` and `images` are the formulas
that both sides share; they need numpy and torch alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

REFERENCE = Path(__file__).with_name("torchvision_reference.json")
VGGS = ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
OTHERS = ("densenet121",)
SIZES = {
    "vgg": (64, 96, 224),
    "resnet": (64, 97, 224),
}  # sides of 2, 3 and 7 behind a VGG's trunk: 7×7 is pooled from each
LOGITS = 8


class Named(Protocol):
    """Something with tensors by name."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Tensors by name."""


def fill(model: Named, branch: str = ".bn") -> None:
    """Draw every tensor from a generator that its name seeds; the scale keeps activations near 1 at any depth.

    Args:
        model: its tensors are overwritten.
        branch: what is in the names of batch norms on a residual branch.
    """
    for name, values in model.state_dict().items():
        if values.dtype == torch.int64:
            continue
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        drawn = np.random.Generator(np.random.PCG64(seed)).random(tuple(values.shape), dtype=np.float32)
        if values.ndim >= 2:
            drawn *= 2
            drawn -= 1
            drawn *= math.sqrt(6 / values[0].numel())  # a variance of 2 / fan-in
        elif name.endswith("running_var"):
            drawn += 0.5
        elif name.endswith("weight"):  # of a batch norm; a third on a branch, or fifty additions would grow
            drawn += 0.5
            drawn /= 3 if branch in name else 1
        else:
            drawn -= 0.5
            drawn *= 0.2
        with torch.no_grad():
            values.copy_(torch.from_numpy(drawn))


def images(size: int) -> Tensor:
    """Two images (2, 3, size, size) float32 from -2 to 2."""
    draw = np.random.Generator(np.random.PCG64(size)).random((2, 3, size, size), dtype=np.float32)
    return torch.from_numpy(4 * draw - 2)


def tensors(model: nn.Module) -> list[tuple[str, list[int]]]:
    """Name and shape of everything in the state dictionary, in order."""
    return [(name, list(values.shape)) for name, values in model.state_dict().items()]


def digest(named: list[tuple[str, list[int]]]) -> str:
    """SHA-256 of names and shapes."""
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _describe(name: str) -> dict[str, object]:
    from torchvision.models import get_model, get_model_weights  # type: ignore[import-not-found]

    model = get_model(name, weights=None).eval()
    fill(model)
    named = tensors(model)
    logits = {}
    model = model.double()  # so that the reference's own rounding is nothing
    for size in SIZES["vgg" if name in VGGS else "resnet"]:
        with torch.no_grad():
            given = model(images(size).double())[:, :LOGITS]
        logits[str(size)] = [[float(f"{logit:.6g}") for logit in film] for film in given.tolist()]
    return {
        "tensors": len(named),
        "sha256": digest(named),
        "first": named[0],
        "last": named[-1],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "billion_multiply_adds": get_model_weights(name)["IMAGENET1K_V1"].meta["_ops"],
        "logits": logits,
    }


if __name__ == "__main__":
    described = {name: _describe(name) for name in (*VGGS, *RESNETS, *OTHERS)}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in described.items())
    REFERENCE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
