"""S1 has exactly the parameters that the study's table gives."""

from __future__ import annotations

import torch
from torch import nn

from hilum import models
from hilum.recipe import Model


def test_total_trainable_and_running_statistics() -> None:
    counts = models.count_parameters(models.build(Model(name="s1-cnn"), 128))
    assert (counts.total, counts.trainable, counts.not_trainable) == (2_525_121, 2_524_033, 1_088)


def test_every_layer() -> None:
    network = models.build(Model(name="s1-cnn"), 128)
    convolutions = [
        models.count_parameters(layer).total for layer in network.modules() if isinstance(layer, nn.Conv2d)
    ]
    norms = [models.count_parameters(layer).total for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    dense = [models.count_parameters(layer).total for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert convolutions == [320, 18_496, 36_928, 73_856, 295_168]
    assert norms == [128, 256, 256, 512, 1_024]
    assert dense == [2_097_664, 513]


def test_the_maps_halve_five_times() -> None:
    network = models.build(Model(name="s1-cnn"), 128).eval()
    sides = []
    for layer in network.modules():
        if isinstance(layer, nn.MaxPool2d):
            layer.register_forward_hook(lambda module, given, maps: sides.append(tuple(maps.shape[1:])))
    network(torch.rand(1, 1, 128, 128))
    assert sides == [(32, 64, 64), (64, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4)]
