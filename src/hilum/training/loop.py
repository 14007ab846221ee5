"""The training loop, readable from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from hilum.batches import BatchSource
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.training.distillation import read_teachers
from hilum.training.model_selection import check_monitor, stops_early
from hilum.training.objective import make_objective
from hilum.training.run_setup import make_trainer
from hilum.training.trainer import FitResult


def check_recipe(train: BatchSource, val: BatchSource, recipe: Recipe) -> None:
    """Check, before anything is written, that a recipe can be trained on these films and with its teacher.

    Raises:
        RequestError: the monitored metric is undefined on these validation films, or the class weights, the logit
            adjustment or the teacher (of knowledge distillation) do not fit the classes.
    """
    check_monitor(recipe.training, val.labels)
    make_objective(recipe, train)
    read_teachers(recipe, train.classes)


def fit(
    model: nn.Module,
    train: BatchSource,
    val: BatchSource,
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_epoch: Callable[[Row], None] = lambda row: None,
) -> FitResult:
    """Train a network.

    Under `torchrun` every process calls this, takes its shard of every batch, and returns the same result.

    Args:
        model: a network, or its layers after the frozen ones (the second part that `Network.split` returns). It is
            trained in place; the network that it was split from shares its weights.
        train: the training films, or the frozen layers' features of them where only the layers after are trained.
        val: the validation films, or their features; the epoch whose weights are kept is chosen on them.
        recipe: for the seed, the training settings, and which layers are trained from which epoch on.
        folder: gets `history.csv`, `checkpoints/` and TensorBoard's events.
        resume: resume from the folder's last checkpoint, where there is one.
        memory: the bytes that a step may take; a batch that needs more is split into micro-batches, whose gradients
            are accumulated. None takes what is free when the run begins, for the whole run.
        on_epoch: called with the metrics of every finished epoch, in the first process only.

    Raises:
        RequestError: recipe, films and machine do not fit together, or differ from those of the run that is resumed.
        HilumError: the loss is NaN or infinite.
    """
    scheme = recipe.training
    trainer = make_trainer(model, train, val, recipe, folder)
    if resume and trainer.files.last_checkpoint.exists():  # without a checkpoint yet, the run starts anew
        trainer.resume()
    else:
        trainer.write_fingerprint()
    trainer.prepare_steps(memory)

    with trainer.open_log() as log:
        while trainer.progress.epoch < scheme.epochs and not stops_early(trainer.progress, scheme):
            trainer.train_epoch()
            row = trainer.validate()
            keep = trainer.end_epoch(row)
            if log is not None:  # the first process alone writes and reports
                trainer.write_epoch(row, keep)
                log.add(row)
                on_epoch(row)
    return trainer.finish()
