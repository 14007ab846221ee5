"""One run while it is trained: each method is a stage of the loop in `fit`."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from hilum.batches import BatchSource, Shard
from hilum.errors import HilumError
from hilum.history import Row, write_history
from hilum.progress import track
from hilum.recipe import Recipe
from hilum.training import checkpoint
from hilum.training.checkpoint import (
    Progress,
    TrainingState,
    divergence_advice,
)
from hilum.training.distillation import TeacherNetwork
from hilum.training.finetuning import set_trainable
from hilum.training.micro_batches import micro_batch_size
from hilum.training.model_selection import monitored_value, should_keep
from hilum.training.objective import Objective
from hilum.training.parallel import restore_batch_norms, synchronize_batch_norms
from hilum.training.run_files import RunFiles
from hilum.training.run_fingerprint import check_run_fingerprint, write_run_fingerprint
from hilum.training.step import Stepper
from hilum.training.tensorboard import TensorBoardLog
from hilum.training.validation import validate


@dataclass(slots=True)
class FitResult:
    """A trained network and how it was trained.

    Attributes:
        model: the network with the weights that were kept (`training.keep`: those of the best or of the last epoch),
            on the CPU, in evaluation mode.
        kept_epoch: the epoch that these weights are from.
        history: the metrics, one row per epoch.
        folder: the folder of the run.
    """

    model: nn.Module
    kept_epoch: int
    history: list[Row]
    folder: Path


@dataclass(slots=True)
class Trainer:
    """One run while it is trained: its films, its network, its state, and its files.

    Attributes:
        train: the training films, or features of them.
        val: the same of the validation films.
        shifted: the validation films under each simulated acquisition shift; empty without `training.val_shifts`.
        recipe: the run's recipe.
        files: where its files lie.
        fabric: Lightning Fabric: the device, the precision and the processes.
        shard: this process's part of every batch.
        objective: what the network is trained for, on the run's device.
        teacher: the trained networks to distil from, where the recipe names some.
        state: weights, optimiser and progress: what a checkpoint holds.
        steps_per_epoch: the number of optimiser steps in an epoch.
        history: the metrics, one row per finished epoch.
        stepper: makes the optimiser steps; `prepare_steps` creates it.
        epoch_start_time: when the current epoch began, in seconds of `time.perf_counter`.
        last_checkpoint_time: when the last checkpoint was written, in seconds of `time.monotonic`.
    """

    train: BatchSource
    val: BatchSource
    shifted: list[BatchSource]
    recipe: Recipe
    files: RunFiles
    fabric: Fabric
    shard: Shard
    objective: Objective
    teacher: TeacherNetwork | None
    state: TrainingState
    steps_per_epoch: int
    history: list[Row] = field(default_factory=list)
    stepper: Stepper = field(init=False)
    epoch_start_time: float = 0.0
    last_checkpoint_time: float = field(default_factory=time.monotonic)

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        return self.state.progress

    @property
    def evaluated_model(self) -> nn.Module:
        """The network that is validated and kept: the moving average of the weights, where there is one."""
        return self.state.average.module if self.state.average else self.state.model

    def write_fingerprint(self) -> None:
        """Record the recipe and the films that the run is started with, in the first process."""
        if self.fabric.is_global_zero:
            write_run_fingerprint(self.files.fingerprint, self.recipe, self.train.manifest, self.val.manifest)

    def resume(self) -> None:
        """Check that recipe and films are those of the run's start, and load the last checkpoint and the history."""
        check_run_fingerprint(self.files.fingerprint, self.recipe, self.train.manifest, self.val.manifest)
        self.state.restore(self.files.last_checkpoint)
        self.history = self.files.read_history_until(self.progress.epoch)

    def prepare_steps(self, memory: int | None) -> None:
        """Choose the micro-batch size, synchronise batch norms across processes, and create the stepper."""
        model, scheme, progress = self.state.model, self.recipe.training, self.progress
        if memory or not progress.micro_batch_size:
            local_batch_size = self.recipe.batches.size // self.shard.world_size
            progress.micro_batch_size = micro_batch_size(model, _input_shape(self.val), local_batch_size, memory)
        if self.shard.world_size > 1 and scheme.shared_batch_norm:
            synchronize_batch_norms(model)
        network, optimizer = self.fabric.setup(model, self.state.optimizer)
        self.stepper = Stepper(
            self.fabric,
            network,
            optimizer,
            self.objective,
            self.shard,
            scheme.clip_norm,
            progress.micro_batch_size,
            self.teacher,
        )

    def open_log(self) -> AbstractContextManager[TensorBoardLog | None]:
        """The TensorBoard log in the first process, nothing in the others."""
        if not self.fabric.is_global_zero:
            return nullcontext()
        return closing(TensorBoardLog(self.files.folder / "tensorboard", self.progress.epoch))

    def train_epoch(self) -> None:
        """Make the remaining optimiser steps of the epoch, with a checkpoint every `training.checkpoint_minutes`.

        Raises:
            HilumError: the loss is NaN or infinite.
        """
        progress, scheme, seed = self.progress, self.recipe.training, self.recipe.seed
        epoch = progress.epoch + 1
        self.epoch_start_time = time.perf_counter() - progress.seconds
        set_trainable(self.state.model, self.recipe.transfer, epoch)
        batches = self.train.epoch(seed, epoch, self.fabric.device, start=progress.step, shard=self.shard)
        for batch in track(batches, f"epoch {epoch}/{scheme.epochs}", self.steps_per_epoch - progress.step):
            global_step = progress.epoch * self.steps_per_epoch + progress.step
            learning_rate = progress.schedule.learning_rate(scheme, global_step, self.steps_per_epoch)
            for group in self.state.optimizer.param_groups:
                group["lr"] = learning_rate * group["scale"]
            # A prime larger than any number of steps: runs with different seeds never share a step's seed.
            output = self.stepper.step(batch, seed=seed * 100_000_007 + global_step)
            if not output["losses"].isfinite().all():
                when = f"epoch {epoch}, step {global_step}"
                message = self.files.report_failed_batch(output, batch, self.train, when)
                raise HilumError(f"{message}; {divergence_advice(self.state.model, self.files.last_checkpoint)}")
            if self.state.average:
                self.state.average.update_parameters(self.state.model)
            self.state.outputs.append(output)
            progress.step, progress.micro_batch_size = progress.step + 1, self.stepper.micro_batch_size
            minutes = (time.monotonic() - self.last_checkpoint_time) / 60
            if self.fabric.is_global_zero and minutes >= scheme.checkpoint_minutes:
                progress.seconds = time.perf_counter() - self.epoch_start_time
                self.write_checkpoint()

    def validate(self) -> Row:
        """Validate the network and return the epoch's row of training and validation metrics.

        Raises:
            HilumError: a validation loss is NaN or infinite.
        """
        epoch, steps = self.progress.epoch + 1, self.steps_per_epoch
        measured = validate(
            self.evaluated_model, self.val, self.shifted, self.recipe, self.objective, self.fabric, self.shard
        )
        for name, value in measured.items():
            if name.endswith("loss") and not math.isfinite(value):
                advice = divergence_advice(self.state.model, self.files.last_checkpoint)
                raise HilumError(f"{name} is {value} after epoch {epoch}; {advice}")
        return {
            "epoch": epoch,
            "seconds": time.perf_counter() - self.epoch_start_time,
            "learning_rate": self.progress.schedule.learning_rate(self.recipe.training, epoch * steps - 1, steps),
            **self.objective.metrics("train", self.state.epoch_output()),
            **measured,
        }

    def end_epoch(self, row: Row) -> bool:
        """Count the epoch as done, update the learning-rate schedule, and return whether to keep its weights."""
        progress, scheme = self.progress, self.recipe.training
        self.history.append(row)
        progress.epoch, progress.step, progress.seconds, self.state.outputs = progress.epoch + 1, 0, 0.0, []
        value = monitored_value(row, scheme)
        progress.schedule.end_epoch(scheme, value)
        keep = should_keep(progress, value, scheme)
        if keep:
            progress.kept_epoch, progress.kept_value = progress.epoch, value
        return keep

    def write_epoch(self, row: Row, keep: bool) -> None:
        """Write history, weights and checkpoint; a run that is killed before the checkpoint repeats the epoch."""
        epoch, weights = self.progress.epoch, self.evaluated_model.state_dict()
        write_history(self.files.history, self.history)
        if self.recipe.training.keep == "agreed":
            checkpoint.save(self.files.weights_of(epoch), {"model": weights}, {})
        if keep:
            checkpoint.save(self.files.kept_weights, {"model": weights}, {"epoch": epoch})
        self.write_checkpoint()

    def write_checkpoint(self) -> None:
        """Write the checkpoint from which the run can be resumed."""
        self.state.save(self.files.last_checkpoint)
        self.last_checkpoint_time = time.monotonic()

    def finish(self) -> FitResult:
        """Load the weights that were kept into the network, and put it back on the CPU."""
        self.fabric.barrier()
        model = self.state.model
        restore_batch_norms(model)
        # In place: where half a network was trained, the whole network shares the weights.
        model.load_state_dict(checkpoint.load(self.files.kept_weights)[0]["model"])
        model.to("cpu", memory_format=torch.contiguous_format).requires_grad_(True).eval()  # type: ignore[call-overload]
        return FitResult(model, self.progress.kept_epoch, self.history, self.files.folder)


def _input_shape(films: BatchSource) -> torch.Size:
    """The shape of one film's input to the network, without the batch dimension."""
    return next(iter(films.unaugmented(1))).inputs.shape[1:]
