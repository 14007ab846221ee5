"""Setting a run up: its processes and device, its objective, its optimiser."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hilum.batches import BatchSource
from hilum.recipe import Recipe
from hilum.shifts import ACQUISITION
from hilum.training.checkpoint import TrainingState
from hilum.training.device import set_up_device
from hilum.training.distillation import make_teacher
from hilum.training.finetuning import parameter_groups
from hilum.training.model_selection import check_monitor
from hilum.training.objective import make_objective
from hilum.training.parallel import shard_of
from hilum.training.run_files import RunFiles
from hilum.training.schedule import make_optimizer
from hilum.training.trainer import Trainer


def make_trainer(model: nn.Module, train: BatchSource, val: BatchSource, recipe: Recipe, folder: Path) -> Trainer:
    """Set a run up: processes, device, objective, optimiser; the network is moved to the run's device.

    Partial files that a killed run left among its checkpoints are deleted.
    """
    scheme = recipe.training
    check_monitor(scheme, val.labels)
    shifted = [val.transformed(shift) for shift in ACQUISITION.shifts.values()] if scheme.val_shifts else []
    objective = make_objective(recipe, train)
    teacher = make_teacher(recipe, train.classes)
    fabric = set_up_device(scheme, gradual=bool(recipe.transfer.gradual))
    shard = shard_of(fabric, recipe.batches.size)
    model = model.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = _make_average(model, scheme.average)
    optimizer = make_optimizer(scheme, parameter_groups(model, recipe.transfer))
    state, steps = TrainingState(model, average, optimizer), train.batches_per_epoch
    trainer = Trainer(
        train,
        val,
        shifted,
        recipe,
        RunFiles(folder),
        fabric,
        shard,
        objective.to(fabric.device),
        teacher,
        state,
        steps_per_epoch=steps,
    )
    if fabric.is_global_zero:
        trainer.files.delete_partial()
    return trainer


def _make_average(model: nn.Module, decay: float) -> AveragedModel | None:
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]
