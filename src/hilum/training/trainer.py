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
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hilum.batches import Batch, Shard, Source
from hilum.errors import HilumError, RequestError
from hilum.files import write_text
from hilum.history import Row, read_history, write_history
from hilum.progress import track
from hilum.recipe import Recipe
from hilum.shifts import ACQUISITION
from hilum.training import checkpoint
from hilum.training.checkpoint import (
    Progress,
    TrainingState,
    check_run_fingerprint,
    divergence_advice,
    write_run_fingerprint,
)
from hilum.training.device import set_up_device
from hilum.training.distillation import TeacherNetwork, make_teacher
from hilum.training.finetuning import parameter_groups, set_trainable
from hilum.training.loss import LossFunction, make_loss_function
from hilum.training.micro_batches import micro_batch_size
from hilum.training.model_selection import check_monitor, is_kept, monitored_value
from hilum.training.parallel import restore_batch_norms, shard_of, synchronize_batch_norms
from hilum.training.schedule import make_optimizer
from hilum.training.step import StepOutput, Stepper
from hilum.training.tensorboard import TensorBoardLog
from hilum.training.validation import metrics_row, validate


@dataclass(slots=True)
class FitResult:
    """A trained network and how it was trained.

    Attributes:
        model: the network with the weights that were kept, on the CPU, in evaluation mode.
        kept_epoch: the epoch that these weights are from.
        history: the metrics of each epoch, a row per epoch.
        folder: the folder of the run.
    """

    model: nn.Module
    kept_epoch: int
    history: list[Row]
    folder: Path


@dataclass(slots=True)
class Trainer:
    """One run while it is trained: its films, its network, its state, and its files."""

    train: Source
    val: Source
    shifted: list[Source]
    recipe: Recipe
    folder: Path
    fabric: Fabric
    shard: Shard
    objective: LossFunction
    teacher: TeacherNetwork | None
    state: TrainingState
    steps_per_epoch: int
    history: list[Row] = field(default_factory=list)
    stepper: Stepper = field(init=False)
    epoch_started: float = 0.0
    checkpoint_written: float = field(default_factory=time.monotonic)

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        return self.state.progress

    @property
    def validated(self) -> nn.Module:
        """The network whose metrics are measured and whose weights are kept: the average's, where there is one."""
        return self.state.average.module if self.state.average else self.state.model

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.folder / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint from which a run is resumed."""
        return self.checkpoints / "last.safetensors"

    @property
    def kept(self) -> Path:
        """The weights that are kept."""
        return self.checkpoints / "kept.safetensors"

    @property
    def fingerprint(self) -> Path:
        """The recipe and the films that the run was started with."""
        return self.checkpoints / "fingerprint.json"

    def begin(self) -> None:
        """Write down what the run is started with."""
        if self.fabric.is_global_zero:
            write_run_fingerprint(self.fingerprint, self.recipe, self.train.manifest, self.val.manifest)

    def resume(self) -> None:
        """Read the last checkpoint and the history up to it."""
        check_run_fingerprint(self.fingerprint, self.recipe, self.train.manifest, self.val.manifest)
        self.state.restore(self.last)
        self.history = _read_history_until(self.progress.epoch, self.folder / "history.csv")

    def prepare_steps(self, memory: int | None) -> None:
        """Determine the micro-batches, join the processes' batch norms, and wrap network and optimiser in Fabric."""
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
            self.objective.to(self.fabric.device),
            self.shard,
            scheme.clip_norm,
            progress.micro_batch_size,
            self.teacher,
        )

    def open_log(self) -> AbstractContextManager[TensorBoardLog | None]:
        """The TensorBoard log in the first process, nothing in the others."""
        if not self.fabric.is_global_zero:
            return nullcontext()
        return closing(TensorBoardLog(self.folder / "tensorboard", self.progress.epoch))

    def train_epoch(self) -> None:
        """Make the steps of the epoch that are not done yet, with a checkpoint every few minutes.

        Raises:
            HilumError: the loss is NaN or infinite.
        """
        progress, scheme, seed = self.progress, self.recipe.training, self.recipe.seed
        epoch = progress.epoch + 1
        self.epoch_started = time.perf_counter() - progress.seconds
        set_trainable(self.state.model, self.recipe.transfer, epoch)
        batches = self.train.epoch(seed, epoch, self.fabric.device, start=progress.step, shard=self.shard)
        for batch in track(batches, f"epoch {epoch}/{scheme.epochs}", self.steps_per_epoch - progress.step):
            step = progress.epoch * self.steps_per_epoch + progress.step
            learning_rate = progress.schedule.learning_rate(scheme, step, self.steps_per_epoch)
            for group in self.state.optimizer.param_groups:
                group["lr"] = learning_rate * group["scale"]
            output = self.stepper.step(batch, seed=seed * 100_000_007 + step)
            if not output.losses.isfinite().all():
                what = _report_lost_batch(output, batch, self.train, self.folder, f"epoch {epoch}, step {step}")
                raise HilumError(f"{what}; {divergence_advice(self.state.model, self.last)}")
            if self.state.average:
                self.state.average.update_parameters(self.state.model)
            self.state.outputs.append(output)
            progress.step, progress.micro_batch_size = progress.step + 1, self.stepper.micro_batch_size
            minutes = (time.monotonic() - self.checkpoint_written) / 60
            if self.fabric.is_global_zero and minutes >= scheme.checkpoint_minutes:
                progress.seconds = time.perf_counter() - self.epoch_started
                self.write_checkpoint()

    def validate(self) -> Row:
        """Measure the epoch: a row of its training and validation metrics.

        Raises:
            HilumError: a validation loss is NaN or infinite.
        """
        epoch, steps = self.progress.epoch + 1, self.steps_per_epoch
        measured = validate(
            self.validated, self.val, self.shifted, self.recipe, self.objective, self.fabric, self.shard
        )
        for name, value in measured.items():
            if name.endswith("loss") and not math.isfinite(value):
                raise HilumError(
                    f"{name} is {value} after epoch {epoch}; {divergence_advice(self.state.model, self.last)}"
                )
        return {
            "epoch": epoch,
            "seconds": time.perf_counter() - self.epoch_started,
            "learning_rate": self.progress.schedule.learning_rate(self.recipe.training, epoch * steps - 1, steps),
            **metrics_row("train", *self.state.epoch_output()),
            **measured,
        }

    def end_epoch(self, row: Row) -> bool:
        """Count the epoch as done, update the schedule, and decide whether the epoch's weights are to be kept."""
        progress, scheme = self.progress, self.recipe.training
        self.history.append(row)
        progress.epoch, progress.step, progress.seconds, self.state.outputs = progress.epoch + 1, 0, 0.0, []
        value = monitored_value(row, scheme)
        progress.schedule.end_epoch(scheme, value)
        keep = is_kept(progress, value, scheme)
        if keep:
            progress.kept_epoch, progress.kept_value = progress.epoch, value
        return keep

    def write_epoch(self, row: Row, keep: bool) -> None:
        """Write history, weights and checkpoint; a run that is killed before the checkpoint repeats the epoch."""
        epoch, weights = self.progress.epoch, self.validated.state_dict()
        write_history(self.folder / "history.csv", self.history)
        if self.recipe.training.keep == "agreed":
            checkpoint.save(self.checkpoints / f"epoch-{epoch:04d}.safetensors", {"model": weights}, {})
        if keep:
            checkpoint.save(self.kept, {"model": weights}, {"epoch": epoch})
        self.write_checkpoint()

    def write_checkpoint(self) -> None:
        """Write the checkpoint from which the run can be resumed."""
        self.state.save(self.last)
        self.checkpoint_written = time.monotonic()

    def finish(self) -> FitResult:
        """Load the weights that were kept into the network, and put it back on the CPU."""
        self.fabric.barrier()
        model = self.state.model
        restore_batch_norms(model)
        # In place: where half a network was trained, the whole network shares the weights.
        model.load_state_dict(checkpoint.load(self.kept)[0]["model"])
        model.to("cpu", memory_format=torch.contiguous_format).requires_grad_(True).eval()  # type: ignore[call-overload]
        return FitResult(model, self.progress.kept_epoch, self.history, self.folder)


def set_up(model: nn.Module, train: Source, val: Source, recipe: Recipe, folder: Path) -> Trainer:
    """Put network, optimiser, objective and processes together; the network moves to the run's device."""
    scheme = recipe.training
    check_monitor(scheme, val.labels)
    shifted = [val.transformed(shift) for shift in ACQUISITION.shifts.values()] if scheme.val_shifts else []
    objective = make_loss_function(scheme, train.labels, train.classes)
    teacher = make_teacher(recipe, train.classes)
    fabric = set_up_device(scheme, gradual=bool(recipe.transfer.gradual))
    shard = shard_of(fabric, recipe.batches.size)
    model = model.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = _make_average(model, scheme.average)
    optimizer = make_optimizer(scheme, parameter_groups(model, recipe.transfer))
    state, steps = TrainingState(model, average, optimizer), train.batches_per_epoch
    trainer = Trainer(
        train, val, shifted, recipe, folder, fabric, shard, objective, teacher, state, steps_per_epoch=steps
    )
    if fabric.is_global_zero:
        for unfinished in trainer.checkpoints.glob(".*"):  # which a killed run was writing
            unfinished.unlink()
    return trainer


def _make_average(model: nn.Module, decay: float) -> AveragedModel | None:
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]


def _input_shape(films: Source) -> torch.Size:
    """The shape of the network's input for one film."""
    return next(iter(films.unaugmented(1))).inputs.shape[1:]


def _read_history_until(epoch: int, path: Path) -> list[Row]:
    rows = [row for row in read_history(path) if row.get("epoch", 0) <= epoch]
    if [row.get("epoch") for row in rows] != list(range(1, epoch + 1)):
        raise RequestError(
            f"{path}: lacks epochs of the {epoch} that the checkpoint has; restore the file, or start the run again"
        )
    return rows


def _report_lost_batch(output: StepOutput, batch: Batch, train: Source, folder: Path, when: str) -> str:
    """The message about a loss that is NaN or infinite; the films of the batch are written to a file."""
    names = [train.manifest.films[index].path for index in batch.indices]
    path = folder / "failed_batch.txt"
    write_text(path, "".join(f"{name}\n" for name in names))
    loss = float(output.losses[~output.losses.isfinite()][0])
    return f"the loss is {loss} in {when}, with {names[0]} and {len(names) - 1} other films (in {path})"
