"""PyTorch's tutorial for transfer learning and data loading: a Dataset with Pillow, a DataLoader, float32.

Transforms are those that torchvision would apply to Pillow images, done with Pillow; two workers, as many as cores.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.serve import Work, serve
from benchmarks.peers.torch_network import Learner

SIDE = 128


class Films(Dataset[tuple[torch.Tensor, int]]):
    """Images in folders named after their classes, as `torchvision.datasets.ImageFolder`."""

    def __init__(self, folder: Path) -> None:
        classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self.films = [
            (path, number) for number, name in enumerate(classes) for path in sorted((folder / name).iterdir())
        ]

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        path, label = self.films[number]
        with Image.open(path) as image:
            film = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            film = ImageOps.mirror(film)
        film = film.rotate(  # and RandomAffine's translation and scale, in the same resampling
            random.uniform(-20, 20),
            Image.Resampling.BILINEAR,
            translate=(random.randint(-12, 12), random.randint(-12, 12)),
        )
        side = round(SIDE / random.uniform(0.8, 1.25))
        edge = (SIDE - side) // 2
        film = film.transform(
            (SIDE, SIDE), Image.Transform.EXTENT, (edge, edge, edge + side, edge + side), Image.Resampling.BILINEAR
        )
        film = ImageEnhance.Contrast(film).enhance(random.uniform(0.5, 1.5))
        values = torch.from_numpy(np.array(film)).float().div(255)
        return (values - 0.5).div(0.25)[None], label


def s1(folder: Path) -> Work:
    """An epoch of S1, augmented."""
    batches = DataLoader(Films(folder), batch_size=32, shuffle=True, num_workers=2, drop_last=True)
    learner = Learner()
    return lambda: learner.epoch(batches)


if __name__ == "__main__":
    serve({"s1": s1})
