"""Checkpoints: everything that a run needs to go on, in one safetensors file that appears whole or not at all.

Tensors are tensors, the rest is JSON in the file's header. No pickle is written or read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hilum.errors import RequestError
from hilum.files import replacing


def save(path: Path, groups: Mapping[str, Mapping[str, Tensor]], notes: Mapping[str, Any]) -> None:
    """Write named groups of tensors and notes (anything that JSON takes)."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, members in groups.items()
        for name, tensor in members.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"notes": json.dumps(notes)})


def load(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what `save` wrote: the groups and the notes.

    Raises:
        RequestError: there is no such checkpoint, or it is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            groups: dict[str, dict[str, Tensor]] = {}
            for key in file.keys():  # noqa: SIM118  (safe_open is no mapping)
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
            return groups, json.loads(file.metadata()["notes"])
    except FileNotFoundError:
        raise RequestError(
            f"{path}: no checkpoint there; start the run with: hilum train RECIPE --data DIR"
        ) from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{path}: the checkpoint is damaged ({error}); start the run again") from None


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as flat tensors, named `<parameter's number>.<what>`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{what}": torch.as_tensor(value)
        for number, entries in state.items()
        for what, value in entries.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave into an optimiser made by the same recipe."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, what = key.partition(".")
        state.setdefault(int(number), {})[what] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    # A fused step walks parameter and state side by side in memory, whatever their strides say: lay them out alike.
    for parameter, entries in optimizer.state.items():
        for what, value in entries.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                entries[what] = torch.empty_like(parameter).copy_(value)
