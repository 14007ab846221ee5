"""Checkpoints: the whole state of a run in one safetensors file, which appears complete or not at all.

Tensors are stored as tensors, everything else as JSON in the file's header. No pickle is written or read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from hilum.errors import HilumError, RequestError
from hilum.files import replacing, require_regular
from hilum.models import Network
from hilum.training.objective import Columns, concatenate
from hilum.training.schedule import Schedule

# Hilum 0.1.0 wrote these names into its checkpoints.
_FORMER_NAMES = {
    "at_once": "micro_batch_size",
    "kept_cost": "kept_value",
    "waited": "num_bad_epochs",
    "costs": "losses",
}


def save(path: Path, groups: Mapping[str, Mapping[str, Tensor]], notes: Mapping[str, Any]) -> None:
    """Write named groups of tensors, and notes: any values that JSON takes."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, members in groups.items()
        for name, tensor in members.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"notes": json.dumps(notes)})


class Checkpoint(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        groups: the tensors, by group (such as `model`) and name.
        notes: everything else, as JSON gave it.
    """

    groups: dict[str, dict[str, Tensor]]
    notes: dict[str, Any]


def load(path: Path) -> Checkpoint:
    """Read what `save` wrote.

    Raises:
        RequestError: there is no such checkpoint, or it is damaged.
    """
    try:
        require_regular(path)
        with safe_open(path, framework="pt") as file:
            groups: dict[str, dict[str, Tensor]] = {}
            for key in file.keys():  # noqa: SIM118  (safe_open is no mapping)
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
            return Checkpoint(groups, json.loads(file.metadata()["notes"]))
    except FileNotFoundError:
        raise RequestError(
            f"{path}: no checkpoint there; start the run with: hilum train RECIPE --data DIR"
        ) from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{path}: the checkpoint is damaged ({error}); start the run again") from None


@dataclass(slots=True)
class Progress:
    """How far a run has come, in plain numbers.

    Attributes:
        epoch: the number of epochs that are done.
        step: the number of optimiser steps of the next epoch that are done.
        seconds: the time that the unfinished epoch has taken so far.
        micro_batch_size: the number of films that go through the network together; 0 until it is determined.
        kept_epoch: the epoch whose weights are kept; 0 while there are none.
        kept_value: the monitored value of that epoch; lower is better.
        schedule: the state of the learning-rate schedule.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    micro_batch_size: int = 0
    kept_epoch: int = 0
    kept_value: float = math.inf
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(slots=True)
class TrainingState:
    """Everything that a run needs to be resumed as if it had never stopped.

    A step depends on the recipe's seed, its epoch and its number alone: no random generator keeps a state from one
    step to the next.

    Attributes:
        model: the network that is trained.
        average: the moving average of its weights, where there is one.
        optimizer: the optimiser.
        progress: how far the run has come.
        outputs: what the epoch's training metrics need of each film of the batches so far (`Objective.columns`).
    """

    model: nn.Module
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    progress: Progress = field(default_factory=Progress)
    outputs: list[Columns] = field(default_factory=list)

    def epoch_output(self) -> Columns:
        """The columns of all batches of the epoch so far, concatenated."""
        return concatenate(self.outputs)

    def save(self, path: Path) -> None:
        """Write the checkpoint, which appears complete or not at all.

        Raises:
            HilumError: a weight is NaN or infinite; the last checkpoint stays.
            OSError: the disk is full or unavailable; the last checkpoint stays.
        """
        broken = next((name for name, values in self.model.named_parameters() if not values.isfinite().all()), None)
        if broken is not None:
            when = f"epoch {self.progress.epoch + 1}, step {self.progress.step}"
            raise HilumError(
                f"a weight is NaN or infinite ({broken}) in {when}; {divergence_advice(self.model, path)}"
            )
        groups = {"model": self.model.state_dict(), "optimizer": optimizer_tensors(self.optimizer)}
        if self.average:
            groups["average"] = self.average.state_dict()
        if self.outputs:
            groups["outputs"] = self.epoch_output()
        save(path, groups, asdict(self.progress))

    def restore(self, path: Path) -> None:
        """Read a checkpoint that `save` wrote, also one of Hilum 0.1.0.

        Raises:
            RequestError: the checkpoint is damaged.
        """
        groups, notes = load(path)
        self.model.load_state_dict(groups["model"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        if self.average:
            self.average.load_state_dict(groups["average"])
        schedule = Schedule(**_with_present_names(notes["schedule"]))
        self.progress = Progress(**{**_with_present_names(notes), "schedule": schedule})
        outputs = groups.get("outputs") or groups.get("said")
        self.outputs = [_with_present_names(outputs)] if outputs else []


def _with_present_names(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_FORMER_NAMES.get(name, name): value for name, value in values.items()}


def divergence_advice(model: nn.Module, last: Path) -> str:
    """What to do about a run whose loss or weights are NaN or infinite, and which checkpoint there is."""
    kept = "there is no checkpoint yet"
    if last.exists():
        kept = f"the last good checkpoint is {last}"
        if isinstance(model, Network):  # no other run can start from half a network
            kept += ", which another run can start from: weights.source"
    return f"lower training.learning_rate, or set training.clip_norm=1 ({kept})"


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as flat tensors, named `<index of the parameter>.<name of the value>`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Load the tensors of `optimizer_tensors` into an optimiser that was made by the same recipe."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    # A fused step walks parameter and state in the order of memory, whatever their strides: give both one layout.
    for parameter, entries in optimizer.state.items():
        for name, value in entries.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                entries[name] = torch.empty_like(parameter).copy_(value)
