"""S1 as one writes it in PyTorch, for the peers that train it there."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def s1() -> nn.Sequential:
    """The study's own network for films (n, 1, 128, 128)."""
    parts: list[nn.Module] = []
    channels = 1
    for width, dropout in ((32, 0.0), (64, 0.1), (64, 0.2), (128, 0.2), (256, 0.2)):
        parts += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        parts += [nn.Dropout(dropout)] if dropout else []
        parts += [nn.BatchNorm2d(width), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*parts, nn.Flatten(), nn.Dropout(0.2), nn.Linear(4096, 512), nn.ReLU(), nn.Linear(512, 1))


class Learner:
    """The loop of PyTorch's tutorials."""

    def __init__(self) -> None:
        self.network = s1()
        self.criterion = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-4)

    def epoch(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> int:
        """Learn from every batch; returns how many films there were."""
        self.network.train()
        count, running = 0, 0.0
        for inputs, labels in batches:
            self.optimizer.zero_grad()
            loss = self.criterion(self.network(inputs).squeeze(1), labels.float())
            loss.backward()
            self.optimizer.step()
            running += loss.item() * len(labels)
            count += len(labels)
        return count
