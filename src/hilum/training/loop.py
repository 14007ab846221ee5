"""The training loop, readable from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hilum.batches import Batch, Source
from hilum.errors import HilumError, RequestError
from hilum.files import write_text
from hilum.history import Row, read_history, write_history
from hilum.progress import track
from hilum.recipe import Recipe
from hilum.shifts import ACQUISITION
from hilum.training import checkpoint
from hilum.training.device import set_up_device
from hilum.training.figures import judge, row_of
from hilum.training.history import Events
from hilum.training.keeping import check_monitor, cost_of, is_kept, stops_early
from hilum.training.loss import make_objective
from hilum.training.micro_batches import micro_batch_size
from hilum.training.origin import check_origin, write_origin
from hilum.training.parallel import shard_of, share_batch_norms, unshare_batch_norms
from hilum.training.schedule import make_optimizer
from hilum.training.state import State, way_out
from hilum.training.step import Said, Stepper
from hilum.training.teacher import make_teacher, read_teachers
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


def check(train: Source, val: Source, recipe: Recipe) -> None:
    """Refuse a recipe whose learning scheme these films, or its teacher, cannot serve: before anything is written.

    Raises:
        RequestError: a figure that validation will not have is monitored; the weights or shares of the classes, or
            the teacher, do not go with these films.
    """
    check_monitor(recipe.training, val.labels)
    make_objective(recipe.training, train.labels, train.classes)
    read_teachers(recipe, train.classes)


def fit(
    model: nn.Module,
    train: Source,
    val: Source,
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_epoch: Callable[[Row], None] = lambda row: None,
) -> Run:
    """Train a network. Under `torchrun` each process calls this, takes its share of every batch, and gets the same.

    Args:
        model: a network, or the half of one that `Network.split` leaves to learn; it is trained in place, and with
            it the network whose weights it shares.
        train: the films to learn from, or their features where half a network learns.
        val: the same of other patients, by which the checkpoint is chosen.
        recipe: seed, learning scheme, and what learns when.
        folder: gets `history.csv`, `checkpoints/` and TensorBoard's events.
        resume: go on from the folder's last checkpoint, where there is one.
        memory: bytes that a step may take; a batch that needs more goes through the network in parts. None takes what
            is free, and once a run has begun what it began with.
        on_epoch: is told of every finished epoch.

    Raises:
        RequestError: recipe, films and machine do not go together, or are not those that the run was started with.
        HilumError: the loss is no longer a number.
    """
    scheme, checkpoints = recipe.training, folder / "checkpoints"
    last, kept, origin = (checkpoints / name for name in ("last.safetensors", "kept.safetensors", "origin.json"))
    check_monitor(scheme, val.labels)
    shifted = [val.transformed(shift) for shift in ACQUISITION.shifts.values()] if scheme.val_shifts else []
    objective = make_objective(scheme, train.labels, train.classes)
    teacher = make_teacher(recipe, train.classes)
    fabric = set_up_device(scheme, thaws=bool(recipe.transfer.gradual))
    shard, writes = shard_of(fabric, recipe.batches.size), fabric.is_global_zero
    model = model.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = _make_average(model, scheme.average)
    optimizer = make_optimizer(scheme, learning_groups(model, recipe.transfer))
    state, history = State(model, average, optimizer), list[Row]()
    for unfinished in checkpoints.glob(".*") if writes else ():  # a killed run was writing it
        unfinished.unlink()
    if resume and last.exists():  # a run that was stopped before its first checkpoint starts again
        check_origin(origin, recipe, train.manifest, val.manifest)
        state.restore(last)
        history = _history_until(state.progress.epoch, folder / "history.csv")
    elif writes:
        write_origin(origin, recipe, train.manifest, val.manifest)
    progress = state.progress
    if memory or not progress.at_once:
        progress.at_once = micro_batch_size(model, _shape(val), recipe.batches.size // shard.world_size, memory)
    if shard.world_size > 1 and scheme.shared_batch_norm:
        share_batch_norms(model)
    network, fabrics_optimizer = fabric.setup(model, optimizer)
    stepper = Stepper(
        fabric,
        network,
        fabrics_optimizer,
        objective.to(fabric.device),
        shard,
        scheme.clip_norm,
        progress.at_once,
        teacher,
    )
    events = Events(folder / "tensorboard", progress.epoch) if writes else None
    judged = average.module if average else model
    steps, saved_at = train.batches_per_epoch, time.monotonic()

    while progress.epoch < scheme.epochs and not stops_early(progress, scheme):
        number, started = progress.epoch + 1, time.perf_counter() - progress.seconds
        thaw(model, recipe.transfer, number)
        batches = train.epoch(recipe.seed, number, fabric.device, start=progress.step, shard=shard)
        for batch in track(batches, f"epoch {number}/{scheme.epochs}", steps - progress.step):
            step = progress.epoch * steps + progress.step
            rate = progress.schedule.rate(scheme, step, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            said = stepper.step(batch, seed=recipe.seed * 100_000_007 + step)
            if not said.costs.isfinite().all():
                what = _no_number(said, batch, train, folder, f"epoch {number}, step {step}")
                raise HilumError(f"{what}; {way_out(model, last)}")
            if average:
                average.update_parameters(model)
            state.said.append(said)
            progress.step, progress.at_once = progress.step + 1, stepper.at_once
            if writes and time.monotonic() - saved_at >= 60 * scheme.checkpoint_minutes:
                progress.seconds = time.perf_counter() - started
                state.save(last)
                saved_at = time.monotonic()

        judgement = judge(judged, val, shifted, recipe, objective, fabric, shard)
        for name, value in judgement.items():
            if name.endswith("loss") and not math.isfinite(value):
                raise HilumError(f"{name} is {value} behind epoch {number}; {way_out(model, last)}")
        row: Row = {
            "epoch": number,
            "seconds": time.perf_counter() - started,
            "learning_rate": progress.schedule.rate(scheme, number * steps - 1, steps),
            **row_of("train", *state.of_epoch()),
            **judgement,
        }
        history.append(row)
        progress.epoch, progress.step, progress.seconds, state.said = number, 0, 0.0, []
        cost = cost_of(row, scheme)
        progress.schedule.end_epoch(scheme, cost)
        keeps = is_kept(progress, cost, scheme)
        if keeps:
            progress.kept_epoch, progress.kept_cost = number, cost
        if events is None:
            continue
        # What a killed run wrote of an epoch before its checkpoint is written again when the epoch is done again.
        write_history(folder / "history.csv", history)
        if scheme.keep == "agreed":
            checkpoint.save(checkpoints / f"epoch-{number:04d}.safetensors", {"model": judged.state_dict()}, {})
        if keeps:
            checkpoint.save(kept, {"model": judged.state_dict()}, {"epoch": number})
        state.save(last)
        saved_at = time.monotonic()
        events.add(row)
        try:
            on_epoch(row)
        except BaseException:  # whoever was told wants no more of it
            events.close()
            raise

    if events is not None:
        events.close()
    fabric.barrier()
    unshare_batch_norms(model)
    # Into the model that was given: half a network takes the whole one along.
    model.load_state_dict(checkpoint.load(kept)[0]["model"])
    model.to("cpu", memory_format=torch.contiguous_format).requires_grad_(True).eval()  # type: ignore[call-overload]
    return Run(model, progress.kept_epoch, history, folder)


def _history_until(epoch: int, path: Path) -> list[Row]:
    rows = [row for row in read_history(path) if row.get("epoch", 0) <= epoch]
    if [row.get("epoch") for row in rows] != list(range(1, epoch + 1)):
        raise RequestError(
            f"{path}: lacks epochs of the {epoch} that the checkpoint has; put it back, or start again"
        )
    return rows


def _shape(films: Source) -> torch.Size:
    """Of what the network is shown for one film."""
    return next(iter(films.unaugmented(1))).inputs.shape[1:]


def _make_average(model: nn.Module, decay: float) -> AveragedModel | None:
    if not decay:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]


def _no_number(said: Said, batch: Batch, train: Source, folder: Path, when: str) -> str:
    """What to say of a loss that is no longer a number; the batch's films are written down."""
    names = [train.manifest.films[number].path for number in batch.indices]
    write_text(folder / "failed_batch.txt", "".join(f"{name}\n" for name in names))
    lost = float(said.costs[~said.costs.isfinite()][0])
    return (
        f"the loss is {lost} in {when}, with {names[0]} and {len(names) - 1} other films (in "
        f"{folder / 'failed_batch.txt'})"
    )
