"""Where a run stands, at any step: what a checkpoint holds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from hilum.errors import HilumError
from hilum.models import Network
from hilum.training import checkpoint
from hilum.training.schedule import Schedule
from hilum.training.step import Said


@dataclass(slots=True)
class Progress:
    """How far a run has come; plain numbers.

    Attributes:
        epoch: how many epochs are done.
        step: how many batches of the next one are done.
        seconds: that it took so far.
        at_once: films that go through the network together; 0 until that is settled.
        kept_epoch: the epoch whose weights are kept; 0 while there is none.
        kept_cost: what validation cost there.
        schedule: of the learning rate.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    at_once: int = 0
    kept_epoch: int = 0
    kept_cost: float = math.inf
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(slots=True)
class State:
    """Everything that a run needs to go on as if it had never stopped.

    A step depends on the recipe's seed, its epoch and its number alone; no generator has a state that outlives it.

    Attributes:
        model: what learns.
        average: the moving average of its weights, where there is one.
        optimizer: what moves them.
        progress: how far.
        said: what the network said in the batches of the epoch so far, for the epoch's row in the history.
    """

    model: nn.Module
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    progress: Progress = field(default_factory=Progress)
    said: list[Said] = field(default_factory=list)

    def of_epoch(self) -> Said:
        """What the network said in the epoch so far, as one."""
        return Said(*(torch.cat(column) for column in zip(*self.said, strict=True)))

    def save(self, path: Path) -> None:
        """Write the checkpoint, which appears whole or not at all.

        Raises:
            HilumError: a weight is no longer a number; the last checkpoint stays.
            OSError: the disk is full or gone; the last checkpoint stays.
        """
        lost = next((name for name, values in self.model.named_parameters() if not values.isfinite().all()), None)
        if lost is not None:
            when = f"epoch {self.progress.epoch + 1}, step {self.progress.step}"
            raise HilumError(f"weights are no longer numbers ({lost}) in {when}; {way_out(self.model, path)}")
        groups = {"model": self.model.state_dict(), "optimizer": checkpoint.optimizer_tensors(self.optimizer)}
        if self.average:
            groups["average"] = self.average.state_dict()
        if self.said:
            groups["said"] = self.of_epoch()._asdict()
        checkpoint.save(path, groups, asdict(self.progress))

    def restore(self, path: Path) -> None:
        """Take up what `save` wrote.

        Raises:
            RequestError: the checkpoint is damaged.
        """
        groups, notes = checkpoint.load(path)
        self.model.load_state_dict(groups["model"])
        checkpoint.restore_optimizer(self.optimizer, groups["optimizer"])
        if self.average:
            self.average.load_state_dict(groups["average"])
        self.progress = Progress(**{**notes, "schedule": Schedule(**notes["schedule"])})
        self.said = [Said(**groups["said"])] if "said" in groups else []


def way_out(model: nn.Module, last: Path) -> str:
    """What to do about a run whose figures are no longer numbers, and what there is of it."""
    kept = "there is no checkpoint yet"
    if last.exists():
        kept = f"the last good checkpoint is {last}"
        if isinstance(model, Network):  # of half a network no other starts
            kept += ", which another run can start from: weights.source"
    return f"lower training.learning_rate, or set training.clip_norm=1 ({kept})"
