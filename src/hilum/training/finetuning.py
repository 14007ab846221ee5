"""Which parts of a network are trained, in which epochs, and at which learning rate."""

from __future__ import annotations

from typing import TypedDict

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hilum.models import Network
from hilum.recipe import Transfer


class ParameterGroup(TypedDict):
    """Parameters with a common learning rate: `scale` times the schedule's."""

    params: list[nn.Parameter]
    scale: float


def trainable_parts(model: nn.Module) -> list[nn.Module]:
    """The parts of a network that have weights, from input to output: the trunk's stages and the dense layers.

    Args:
        model: a whole network, or the second half of one as `Network.split` gives it.
    """
    parts = model.parts().values() if isinstance(model, Network) else model.children()
    return [part for part in parts if any(True for _ in part.parameters())]


def parameter_groups(model: nn.Module, transfer: Transfer) -> list[ParameterGroup]:
    """The optimiser's parameter groups: each part's rate is `layer_decay` times that of the next part.

    Source: Howard & Ruder, "Universal language model fine-tuning", ACL 2018, section 3.2.
    """
    parts = trainable_parts(model)
    if transfer.layer_decay == 1:
        return [{"params": list(model.parameters()), "scale": 1.0}]
    return [
        {"params": list(part.parameters()), "scale": transfer.layer_decay ** (len(parts) - 1 - position)}
        for position, part in enumerate(parts)
    ]


def set_trainable(model: nn.Module, transfer: Transfer, epoch: int) -> None:
    """Put a model into training mode, and freeze the parts that are not trained in this epoch (counted from 1).

    With `transfer.gradual`, training starts with the last part, and the next part before it is unfrozen after every
    so many epochs (Howard & Ruder, section 3.3). A frozen part is in evaluation mode: it applies no dropout and does
    not update its batch statistics.
    """
    model.train()
    parts = trainable_parts(model)
    unfrozen = 1 + (epoch - 1) // transfer.gradual if transfer.gradual else len(parts)
    for position, part in enumerate(parts):
        trained = position >= len(parts) - unfrozen
        part.train(trained).requires_grad_(trained)
    if transfer.batch_norm == "frozen":
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval().requires_grad_(False)
