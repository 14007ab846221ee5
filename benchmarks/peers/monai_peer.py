"""MONAI: a CacheDataset with everything before the first random transform in memory, as its tutorials write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from monai.data import CacheDataset, DataLoader, PILReader
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    Resized,
    ScaleIntensityd,
)

from benchmarks.peers.serve import Work, serve
from benchmarks.peers.torch_network import Learner

SIDE = 128


def s1(folder: Path) -> Work:
    """An epoch of S1, augmented."""
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    films = [
        {"image": str(path), "label": number}
        for number, name in enumerate(classes)
        for path in sorted((folder / name).iterdir())
    ]
    transforms = Compose(
        [
            LoadImaged("image", reader=PILReader(converter=lambda image: image.convert("L"))),
            EnsureChannelFirstd("image"),
            Resized("image", (SIDE, SIDE)),
            ScaleIntensityd("image"),
            RandFlipd("image", prob=0.5, spatial_axis=0),
            RandAffined(
                "image",
                prob=1.0,
                rotate_range=np.pi / 9,
                translate_range=(12, 12),
                scale_range=(0.2, 0.2),
                padding_mode="reflection",
            ),
            RandAdjustContrastd("image", prob=1.0, gamma=(0.5, 1.5)),
        ]
    )
    cached = CacheDataset(films, transforms, cache_rate=1.0, progress=False)
    batches = DataLoader(cached, batch_size=32, shuffle=True, num_workers=2, drop_last=True)
    learner = Learner()
    return lambda: learner.epoch((batch["image"].as_tensor(), batch["label"]) for batch in batches)


if __name__ == "__main__":
    serve({"s1": s1})
