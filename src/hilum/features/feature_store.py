"""Where features are kept: one store for each frozen network, preprocessing and view, in it one row a film.

    FOLDER/features/KEY/store.json          what KEY stands for, and the rows' shape
    FOLDER/features/KEY/film/               the features of the films as they are
    FOLDER/features/KEY/view-N-KEY/         those of the N-th drawn view of each film

The key covers everything that a feature depends on, so features of other weights, another preprocessing or other
draws are never read in their place. Films are identified by their SHA-256, within the rows.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hilum.pixels.pixel_cache import store_folder
from hilum.places import cache_folder
from hilum.recipe import Batches, Model, Pixels
from hilum.rows import RowStore, described_folder, key_of

DTYPE = np.dtype(np.float16)
CHUNK = 8  # films between two commits: what a killed pass loses at most
_WHAT = "features"


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """The features of one frozen network under one preprocessing.

    Attributes:
        folder: where they lie.
        shape: of one film's features: (channels, height, width), or (d,) after the pooling.
    """

    folder: Path
    shape: tuple[int, ...]

    def view(self, number: int, spec: Batches, seed: int) -> RowStore:
        """Return the rows of a view: 0 is the film as it is, or its central crop; from 1 on they are drawn."""
        crops = [spec.crop, spec.scales] if spec.crop else []
        name = f"view-{number}-{key_of([spec.augment, seed, *crops])[:8]}" if number else "film"
        if crops and not number:
            name = f"centre-{key_of(crops)[:8]}"
        return RowStore(self.folder / name, DTYPE, self.shape, _WHAT, CHUNK)


def store_for(
    frozen: nn.Module,
    model: Model,
    pixels: Pixels,
    side: int | None = None,
    *,
    bfloat16: bool = False,
    folder: Path | None = None,
) -> FeatureStore:
    """Return the store of what a frozen network gives; it is made where it is missing.

    Args:
        frozen: from grey films to features, such as the first half of `Network.split`.
        model: the network that it is part of: the key holds its name, channels and normalisation.
        pixels: the preprocessing.
        side: of the crops of films that the network is given, in pixels; None gives it whole films.
        bfloat16: whether features are computed in it.
        folder: where stores are kept; by default where caches are.

    Raises:
        RequestError: the folder holds features of something else, its description is damaged, or cannot be written.
    """
    side = side or pixels.size
    films = torch.empty(1, 1, side, side, device="meta")
    shape = tuple(copy.deepcopy(frozen).to("meta")(films).shape[1:])
    described = {
        "architecture": model.name,
        "channels": model.channels,
        "normalise": model.normalise,
        "stages": [name for name, _ in frozen.named_children()],
        "weights": _hash_of(frozen),
        "preprocessing": store_folder(pixels, Path()).name,
        "shape": list(shape),
        "computed_in": "bfloat16" if bfloat16 else "float32",
        "stored_in": DTYPE.name,
    }
    return FeatureStore(described_folder((folder or cache_folder()) / "features", described, _WHAT), shape)


def _hash_of(module: nn.Module) -> str:
    """SHA-256 over the names, shapes and bytes of a module's weights."""
    digest = hashlib.sha256()
    for name, values in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}\n".encode())
        digest.update(values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
