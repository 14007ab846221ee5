"""Numbers of parameters, as torch and as Keras count them, and of multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class ParameterCounts:
    """Parameters as Keras counts them: a batch norm's running mean and variance are parameters that do not train."""

    total: int
    trainable: int

    @property
    def not_trainable(self) -> int:
        """The number of frozen parameters and running statistics."""
        return self.total - self.trainable


def multiply_adds(model: nn.Module, size: int) -> int:
    """The number of multiply-adds for one image of `size` × `size` pixels, as torch counts them."""
    training = model.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 1, size, size))
    model.train(training)
    return int(counter.get_total_flops()) // 2


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Count a model's parameters and running statistics."""
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    stored = model.state_dict(keep_vars=True)
    total = sum(values.numel() for values in stored.values() if values.dtype != torch.int64)
    return ParameterCounts(total=total, trainable=trainable)
