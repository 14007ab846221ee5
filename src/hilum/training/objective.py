"""What a network is trained for: which losses are minimised, and which figures the history has of them."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor

from hilum.batches import Batch, BatchSource
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.training.loss import make_loss_function
from hilum.training.outlining import make_outline_objective
from hilum.training.parallel import gather

Columns = dict[str, Tensor]


class Objective(Protocol):
    """What the loop minimises and reports: `LossFunction` for classes, `OutlineObjective` for outlines.

    The network's output is what the objective's own networks give: logits, or a tuple of them.
    """

    def training_losses(self, output: Any, batch: Batch, /) -> Tensor:
        """The loss of each film that the optimiser minimises, (n,) float32, from the network's output for a batch."""

    def columns(self, output: Any, batch: Batch, /) -> Columns:
        """What the history's metrics need of each film.

        Returns:
            Tensors of n rows, by name. `losses`, (n,) float32, are always among them.
        """

    def metrics(self, prefix: str, columns: Columns, /) -> Row:
        """The metrics of films, in columns of the history that begin with `prefix` and an underscore.

        Args:
            prefix: such as `train` or `val`.
            columns: as `columns` gave them, of any number of batches, concatenated.
        """

    def to(self, device: torch.device, /) -> Objective:
        """A copy on another device."""


def make_objective(recipe: Recipe, train: BatchSource) -> Objective:
    """The recipe's objective for its training films.

    Raises:
        RecipeError: it does not fit the films' classes.
    """
    if recipe.outlines:
        return make_outline_objective(recipe.outlines)
    return make_loss_function(recipe.training, train.labels, train.classes)


def gather_columns(fabric: Fabric, columns: Columns, indices: Tensor, n: int) -> Columns:
    """Gather the columns of films that several processes hold, the same in each of them.

    Args:
        fabric: joins the processes.
        columns: of this process's films; (m,) or (m, k) each.
        indices: (m,) int64, the rows of these films in the result.
        n: the number of films over all processes.

    Returns:
        The same columns of all films, float32 on the CPU.
    """
    parts = [values.detach().float().reshape(len(indices), -1) for values in columns.values()]
    table = gather(fabric, torch.cat(parts, dim=1), indices, n)
    gathered = torch.split(table, [part.shape[1] for part in parts], dim=1)
    return {
        name: (part if values.ndim > 1 else part[:, 0]).contiguous()
        for (name, values), part in zip(columns.items(), gathered, strict=True)
    }


def concatenate(parts: list[Columns]) -> Columns:
    """The columns of several batches, one batch after the other."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
