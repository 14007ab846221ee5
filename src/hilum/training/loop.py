"""The training loop, readable from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from hilum.batches import Source
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.training.distillation import read_teachers
from hilum.training.loss import make_loss_function
from hilum.training.model_selection import check_monitor, stops_early
from hilum.training.trainer import FitResult, set_up


def check(train: Source, val: Source, recipe: Recipe) -> None:
    """Refuse a recipe that these films, or its teacher, do not allow to be trained; nothing is written.

    Raises:
        RequestError: a metric is monitored that these validation films do not have, or the class weights, the logit
            adjustment or the teacher do not fit the films.
    """
    check_monitor(recipe.training, val.labels)
    make_loss_function(recipe.training, train.labels, train.classes)
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
) -> FitResult:
    """Train a network.

    Under `torchrun` every process calls this, takes its shard of every batch, and returns the same result.

    Args:
        model: a network, or the second half of one as `Network.split` gives it. It is trained in place, and so is the
            network that shares its weights.
        train: the training films, or their features where half a network is trained.
        val: the same of other patients; the weights that are kept are chosen on them.
        recipe: seed, training scheme, and which parts are trained when.
        folder: gets `history.csv`, `checkpoints/` and TensorBoard's events.
        resume: resume from the folder's last checkpoint, where there is one.
        memory: the bytes that a step may take; a batch that needs more goes through the network in micro-batches.
            None takes what is free when the run begins, and keeps to that.
        on_epoch: called with the metrics of every finished epoch, in the first process only.

    Raises:
        RequestError: recipe, films and machine do not fit together, or are not those that the run was started with.
        HilumError: the loss is NaN or infinite.
    """
    scheme = recipe.training
    trainer = set_up(model, train, val, recipe, folder)
    if resume and trainer.last.exists():  # a run that was stopped before its first checkpoint starts again
        trainer.resume()
    else:
        trainer.begin()
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
