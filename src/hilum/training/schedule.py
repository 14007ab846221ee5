"""The optimiser and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from hilum.recipe import Training
from hilum.training.finetuning import ParameterGroup

ONE_CYCLE_START, ONE_CYCLE_RISE = 25.0, 0.3  # the defaults of torch.optim.lr_scheduler.OneCycleLR


def make_optimizer(scheme: Training, groups: Iterable[ParameterGroup]) -> torch.optim.Optimizer:
    """Make the recipe's optimiser. Weight decay is an L2 penalty for SGD and Adam, and decoupled for AdamW."""
    lr, weight_decay = scheme.learning_rate, scheme.weight_decay
    parameters: Any = list(groups)
    if scheme.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay)
    if scheme.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, fused=True)
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)


@dataclass(slots=True)
class Schedule:
    """The learning rate at each step. Its state between epochs is three plain numbers, which a checkpoint holds.

    Attributes:
        factor: the product of all reductions on a plateau so far.
        best: the lowest monitored value so far.
        num_bad_epochs: the number of epochs since then, or since the last reduction.
    """

    factor: float = 1.0
    best: float = math.inf
    num_bad_epochs: int = 0

    def learning_rate(self, scheme: Training, step: int, steps_per_epoch: int) -> float:
        """The learning rate at a step, counted from 0 over the whole run."""
        peak, floor = scheme.learning_rate, min(scheme.min_learning_rate, scheme.learning_rate)
        warmup = scheme.warmup_epochs * steps_per_epoch
        if step < warmup:
            return peak * (step + 1) / warmup
        last = scheme.epochs * steps_per_epoch - 1
        if scheme.schedule == "cosine":
            return _cosine(peak, floor, (step - warmup) / max(1.0, last - warmup))
        if scheme.schedule == "one-cycle":
            top = ONE_CYCLE_RISE * (last + 1) - 1
            if step <= top:
                return _cosine(peak / ONE_CYCLE_START, peak, step / top)
            return _cosine(peak, floor, (step - top) / (last - top))
        return max(floor, peak * self.factor)

    def end_epoch(self, scheme: Training, value: float) -> None:
        """Update the state by an epoch's monitored value (lower is better), and reduce the rate on a plateau."""
        if value < self.best:
            self.best, self.num_bad_epochs = value, 0
            return
        self.num_bad_epochs += 1
        if scheme.schedule == "plateau" and self.num_bad_epochs > scheme.plateau_patience:
            self.factor, self.num_bad_epochs = self.factor * scheme.plateau_factor, 0


def _cosine(start: float, end: float, done: float) -> float:
    """Go from start to end along half a cosine; `done` is the fraction of the way, from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, done))) / 2
