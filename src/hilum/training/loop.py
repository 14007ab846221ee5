"""The training loop, readable from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hilum import bundle, metrics
from hilum.batches import Batch, Source
from hilum.errors import HilumError
from hilum.progress import track
from hilum.recipe import Recipe
from hilum.training import checkpoint
from hilum.training.history import Events, Row, read_history, write_history
from hilum.training.loss import class_weights, losses
from hilum.training.machine import make_fabric
from hilum.training.schedule import Schedule, make_optimizer
from hilum.training.thawing import learning_groups, thaw


@dataclass(slots=True)
class Run:
    """What training gave.

    Attributes:
        model: the network with the weights that were kept, on the CPU, in evaluation mode.
        kept_epoch: the epoch that they are from.
        history: a row an epoch.
        folder: where the run lies.
    """

    model: nn.Module
    kept_epoch: int
    history: list[Row]
    folder: Path


@dataclass(slots=True)
class Progress:
    """Where a run stands between two epochs; all of it goes into the checkpoint."""

    epoch: int = 0
    kept_epoch: int = 0
    kept_loss: float = math.inf
    schedule: Schedule = field(default_factory=Schedule)


def fit(
    model: nn.Module,
    train: Source,
    val: Source,
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    on_epoch: Callable[[Row], None] = lambda row: None,
) -> Run:
    """Train a network.

    Args:
        model: a network, or the half of one that `Network.split` leaves to learn; it is trained in place, and with
            it the network whose weights it shares.
        train: the films to learn from, or their features where half a network learns.
        val: the same of other patients, by which the checkpoint is chosen.
        recipe: seed, learning scheme, and what learns when.
        folder: gets `history.csv`, `checkpoints/` and TensorBoard's events.
        resume: go on from the folder's last checkpoint, where there is one.
        on_epoch: is told of every finished epoch.

    Raises:
        HilumError: the loss is no longer a number.
    """
    scheme = recipe.training
    fabric = make_fabric(scheme)
    model = model.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = _make_average(model, scheme.average)
    optimizer = make_optimizer(scheme, learning_groups(model, recipe.transfer))
    network, stepper = fabric.setup(model, optimizer)
    weights = None
    if scheme.class_weights == "balanced":
        weights = class_weights(train.labels, len(train.classes)).to(fabric.device)

    last, kept = folder / "checkpoints" / "last.safetensors", folder / "checkpoints" / "kept.safetensors"
    progress, history = Progress(), list[Row]()
    if resume and last.exists():  # a run that was stopped before its first checkpoint starts again
        progress = _restore(last, model, average, optimizer)
        history = [row for row in read_history(folder / "history.csv") if row["epoch"] <= progress.epoch]
    events = Events(folder / "tensorboard", progress.epoch)
    judged = average.module if average else model
    val_labels = torch.from_numpy(val.labels)

    while progress.epoch < scheme.epochs and not _stops_early(progress, recipe):
        progress.epoch += 1
        started = time.perf_counter()
        # Dropout draws from torch's own generator: from here on the epoch depends on the seed and its number alone.
        torch.manual_seed(recipe.seed * 100_003 + progress.epoch)
        thaw(model, recipe.transfer, progress.epoch)
        step = (progress.epoch - 1) * train.batches_an_epoch
        seen_logits, seen_labels = list[Tensor](), list[Tensor]()
        batches = train.epoch(recipe.seed, progress.epoch, fabric.device)
        for batch in track(batches, f"epoch {progress.epoch}/{scheme.epochs}", train.batches_an_epoch):
            rate = progress.schedule.rate(scheme, step, train.batches_an_epoch)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            logits = network(_channels_last(batch.inputs))
            loss = losses(logits, batch.labels, weights, scheme.label_smoothing).mean()
            if not torch.isfinite(loss):
                raise HilumError(
                    f"the loss is {loss.item()} in epoch {progress.epoch}, step {step}; lower training.learning_rate "
                    f"(the last good checkpoint is {last})"
                )
            fabric.backward(loss)
            stepper.step()
            stepper.zero_grad()
            if average:
                average.update_parameters(model)
            step += 1
            seen_logits.append(logits.detach().float().cpu())
            seen_labels.append(batch.labels.cpu())

        row: Row = {
            "epoch": progress.epoch,
            "seconds": time.perf_counter() - started,
            "learning_rate": rate,
            **_figures("train", torch.cat(seen_logits), torch.cat(seen_labels), weights),
            **_figures("val", logits_of(judged, val.plain(device=fabric.device)), val_labels, weights),
        }
        history.append(row)
        # What a killed run wrote of an epoch before its checkpoint is written again when the epoch is done again.
        write_history(folder / "history.csv", history)
        progress.schedule.end_epoch(scheme, row["val_loss"])
        if _is_kept(progress, row["val_loss"], recipe):
            progress.kept_epoch, progress.kept_loss = progress.epoch, row["val_loss"]
            checkpoint.save(kept, {"model": judged.state_dict()}, {"epoch": progress.epoch})
        _save(last, model, average, optimizer, progress)
        events.add(row)
        on_epoch(row)

    events.close()
    # Into the model that was given: half a network takes the whole one along.
    model.load_state_dict(checkpoint.load(kept)[0]["model"])
    model.to("cpu", memory_format=torch.contiguous_format).requires_grad_(True).eval()  # type: ignore[call-overload]
    return Run(model, progress.kept_epoch, history, folder)


@torch.no_grad()
def logits_of(model: nn.Module, batches: Iterable[Batch]) -> Tensor:
    """A network's logits for every film of the batches: (n, outputs) float32 on the CPU."""
    model.eval()
    return torch.cat([model(_channels_last(batch.inputs)).cpu() for batch in batches])


def _channels_last(inputs: Tensor) -> Tensor:
    """Maps in the layout that convolutions are fastest in; vectors as they are."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _figures(split: str, logits: Tensor, labels: Tensor, weights: Tensor | None) -> Row:
    """Loss without label smoothing, accuracy and, for two classes, AUROC."""
    probs = bundle.probabilities(logits.numpy())
    row: Row = {
        f"{split}_loss": float(losses(logits, labels, None if weights is None else weights.cpu()).mean()),
        f"{split}_accuracy": float((probs.argmax(axis=1) == labels.numpy()).mean()),
    }
    if probs.shape[1] == 2:
        row[f"{split}_auroc"] = float(metrics.auroc(labels.numpy() == 1, probs[:, 1]))
    return row


def _make_average(model: nn.Module, decay: float) -> AveragedModel | None:
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]


def _is_kept(progress: Progress, val_loss: float, recipe: Recipe) -> bool:
    if recipe.training.keep == "last":
        return True
    return progress.epoch >= recipe.training.min_epochs and val_loss < progress.kept_loss


def _stops_early(progress: Progress, recipe: Recipe) -> bool:
    patience = recipe.training.early_stopping
    return bool(patience and progress.kept_epoch and progress.epoch - progress.kept_epoch >= patience)


def _save(
    path: Path, model: nn.Module, average: AveragedModel | None, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    groups = {"model": model.state_dict(), "optimizer": checkpoint.optimizer_tensors(optimizer)}
    if average:
        groups["average"] = average.state_dict()
    notes = {
        "epoch": progress.epoch,
        "kept_epoch": progress.kept_epoch,
        "kept_loss": progress.kept_loss,
        "schedule": progress.schedule.state(),
    }
    checkpoint.save(path, groups, notes)


def _restore(
    path: Path, model: nn.Module, average: AveragedModel | None, optimizer: torch.optim.Optimizer
) -> Progress:
    groups, notes = checkpoint.load(path)
    model.load_state_dict(groups["model"])
    checkpoint.restore_optimizer(optimizer, groups["optimizer"])
    if average:
        average.load_state_dict(groups["average"])
    return Progress(**{**notes, "schedule": Schedule(**notes["schedule"])})
