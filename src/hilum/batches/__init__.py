"""Batches: sample films, augment them, stack them. Films come from the pixel cache and leave as tensors."""

from hilum.batches.augment import Views, apply, draw
from hilum.batches.batch import Batch, BatchSource, Transform
from hilum.batches.crops import center_crops, cut, draw_crops, scale
from hilum.batches.dataset import FilmBatches, make_batches
from hilum.batches.mix import mix
from hilum.batches.outlined import OutlineBatches
from hilum.batches.sampling import UNSHARDED, Shard, make_generator, partners, sequential_batches

__all__ = [
    "UNSHARDED",
    "Batch",
    "BatchSource",
    "FilmBatches",
    "OutlineBatches",
    "Shard",
    "Transform",
    "Views",
    "apply",
    "center_crops",
    "cut",
    "draw",
    "draw_crops",
    "make_batches",
    "make_generator",
    "mix",
    "partners",
    "scale",
    "sequential_batches",
]
