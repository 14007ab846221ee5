"""The optimiser and how its learning rate goes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from hilum.recipe import Training
from hilum.training.thawing import Group

ONE_CYCLE_START, ONE_CYCLE_RISE = 25.0, 0.3  # those of torch.optim.lr_scheduler.OneCycleLR


def make_optimizer(scheme: Training, groups: Iterable[Group]) -> torch.optim.Optimizer:
    """The recipe's optimiser. SGD and Adam take weight decay as L2 on the loss, AdamW apart from it."""
    rate, decay = scheme.learning_rate, scheme.weight_decay
    parameters: Any = list(groups)
    if scheme.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay)
    if scheme.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)


@dataclass(slots=True)
class Schedule:
    """The learning rate at each step; what it remembers between epochs is plain numbers.

    Attributes:
        factor: what reductions on a plateau have multiplied the rate by so far.
        best: lowest cost on validation so far.
        waited: epochs since then, or since the last reduction.
    """

    factor: float = 1.0
    best: float = math.inf
    waited: int = 0

    def rate(self, scheme: Training, step: int, steps_an_epoch: int) -> float:
        """The learning rate at a step, counted from 0 over the whole run."""
        peak, floor = scheme.learning_rate, min(scheme.min_learning_rate, scheme.learning_rate)
        warmup = scheme.warmup_epochs * steps_an_epoch
        if step < warmup:
            return peak * (step + 1) / warmup
        last = scheme.epochs * steps_an_epoch - 1
        if scheme.schedule == "cosine":
            return _half_a_wave(peak, floor, (step - warmup) / max(1.0, last - warmup))
        if scheme.schedule == "one-cycle":
            top = ONE_CYCLE_RISE * (last + 1) - 1
            if step <= top:
                return _half_a_wave(peak / ONE_CYCLE_START, peak, step / top)
            return _half_a_wave(peak, floor, (step - top) / (last - top))
        return max(floor, peak * self.factor)

    def end_epoch(self, scheme: Training, cost: float) -> None:
        """Reduce on a plateau of what validation costs: the monitored figure, turned round where more is better."""
        if cost < self.best:
            self.best, self.waited = cost, 0
            return
        self.waited += 1
        if scheme.schedule == "plateau" and self.waited > scheme.plateau_patience:
            self.factor, self.waited = self.factor * scheme.plateau_factor, 0

    def state(self) -> dict[str, float]:
        """What to write down in order to go on later."""
        return asdict(self)


def _half_a_wave(start: float, end: float, done: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, done))) / 2
