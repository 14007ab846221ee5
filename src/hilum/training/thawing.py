"""Which parts of a network learn, when, and how fast."""

from __future__ import annotations

from typing import TypedDict

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hilum.models import Network
from hilum.recipe import Transfer


class Group(TypedDict):
    """Parameters that share a learning rate: `scale` times the schedule's."""

    params: list[nn.Parameter]
    scale: float


def learning_parts(model: nn.Module) -> list[nn.Module]:
    """The parts of a network that have weights, from the films on: the trunk's stages and the dense layers.

    Args:
        model: a whole network, or the half of one that `Network.split` leaves to learn.
    """
    parts = model.parts().values() if isinstance(model, Network) else model.children()
    return [part for part in parts if any(True for _ in part.parameters())]


def learning_groups(model: nn.Module, transfer: Transfer) -> list[Group]:
    """Parameters with the share of the learning rate at which they learn: `layer_decay` less for each part behind.

    Source: Howard & Ruder, "Universal language model fine-tuning", ACL 2018, section 3.2.
    """
    parts = learning_parts(model)
    if transfer.layer_decay == 1:
        return [{"params": list(model.parameters()), "scale": 1.0}]
    return [
        {"params": list(part.parameters()), "scale": transfer.layer_decay ** (len(parts) - 1 - position)}
        for position, part in enumerate(parts)
    ]


def thaw(model: nn.Module, transfer: Transfer, epoch: int) -> None:
    """Put a model into training mode, but for what does not learn in this epoch (counted from 1).

    With `gradual`, the last part learns first and one more joins every so many epochs (Howard & Ruder, section 3.3).
    A part that does not learn is in evaluation mode: no dropout, no new batch statistics.
    """
    model.train()
    parts = learning_parts(model)
    learning = 1 + (epoch - 1) // transfer.gradual if transfer.gradual else len(parts)
    for position, part in enumerate(parts):
        learns = position >= len(parts) - learning
        part.train(learns).requires_grad_(learns)
    if transfer.batch_norm == "frozen":
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval().requires_grad_(False)
