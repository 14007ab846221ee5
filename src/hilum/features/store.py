"""Where features are kept: one store for each frozen network and preprocessing, in it one row a film and view.

    FOLDER/features/KEY/store.json          what KEY stands for, and the rows' shape
    FOLDER/features/KEY/film/               the features of the films as they are
    FOLDER/features/KEY/view-N-KEY/         those of the N-th drawn view of each film

The key covers everything that a feature depends on, so features of other weights, another preprocessing or other
draws are never read in its place. Films are told apart by their SHA-256, within the rows.
"""

from __future__ import annotations

import copy
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hilum.errors import RequestError
from hilum.files import cache_folder, write_text
from hilum.pixels.cache import store_folder
from hilum.recipe import Augment, Model, Pixels
from hilum.rows import ROWS_NAME, read_index

DTYPE = np.dtype(np.float16)


@dataclass(frozen=True, slots=True)
class Store:
    """The features of one frozen network under one preprocessing.

    Attributes:
        folder: where they lie.
        shape: of one film's features: (channels, height, width), or (d,) behind the pool.
    """

    folder: Path
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """The length of one film's features on disk."""
        return math.prod(self.shape) * DTYPE.itemsize

    def view_folder(self, view: int, augment: Augment, seed: int) -> Path:
        """Where the rows of a view lie: 0 is the film as it is, from 1 on they are drawn."""
        if view == 0:
            return self.folder / "film"
        return self.folder / f"view-{view}-{_key([augment, seed])[:8]}"

    def missing(self, folder: Path, hashes: list[str]) -> list[str]:
        """The films, once each and in order, that a view's folder has no whole row for."""
        known = set(read_index(folder, self.row_bytes))
        return [sha256 for sha256 in dict.fromkeys(hashes) if sha256 not in known]

    def open(self, folder: Path, hashes: list[str]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        """Map a view's rows into memory: (rows, *shape) float16, read-only, and the row of each film.

        Raises:
            RequestError: a film has no row.
        """
        index = read_index(folder, self.row_bytes)
        row_of = {sha256: row for row, sha256 in enumerate(index)}
        unknown = [sha256 for sha256 in hashes if sha256 not in row_of]
        if unknown:
            raise RequestError(f"{folder}: has no features of {len(unknown)} films; compute them first")
        rows: Any = np.memmap(folder / ROWS_NAME, dtype=DTYPE, mode="r", shape=(len(index), *self.shape))
        return rows, np.array([row_of[sha256] for sha256 in hashes], dtype=np.int64)


def store_for(
    frozen: nn.Module, model: Model, pixels: Pixels, *, bfloat16: bool = False, folder: Path | None = None
) -> Store:
    """The store of what a frozen network gives; it is made where it is not there yet.

    Args:
        frozen: from grey films to features, such as the first half of `Network.split`.
        model: the network that it is part of: the key holds its name, channels and normalisation.
        pixels: the preprocessing.
        bfloat16: whether features are computed in it.
        folder: where stores are kept; by default where caches are.

    Raises:
        RequestError: the folder holds features of something else, or its description is damaged.
    """
    films = torch.empty(1, 1, pixels.size, pixels.size, device="meta")
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
    store = Store((folder or cache_folder()) / "features" / _key(described)[:16], shape)
    path = store.folder / "store.json"
    if not path.exists():
        write_text(path, msgspec.json.format(msgspec.json.encode(described), indent=1).decode() + "\n")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError:
        raise RequestError(f"{path}: damaged; remove {store.folder} and its features are computed again") from None
    if found != described:
        other = ", ".join(key for key in described if found.get(key) != described[key])
        raise RequestError(
            f"{path}: these are features of something else (other {other}); remove {store.folder}, or set "
            "HILUM_CACHE to another folder"
        )
    return store


def _hash_of(module: nn.Module) -> str:
    """SHA-256 over the names, shapes and bytes of a module's weights."""
    digest = hashlib.sha256()
    for name, values in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}\n".encode())
        digest.update(values.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _key(described: object) -> str:
    return hashlib.sha256(msgspec.json.encode(described, order="deterministic")).hexdigest()
